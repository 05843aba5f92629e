//! Markets and queries to compare on.

use marketplace_money::{Amount, Currency, Did, ListingId, Reputation, Seconds, Timestamp};
use marketplace_search::{Acceptance, Document, Matching, Query, SellerFacts, ServiceKind, Sort};
use proptest::option::weighted;
use proptest::prelude::*;

#[derive(Clone, Debug)]
pub(crate) enum Change {
    Upsert(Document),
    Remove(ListingId),
    SetSeller(Did, SellerFacts),
}

pub(crate) fn id(number: u32) -> ListingId {
    format!("{number:032x}").parse().expect("32 digits are an id")
}

pub(crate) fn provider(number: u32) -> Did {
    format!("did:seller:{number}").parse().expect("a seller has a DID")
}

const VOCABULARY: [&str; 19] = [
    "data",
    "Database",
    "DATE",
    "dat",
    "csv",
    "weather",
    "WEB",
    "we",
    "straße",
    "Ünïcode",
    "цена",
    "ценник",
    "x",
    "42",
    "analysis",
    "anlysis",
    "Analytics",
    "translation",
    "trnaslations",
];

fn any_text(most: usize) -> impl Strategy<Value = String> {
    let word = proptest::sample::select(&VOCABULARY[..]);
    let gap = proptest::sample::select(&[" ", ", ", "_", "/", "-- "][..]);
    proptest::collection::vec((word, gap), 0..most)
        .prop_map(|parts| parts.into_iter().flat_map(|(word, gap)| [word, gap]).collect())
}

fn any_kind() -> impl Strategy<Value = ServiceKind> {
    proptest::sample::select(&ServiceKind::ALL[..3])
}

/// Few different values, so that ties and empty ranges are common.
fn any_price() -> impl Strategy<Value = Amount> {
    (0i64..6).prop_map(Amount::from_avt)
}

fn any_reputation() -> impl Strategy<Value = Reputation> {
    (-3i64..4).prop_map(|step| Reputation::from_milli(step * 33_333))
}

fn any_facts() -> impl Strategy<Value = SellerFacts> {
    (any_reputation(), 0u32..9, 0u32..3).prop_map(|(reputation, kept, broken)| SellerFacts {
        reputation,
        kept,
        broken,
    })
}

fn any_acceptance() -> impl Strategy<Value = Acceptance> {
    proptest::sample::select(&Acceptance::ALL[..])
}

fn any_delivery() -> impl Strategy<Value = Seconds> {
    (1u32..5).prop_map(|hours| Seconds(hours * 3_000))
}

fn any_document(ids: std::ops::Range<u32>) -> impl Strategy<Value = Document> {
    let texts = (any_text(3), any_text(7), any_text(3), any_text(2));
    let terms = (any_price(), any::<bool>(), any_delivery(), any_acceptance());
    (ids, 0u32..4, any_kind(), texts, terms, any_facts(), 0i64..4).prop_map(
        |(number, seller, service_type, texts, terms, facts, created)| Document {
            id: id(number),
            provider: provider(seller),
            service_type,
            name: texts.0,
            description: texts.1,
            metadata_text: texts.2,
            tags: texts.3,
            price: terms.0,
            price_follows_reputation: terms.1,
            currency: Currency::Avt,
            delivery: terms.2,
            acceptance: terms.3,
            seller: facts,
            // Two on the same day, the others weeks apart.
            created_at: Timestamp::from_micros(created + 86_400_000_000 * 20 * (created / 2)),
        },
    )
}

pub(crate) fn any_changes(most: usize) -> impl Strategy<Value = Vec<Change>> {
    let change = prop_oneof![
        6 => any_document(0..40).prop_map(Change::Upsert),
        2 => (0u32..40).prop_map(|number| Change::Remove(id(number))),
        1 => (0u32..5, any_facts())
            .prop_map(|(seller, facts)| Change::SetSeller(provider(seller), facts)),
    ];
    proptest::collection::vec(change, 0..most)
}

fn any_sort() -> impl Strategy<Value = Sort> {
    proptest::sample::select(
        &[
            Sort::Relevance,
            Sort::Relevance,
            Sort::PriceAscending,
            Sort::PriceDescending,
            Sort::Newest,
            Sort::Reputation,
            Sort::Fulfilment,
        ][..],
    )
}

pub(crate) fn any_query() -> impl Strategy<Value = Query> {
    let odd = ["d", "WE", "data dat", "dat data dat", "csv ц", "zzz", "analisys", "tranlsation x"];
    let text = prop_oneof![
        Just(None),
        any_text(4).prop_map(Some),
        proptest::sample::select(odd.to_vec()).prop_map(|text| Some(text.to_owned())),
    ];
    let filters = (
        weighted(0.3, any_kind()),
        weighted(0.4, any_price()),
        weighted(0.4, any_price()),
        weighted(0.3, any_reputation()),
        weighted(0.2, any_reputation()),
        weighted(0.15, (0u32..5).prop_map(provider)),
        weighted(0.2, any_delivery()),
        weighted(0.2, any_acceptance()),
        weighted(0.1, Just(Currency::Avt)),
    );
    let shape = (any_sort(), 1usize..8, any::<bool>(), any::<bool>(), weighted(0.2, Just(())));
    (text, filters, shape).prop_map(|(text, filters, shape)| Query {
        text,
        matching: if shape.4.is_some() { Matching::Any } else { Matching::All },
        service_type: filters.0,
        min_price: filters.1,
        max_price: filters.2,
        min_reputation: filters.3,
        max_reputation: filters.4,
        provider: filters.5,
        max_delivery: filters.6,
        acceptance: filters.7,
        currency: filters.8,
        sort: shape.0,
        spread: shape.2,
        explore: false,
        facets: shape.3,
        after: None,
        limit: shape.1,
        now: Timestamp::from_micros(86_400_000_000 * 30),
    })
}

/// Steps of a linear congruence: the same numbers in every run, and no proptest shrinking over
/// thousands of listings.
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn below(&mut self, bound: u32) -> u32 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let [high @ .., _, _, _, _] = self.0.to_be_bytes();
        u32::from_be_bytes(high) % bound
    }

    pub(crate) fn document(&mut self, number: u32) -> Document {
        let mut text = |words: usize| -> String {
            // The smaller of two: some words are common, most are rare.
            (0..words).map(|_| format!("w{} ", self.below(400).min(self.below(400)))).collect()
        };
        let (name, description) = (text(3), text(12));
        Document {
            id: id(number),
            provider: provider(self.below(50)),
            service_type: ServiceKind::ALL[self.below(5) as usize],
            name,
            description,
            metadata_text: String::new(),
            tags: String::new(),
            price: Amount::from_nano(self.below(1_000).into()),
            price_follows_reputation: self.below(4) == 0,
            currency: Currency::Avt,
            delivery: Seconds(self.below(100_000)),
            acceptance: Acceptance::ALL[self.below(3) as usize],
            seller: SellerFacts {
                reputation: Reputation::from_milli(i64::from(self.below(200_000)) - 100_000),
                kept: self.below(30),
                broken: self.below(3),
            },
            created_at: Timestamp::from_micros(self.below(5_000).into()),
        }
    }
}
