//! Markets and queries to compare on.

use marketplace_money::{Amount, Did, ListingId, Reputation, Timestamp};
use marketplace_search::{Document, Query, ServiceKind, Sort};
use proptest::option::weighted;
use proptest::prelude::*;

#[derive(Clone, Debug)]
pub(crate) enum Change {
    Upsert(Document),
    Remove(ListingId),
    SetReputation(Did, Reputation),
}

pub(crate) fn id(number: u32) -> ListingId {
    format!("{number:032x}").parse().expect("32 digits are an id")
}

pub(crate) fn provider(number: u32) -> Did {
    format!("did:seller:{number}").parse().expect("a seller has a DID")
}

const VOCABULARY: [&str; 14] = [
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

fn any_document(ids: std::ops::Range<u32>) -> impl Strategy<Value = Document> {
    let texts = (any_text(3), any_text(7), any_text(3));
    (ids, 0u32..4, any_kind(), texts, any_price(), any_reputation(), 0i64..4).prop_map(
        |(number, seller, service_type, texts, price, reputation, created)| Document {
            id: id(number),
            provider: provider(seller),
            service_type,
            name: texts.0,
            description: texts.1,
            metadata_text: texts.2,
            price,
            reputation,
            created_at: Timestamp::from_micros(created),
        },
    )
}

pub(crate) fn any_changes(most: usize) -> impl Strategy<Value = Vec<Change>> {
    let change = prop_oneof![
        6 => any_document(0..40).prop_map(Change::Upsert),
        2 => (0u32..40).prop_map(|number| Change::Remove(id(number))),
        1 => (0u32..5, any_reputation())
            .prop_map(|(seller, reputation)| Change::SetReputation(provider(seller), reputation)),
    ];
    proptest::collection::vec(change, 0..most)
}

fn any_sort() -> impl Strategy<Value = Sort> {
    proptest::sample::select(
        &[
            Sort::Relevance,
            Sort::PriceAscending,
            Sort::PriceDescending,
            Sort::Newest,
            Sort::Reputation,
        ][..],
    )
}

pub(crate) fn any_query() -> impl Strategy<Value = Query> {
    let text = prop_oneof![
        Just(None),
        any_text(4).prop_map(Some),
        proptest::sample::select(&["d", "WE", "data dat", "dat data dat", "csv ц", "zzz"][..])
            .prop_map(|text| Some(text.to_owned())),
    ];
    let filters = (
        weighted(0.3, any_kind()),
        weighted(0.4, any_price()),
        weighted(0.4, any_price()),
        weighted(0.3, any_reputation()),
        weighted(0.15, (0u32..5).prop_map(provider)),
    );
    (text, filters, any_sort(), 1usize..8).prop_map(|(text, filters, sort, limit)| Query {
        text,
        service_type: filters.0,
        min_price: filters.1,
        max_price: filters.2,
        min_reputation: filters.3,
        provider: filters.4,
        sort,
        after: None,
        limit,
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
            price: Amount::from_nano(self.below(1_000).into()),
            reputation: Reputation::from_milli(i64::from(self.below(200_000)) - 100_000),
            created_at: Timestamp::from_micros(self.below(5_000).into()),
        }
    }
}
