//! Which price a purchase pays.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use marketplace_fees::{Expectation, FeeSchedule, Quote, QuoteRefusal};
use marketplace_listings::{Listing, Offer, OfferEdit, Pricing, ServiceType, Terms};
use marketplace_money::{Amount, Did, Reputation, Seconds, Timestamp};

fn did(name: &str) -> Did {
    name.parse().unwrap()
}

fn listing() -> Listing {
    let offer = Offer {
        service_type: ServiceType::Custom,
        name: "n".into(),
        description: "d".into(),
        price: Amount::from_avt(5),
        metadata: "{}".into(),
        terms: Terms { pricing: Pricing::Reputation, ..Terms::default() },
    };
    let id = "0197f3a2-7c1e-7aaa-8b1b-0242ac120002".parse().unwrap();
    Listing::create(id, did("did:seller"), offer, Timestamp::default()).unwrap()
}

#[test]
fn a_buyer_pays_what_it_expects() {
    let fees = FeeSchedule::ORIGINAL;
    let start = Timestamp::default();
    let buyer = did("did:buyer");
    let old = listing();
    let edit = OfferEdit { price: Some(Amount::from_avt(6)), ..OfferEdit::default() };
    let dearer = old.edit(&old.provider, edit, start).unwrap();
    let quote = Quote::make(&fees, &old, buyer.clone(), Reputation::UNKNOWN, start).unwrap();
    let avt = |text: &str| text.parse::<Amount>().unwrap();
    let check = |listing: &Listing,
                 points: i64,
                 expects: Expectation,
                 after: u32,
                 outcome: Result<&str, QuoteRefusal>| {
        let reputation = Reputation::from_raw(points, 1);
        let now = start.plus(Seconds(after));
        let price = Quote::settle(&fees, listing, &buyer, reputation, &expects, now);
        assert_eq!(price.map(|price| price.total), outcome.map(avt), "{expects:?}");
    };
    let changed = |total| Err(QuoteRefusal::PriceChanged { total: avt(total) });
    check(&old, 0, Expectation::Nothing, 0, Ok("5.125"));
    check(&old, 0, Expectation::Total(avt("5.125")), 0, Ok("5.125"));
    check(&old, 0, Expectation::Total(avt("5.2")), 0, changed("5.125"));
    check(&dearer, 0, Expectation::Nothing, 599, changed("6.15"));
    check(&dearer, 0, Expectation::Nothing, 600, Ok("6.15"));
    check(&dearer, 0, Expectation::Total(avt("6.15")), 0, Ok("6.15"));
    let quoted = || Expectation::Quote(quote.clone());
    check(&old, 100, quoted(), 299, Ok("5.125"));
    check(&old, 100, quoted(), 300, Err(QuoteRefusal::Expired { total: avt("6.15") }));
    check(&dearer, 0, quoted(), 0, changed("6.15"));
    let foreign = Quote { buyer: did("did:other"), ..quote.clone() };
    check(&old, 0, Expectation::Quote(foreign), 0, Err(QuoteRefusal::NotYours));
}
