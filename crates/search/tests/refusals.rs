//! Which queries are refused, and in which order the reasons are looked at.

use marketplace_money::{Amount, Currency, Seconds, Timestamp};
use marketplace_search::{
    Acceptance, Cursor, Document, Index, MAX_LIMIT, MAX_TEXT_CHARS, Query, SearchError,
    SellerFacts, ServiceKind, Sort,
};

fn market() -> Index {
    let mut index = Index::default();
    for number in 1..=3 {
        let document = Document {
            id: format!("{number:032x}").parse().expect("32 digits are an id"),
            provider: "did:seller".parse().expect("it is a DID"),
            service_type: ServiceKind::Analysis,
            name: "CSV analysis".into(),
            description: "Reads your tables".into(),
            metadata_text: "{\"format\":\"parquet\"}".into(),
            tags: "tables".into(),
            price: Amount::from_avt(number),
            price_follows_reputation: false,
            currency: Currency::Avt,
            delivery: Seconds(60),
            acceptance: Acceptance::BuyerConfirms,
            seller: SellerFacts::default(),
            created_at: Timestamp::default(),
        };
        index.upsert(document).expect("the index has room");
    }
    index
}

fn with_text(text: String) -> Query {
    Query { text: Some(text), ..Query::default() }
}

#[test]
fn refusals_in_their_order() {
    let index = market();
    let cursor = index.search(&Query { limit: 1, ..Query::default() }).unwrap().next;
    let check = |query: Query, expect: SearchError| {
        assert_eq!(index.search(&query), Err(expect), "{query:?}");
    };
    let too_long = "a ".repeat(MAX_TEXT_CHARS);
    check(Query { limit: 0, after: cursor, ..with_text(too_long) }, SearchError::TextTooLong);
    let too_many = "a ".repeat(17);
    check(Query { limit: 0, after: cursor, ..with_text(too_many) }, SearchError::TooManyWords);
    let other_text = "csv".to_owned();
    check(
        Query { limit: 0, after: cursor, ..with_text(other_text.clone()) },
        SearchError::LimitOutOfRange,
    );
    check(Query { limit: MAX_LIMIT + 1, ..Query::default() }, SearchError::LimitOutOfRange);
    check(Query { after: cursor, ..with_text(other_text) }, SearchError::ForeignCursor);
    check(
        Query { after: cursor, sort: Sort::Newest, ..Query::default() },
        SearchError::ForeignCursor,
    );
}

#[test]
fn a_forged_cursor_is_refused() {
    let index = market();
    let cursor = index.search(&Query { limit: 1, ..Query::default() }).unwrap().next.unwrap();
    let digits = cursor.to_string().len();
    let forged: Cursor = format!("{:0digits$x}", 1).parse().unwrap();
    let search = |after| index.search(&Query { after: Some(after), limit: 2, ..Query::default() });
    assert_eq!(search(forged), Err(SearchError::ForeignCursor));
    assert_eq!(search(cursor).map(|page| page.hits.len()), Ok(2));
}

#[test]
fn bounds_that_exclude_each_other_leave_nothing() {
    let query = Query {
        min_price: Some(Amount::from_avt(3)),
        max_price: Some(Amount::from_avt(1)),
        ..Query::default()
    };
    for sort in [Sort::Relevance, Sort::PriceAscending, Sort::PriceDescending, Sort::Newest] {
        let page = market().search(&Query { sort, ..query.clone() }).unwrap();
        assert_eq!((page.hits.len(), page.total, page.next), (0, 0, None));
    }
}

#[test]
fn zero_is_a_bound() {
    let check = |max_price, expect| {
        let query = Query { min_price: Some(Amount::ZERO), max_price, ..Query::default() };
        assert_eq!(market().search(&query).unwrap().total, expect);
    };
    check(None, 3);
    check(Some(Amount::ZERO), 0);
}

#[test]
fn metadata_is_found_too_and_a_text_without_words_asks_for_nothing() {
    let check = |text: &str, expect| {
        assert_eq!(market().search(&with_text(text.into())).unwrap().total, expect, "{text}");
    };
    check("parquet", 3);
    check("analysis csv", 3);
    check("analysis cs", 3);
    check("analisys csv", 3);
    check("tabels", 3);
    check("anal quux", 0);
    check("?!", 3);
}
