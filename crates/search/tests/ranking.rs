//! What relevance promises beyond a sorted list: sellers make way, newcomers get a place, scores
//! can be explained, and no text makes trouble.

use std::collections::BTreeSet;

use marketplace_money::{Amount, Currency, ListingId, Reputation, Seconds, Timestamp};
use marketplace_search::{
    Acceptance, Blend, Cursor, Document, FULL, Index, Page, Query, SellerFacts, ServiceKind,
};

const DAY: i64 = 86_400_000_000;

fn id(number: u32) -> ListingId {
    format!("{number:032x}").parse().expect("32 digits are an id")
}

fn document(number: u32, seller: u32, name: &str, facts: SellerFacts) -> Document {
    Document {
        id: id(number),
        provider: format!("did:seller:{seller}").parse().expect("it is a DID"),
        service_type: ServiceKind::Analysis,
        name: name.into(),
        description: String::new(),
        metadata_text: String::new(),
        tags: String::new(),
        price: Amount::from_avt(i64::from(number) + 1),
        price_follows_reputation: false,
        currency: Currency::Avt,
        delivery: Seconds(60),
        acceptance: Acceptance::BuyerConfirms,
        seller: facts,
        created_at: Timestamp::from_micros(DAY * 100),
    }
}

const KNOWN: SellerFacts = SellerFacts { reputation: Reputation::UNKNOWN, kept: 50, broken: 0 };

/// Seller 0 has fifty listings of the best standing; twenty others have one each.
fn market() -> Index {
    let mut index = Index::default();
    let best = SellerFacts { reputation: Reputation::from_milli(100_000), ..KNOWN };
    for number in 0..50 {
        index.upsert(document(number, 0, "csv cleaning", best)).expect("there is room");
    }
    for number in 50..70 {
        index.upsert(document(number, number, "csv cleaning", KNOWN)).expect("there is room");
    }
    index
}

fn search(index: &Index, query: &Query, after: Option<Cursor>) -> Page {
    let now = Timestamp::from_micros(DAY * 101);
    index.search(&Query { after, now, ..query.clone() }).expect("the query is good")
}

fn all(index: &Index, query: &Query) -> Vec<Page> {
    let mut pages = vec![search(index, query, None)];
    while let Some(cursor) = pages.last().and_then(|page| page.next) {
        assert!(pages.len() < 100, "pages go on for ever");
        pages.push(search(index, query, Some(cursor)));
    }
    pages
}

fn of_first_seller(page: &Page) -> usize {
    page.hits.iter().filter(|hit| hit.id < id(50)).count()
}

#[test]
fn no_seller_fills_a_page_while_others_match() {
    let index = market();
    let check = |text: Option<&str>, spread: bool, expect: usize| {
        let text = text.map(ToOwned::to_owned);
        let query = Query { text, spread, limit: 20, ..Query::default() };
        let pages = all(&index, &query);
        assert_eq!(of_first_seller(&pages[0]), expect, "{query:?}");
        let shown: BTreeSet<ListingId> =
            pages.iter().flat_map(|page| &page.hits).map(|hit| hit.id).collect();
        assert_eq!(shown.len(), 70, "everything is shown once");
    };
    check(Some("csv"), true, 3);
    check(None, true, 3);
    check(Some("csv"), false, 20);
    check(None, false, 20);
}

#[test]
fn a_newcomer_has_a_labelled_place_on_the_first_page_and_no_second_one() {
    let mut index = market();
    for number in 100..140 {
        let newcomer = SellerFacts { kept: 1, ..SellerFacts::default() };
        index.upsert(document(number, number, "csv cleaning", newcomer)).expect("there is room");
    }
    for text in [Some("cleaning csv".to_owned()), None] {
        let query = Query { text, limit: 10, ..Query::default() };
        let pages = all(&index, &query);
        let tried: Vec<usize> = pages
            .iter()
            .flat_map(|page| page.hits.iter().enumerate())
            .filter(|(_, hit)| hit.is_newcomer)
            .map(|(at, _)| at)
            .collect();
        assert_eq!(tried, [4], "one, at the fifth place");
        assert!(pages[0].hits[4].is_newcomer && pages[0].hits[4].id >= id(100));
        let shown: Vec<ListingId> =
            pages.iter().flat_map(|page| &page.hits).map(|hit| hit.id).collect();
        assert_eq!((shown.len(), pages[0].total), (110, 110));
        assert_eq!(shown.iter().collect::<BTreeSet<_>>().len(), 110, "nothing is shown twice");
        let plain = all(&index, &Query { explore: false, ..query.clone() });
        assert!(plain.iter().flat_map(|page| &page.hits).all(|hit| !hit.is_newcomer));
    }
    // Another day, another newcomer.
    let query = Query { text: Some("csv".into()), limit: 10, ..Query::default() };
    let tried: BTreeSet<ListingId> = (101..121)
        .map(|day| Query { now: Timestamp::from_micros(DAY * day), ..query.clone() })
        .map(|query| index.search(&query).expect("the query is good").hits[4].id)
        .collect();
    assert!(tried.len() > 5, "{} newcomers in twenty days", tried.len());
    let late = Query { now: Timestamp::from_micros(DAY * 140), ..query };
    let page = index.search(&late).expect("the query is good");
    assert!(page.hits.iter().all(|hit| !hit.is_newcomer), "listings do not stay new");
}

#[test]
fn the_parts_of_a_score_sum_up_to_it() {
    let index = market();
    let query = Query { text: Some("csv cleaning".into()), ..Query::default() };
    let page = search(&index, &query, None);
    let Blend { text, reputation, fulfilment, price, freshness } = *index.blend();
    for hit in &page.hits {
        let score = hit.score;
        let parts = [
            (score.text, text),
            (score.reputation, reputation),
            (score.fulfilment, fulfilment),
            (score.price, price),
            (score.freshness, freshness),
        ];
        let sum: u64 =
            parts.iter().map(|&(part, weight)| u64::from(part) * u64::from(weight)).sum();
        assert_eq!(u64::from(score.total), sum / u64::from(FULL));
        assert!(parts.iter().all(|&(part, _)| part <= FULL));
    }
    let first = page.hits[0].score;
    assert_eq!((first.reputation, first.price), (FULL, FULL), "the best of sellers, the cheapest");
}

#[test]
fn listings_that_say_the_same_are_similar() {
    let mut index = market();
    for (number, name) in [(200, "image upscaling"), (201, "upscale image photos"), (202, "poems")]
    {
        index.upsert(document(number, number, name, KNOWN)).expect("there is room");
    }
    let similar = |number| -> Vec<ListingId> {
        let hits = index.similar(id(number), 5, Timestamp::default());
        hits.iter().map(|hit| hit.id).collect()
    };
    assert_eq!(similar(200), [id(201)]);
    assert_eq!(similar(202), []);
    assert_eq!(similar(1).len(), 5);
    assert!(!similar(1).contains(&id(1)));
    assert_eq!(similar(999), []);
}

#[test]
fn what_nobody_has_whole_is_found_in_part() {
    let index = market();
    let check = |text: &str, expect: (usize, bool)| {
        let page = search(&index, &Query { text: Some(text.into()), ..Query::default() }, None);
        assert_eq!((page.total, page.is_partial), expect, "{text}");
    };
    check("csv cleaning", (70, false));
    check("csv cleaning quickly please", (70, true));
    check("cleanign", (70, false));
    check("quickly please", (0, false));
}
