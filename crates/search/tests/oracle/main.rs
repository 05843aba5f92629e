//! The index against a naive scan: same hits, same order, same totals, page by page.

mod inputs;
mod scan;

use inputs::{Change, Numbers, any_changes, any_query, id, provider};
use marketplace_money::{Amount, Currency, ListingId, Reputation, Seconds, Timestamp};
use marketplace_search::{
    Acceptance, Blend, Builder, Cursor, Document, Index, Page, PostingLists, Query, SellerFacts,
    ServiceKind, Sort,
};
use proptest::prelude::*;
use scan::{Oracle, ids};

/// As a client gets it: the cursor makes a trip as text.
fn page(index: &Index, query: &Query, after: Option<Cursor>) -> Page {
    let after = after.map(|cursor| cursor.to_string().parse().expect("a cursor can be read back"));
    index.search(&Query { after, ..query.clone() }).expect("the query is within its bounds")
}

/// An index of nothing, over the lists that are to be checked.
#[cfg(not(feature = "tantivy"))]
fn lists() -> Box<dyn PostingLists> {
    Box::<marketplace_search::MemoryLists>::default()
}

/// It commits all the time, so that both what tantivy holds and what it does not yet hold is asked.
#[cfg(feature = "tantivy")]
fn lists() -> Box<dyn PostingLists> {
    let lists = marketplace_search::TantivyLists::in_memory(17);
    Box::new(lists.expect("tantivy starts its threads"))
}

/// Tantivy takes milliseconds for what memory does in microseconds.
const CASES: u32 = if cfg!(feature = "tantivy") { 24 } else { 128 };

fn empty() -> Index {
    Index::with_lists(Blend::DEFAULT, lists())
}

fn shown(page: &Page) -> Vec<ListingId> {
    page.hits.iter().map(|hit| hit.id).collect()
}

fn check(index: &Index, oracle: &Oracle, query: &Query) {
    let expect = oracle.search(query);
    let (mut hits, mut after) = (Vec::new(), None);
    loop {
        let page = page(index, query, after);
        assert_eq!(page.total, expect.keys.len(), "total of {query:?}");
        assert_eq!(page.is_partial, expect.is_partial, "{query:?}");
        assert_eq!(page.facets, query.facets.then_some(expect.facets), "facets of {query:?}");
        assert!(page.hits.len() <= query.limit);
        assert!(page.next.is_none() || page.hits.len() == query.limit, "a short page has no next");
        hits.extend(shown(&page));
        assert!(hits.len() <= expect.keys.len(), "pages of {query:?} go on for ever");
        match page.next {
            Some(cursor) => after = Some(cursor),
            None => break,
        }
    }
    assert_eq!(hits, ids(&expect.keys), "hits of {query:?}");
}

fn apply(index: &mut Index, oracle: &mut Oracle, change: Change) {
    match change {
        Change::Upsert(document) => {
            index.upsert(document.clone()).expect("the index has room");
            oracle.upsert(document);
        }
        Change::Remove(id) => {
            index.remove(id);
            oracle.listings.remove(&id);
        }
        Change::SetSeller(provider, facts) => {
            index.set_seller(&provider, facts);
            oracle.set_seller(&provider, facts);
        }
    }
    assert_eq!(index.len(), oracle.listings.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn answers_as_a_scan_would(
        changes in any_changes(120),
        queries in proptest::collection::vec(any_query(), 12),
    ) {
        let (mut index, mut oracle) = (empty(), Oracle::default());
        for change in changes {
            apply(&mut index, &mut oracle, change);
        }
        for query in queries {
            check(&index, &oracle, &query);
        }
    }

    /// The second page begins behind the last hit of the first, whatever happened to the listings
    /// in between.
    #[test]
    fn a_cursor_stays_good_while_listings_change(
        before in any_changes(80),
        between in any_changes(40),
        query in any_query(),
    ) {
        let (mut index, mut oracle) = (empty(), Oracle::default());
        for change in before {
            apply(&mut index, &mut oracle, change);
        }
        let first = page(&index, &query, None);
        let expect = oracle.search(&query).keys;
        let Some(cursor) = first.next else { return Ok(()) };
        let last = expect[first.hits.len() - 1];
        for change in between {
            apply(&mut index, &mut oracle, change);
        }
        let second = page(&index, &query, Some(cursor));
        let expect = oracle.search(&query);
        // What had all of the words and has only some now, or the other way round, goes on as it
        // began: there is nothing to compare it with.
        if expect.is_partial != first.is_partial {
            return Ok(());
        }
        let mut later = expect.keys;
        prop_assert_eq!(second.total, later.len());
        later.retain(|key| *key > last);
        let more = later.len() > query.limit;
        later.truncate(query.limit);
        prop_assert_eq!(shown(&second), ids(&later));
        prop_assert_eq!(second.next.is_some(), more);
    }

    /// No text makes trouble, however odd, in a listing or in a query.
    #[test]
    fn any_text_is_survived(name in "\\PC*", description in ".{0,300}", asked in ".{0,300}") {
        let (mut index, number) = (empty(), 7);
        let document = Document {
            id: id(number),
            provider: provider(1),
            service_type: ServiceKind::Custom,
            name: name.clone(),
            description,
            metadata_text: String::new(),
            tags: String::new(),
            price: Amount::ZERO,
            price_follows_reputation: false,
            currency: Currency::Avt,
            delivery: Seconds(1),
            acceptance: Acceptance::Verified,
            seller: SellerFacts::default(),
            created_at: Timestamp::default(),
        };
        index.upsert(document).unwrap();
        let search = |text: &str| {
            index.search(&Query { text: Some(text.to_owned()), ..Query::default() })
        };
        let _refused_or_answered = search(&asked);
        // Whatever a listing is called, it is found by its own name.
        if let Ok(page) = search(&name) {
            prop_assert_eq!(shown(&page), vec![id(number)]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES / 8))]

    /// What is built at once answers, and changes, like what has grown.
    #[test]
    fn built_at_once_is_as_good_as_grown(
        before in any_changes(80),
        after in any_changes(40),
        queries in proptest::collection::vec(any_query(), 6),
    ) {
        let (mut grown, mut oracle) = (empty(), Oracle::default());
        for change in before {
            apply(&mut grown, &mut oracle, change);
        }
        let mut builder = Builder::with_lists(Blend::DEFAULT, lists());
        for document in oracle.listings.values() {
            builder.add(document.clone()).expect("the index has room");
        }
        let mut built = builder.finish();
        for query in &queries {
            check(&built, &oracle, query);
        }
        for change in after {
            apply(&mut built, &mut oracle, change);
        }
        for query in &queries {
            check(&built, &oracle, query);
        }
    }
}

fn queries_of_a_larger_market() -> Vec<Query> {
    let plain = Query { limit: 150, explore: false, ..Query::default() };
    let price = |nano| Some(Amount::from_nano(nano));
    let mut queries = Vec::new();
    for sort in [
        Sort::Relevance,
        Sort::PriceAscending,
        Sort::PriceDescending,
        Sort::Newest,
        Sort::Reputation,
        Sort::Fulfilment,
    ] {
        let with = |query: Query| Query { sort, ..query };
        queries.extend([
            with(plain.clone()),
            with(Query { spread: false, facets: true, ..plain.clone() }),
            with(Query { service_type: Some(ServiceKind::Storage), ..plain.clone() }),
            with(Query { min_price: price(900), limit: 7, ..plain.clone() }),
            with(Query { min_price: price(100), max_price: price(990), ..plain.clone() }),
            with(Query { min_reputation: Some(Reputation::from_milli(10_000)), ..plain.clone() }),
            with(Query { max_reputation: Some(Reputation::from_milli(-10_000)), ..plain.clone() }),
            with(Query {
                max_price: price(500),
                min_reputation: Some(Reputation::from_milli(80_000)),
                ..plain.clone()
            }),
            with(Query { acceptance: Some(Acceptance::Verified), ..plain.clone() }),
            with(Query { max_delivery: Some(Seconds(5_000)), limit: 40, ..plain.clone() }),
            with(Query { provider: Some(provider(3)), ..plain.clone() }),
            with(Query { text: Some("w1".into()), ..plain.clone() }),
            with(Query { text: Some("w12 w7".into()), max_price: price(700), ..plain.clone() }),
            with(Query { text: Some("w3 w".into()), ..plain.clone() }),
        ]);
    }
    queries
}

#[test]
fn a_larger_market_with_much_coming_and_going() {
    let (mut index, mut oracle) = (empty(), Oracle::default());
    let mut numbers = Numbers(7);
    for round in 0..2 {
        for step in 0..2_000 {
            let number = numbers.below(2_000);
            let change = match numbers.below(10) {
                0 => Change::Remove(id(number)),
                1 if step % 16 == 0 => {
                    let reputation = Reputation::from_milli(i64::from(number) * 30);
                    let facts = SellerFacts { reputation, kept: number % 50, broken: number % 3 };
                    Change::SetSeller(provider(number % 60), facts)
                }
                _ => Change::Upsert(numbers.document(number)),
            };
            apply(&mut index, &mut oracle, change);
        }
        assert!(index.len() > 1_000, "round {round} has enough listings to split chunks");
        for query in queries_of_a_larger_market() {
            check(&index, &oracle, &query);
        }
    }
}
