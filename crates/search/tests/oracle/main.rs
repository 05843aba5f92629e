//! The index against a naive scan: same hits, same order, same totals, page by page.

mod inputs;
mod scan;

use inputs::{Change, Numbers, any_changes, any_query, id, provider};
use marketplace_money::{Amount, Reputation, Timestamp};
use marketplace_search::{Cursor, Document, Index, Page, Query, ServiceKind, Sort};
use proptest::prelude::*;
use scan::{Oracle, ids};

/// As a client gets it: the cursor makes a trip as text.
fn page(index: &Index, query: &Query, after: Option<Cursor>) -> Page {
    let after = after.map(|cursor| cursor.to_string().parse().expect("a cursor can be read back"));
    index.search(&Query { after, ..query.clone() }).expect("the query is within its bounds")
}

fn check(index: &Index, oracle: &Oracle, query: &Query) {
    let expect = oracle.search(query);
    let (mut hits, mut after) = (Vec::new(), None);
    loop {
        let page = page(index, query, after);
        assert_eq!(page.total, expect.len(), "total of {query:?}");
        assert!(page.hits.len() <= query.limit);
        assert!(page.next.is_none() || page.hits.len() == query.limit, "a short page has no next");
        hits.extend(page.hits);
        assert!(hits.len() <= expect.len(), "pages of {query:?} go on for ever");
        match page.next {
            Some(cursor) => after = Some(cursor),
            None => break,
        }
    }
    assert_eq!(hits, ids(&expect), "hits of {query:?}");
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
        Change::SetReputation(provider, reputation) => {
            index.set_reputation(&provider, reputation);
            oracle.set_reputation(&provider, reputation);
        }
    }
    assert_eq!(index.len(), oracle.listings.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn answers_as_a_scan_would(
        changes in any_changes(120),
        queries in proptest::collection::vec(any_query(), 12),
    ) {
        let (mut index, mut oracle) = (Index::new(), Oracle::default());
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
        let (mut index, mut oracle) = (Index::new(), Oracle::default());
        for change in before {
            apply(&mut index, &mut oracle, change);
        }
        let first = page(&index, &query, None);
        let expect = oracle.search(&query);
        let Some(cursor) = first.next else { return Ok(()) };
        let last = expect[first.hits.len() - 1];
        for change in between {
            apply(&mut index, &mut oracle, change);
        }
        let second = page(&index, &query, Some(cursor));
        let mut later = oracle.search(&query);
        prop_assert_eq!(second.total, later.len());
        later.retain(|key| *key > last);
        let more = later.len() > query.limit;
        later.truncate(query.limit);
        prop_assert_eq!(second.hits, ids(&later));
        prop_assert_eq!(second.next.is_some(), more);
    }

    /// No text makes trouble, however odd, in a listing or in a query.
    #[test]
    fn any_text_is_survived(name in "\\PC*", description in ".{0,300}", asked in ".{0,300}") {
        let (mut index, number) = (Index::new(), 7);
        let document = Document {
            id: id(number),
            provider: provider(1),
            service_type: ServiceKind::Custom,
            name: name.clone(),
            description,
            metadata_text: String::new(),
            price: Amount::ZERO,
            reputation: Reputation::UNKNOWN,
            created_at: Timestamp::default(),
        };
        index.upsert(document).unwrap();
        let search = |text: &str| {
            index.search(&Query { text: Some(text.to_owned()), ..Query::default() })
        };
        let _refused_or_answered = search(&asked);
        // Whatever a listing is called, it is found by its own name.
        if let Ok(page) = search(&name) {
            prop_assert_eq!(page.hits, vec![id(number)]);
        }
    }
}

fn queries_of_a_larger_market() -> Vec<Query> {
    let plain = Query { limit: 150, ..Query::default() };
    let price = |nano| Some(Amount::from_nano(nano));
    let mut queries = Vec::new();
    for sort in [
        Sort::Relevance,
        Sort::PriceAscending,
        Sort::PriceDescending,
        Sort::Newest,
        Sort::Reputation,
    ] {
        let with = |query: Query| Query { sort, ..query };
        queries.extend([
            with(plain.clone()),
            with(Query { service_type: Some(ServiceKind::Storage), ..plain.clone() }),
            with(Query { min_price: price(900), limit: 7, ..plain.clone() }),
            with(Query { min_price: price(100), max_price: price(990), ..plain.clone() }),
            with(Query { min_reputation: Some(Reputation::from_milli(10_000)), ..plain.clone() }),
            with(Query {
                max_price: price(500),
                min_reputation: Some(Reputation::from_milli(80_000)),
                ..plain.clone()
            }),
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
    let (mut index, mut oracle) = (Index::new(), Oracle::default());
    let mut numbers = Numbers(7);
    for round in 0..3 {
        for step in 0..3_000 {
            let number = numbers.below(3_000);
            let change = match numbers.below(10) {
                0 => Change::Remove(id(number)),
                1 if step % 16 == 0 => Change::SetReputation(
                    provider(number % 60),
                    Reputation::from_milli(i64::from(number) * 30),
                ),
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
