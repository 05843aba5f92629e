//! Offers and the life of a listing, as tables.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use marketplace_listings::{
    AcceptancePolicy, Listing, ListingRefusal, ListingStatus, Offer, OfferEdit, ServiceType, Terms,
};
use marketplace_money::{Amount, Did, Gaps, ListingId, Seconds, Timestamp};

fn offer() -> Offer {
    Offer {
        service_type: ServiceType::DataProcessing,
        name: "CSV Analyzer".into(),
        description: "Analyze CSV files".into(),
        price: Amount::from_avt(5),
        metadata: "{}".into(),
        terms: Terms::default(),
    }
}

fn did(name: &str) -> Did {
    name.parse().unwrap()
}

fn listing() -> Listing {
    let id: ListingId = "0197f3a2-7c1e-7aaa-8b1b-0242ac120002".parse().unwrap();
    Listing::create(id, did("did:provider"), offer(), Timestamp::default()).unwrap()
}

#[test]
fn what_makes_an_offer_invalid() {
    type Spoil = fn(&mut Offer);
    let check = |field: &str, spoil: Spoil| {
        let mut offer = offer();
        spoil(&mut offer);
        let invalid = offer.validate().expect_err(field);
        assert_eq!(invalid.field, field);
    };
    assert_eq!(offer().validate(), Ok(()));
    check("name", |o| o.name = "  ".into());
    check("name", |o| o.name = "ä".repeat(121));
    check("name", |o| o.name = "a\0b".into());
    check("description", |o| o.description = "x".repeat(4_001));
    check("description", |o| o.description = "\u{1b}[31m".into());
    check("price", |o| o.price = Amount::ZERO);
    check("price", |o| o.price = Amount::from_avt(-1));
    check("price", |o| o.price = Amount::MAX);
    check("metadata", |o| o.metadata = "x".repeat(16 * 1024 + 1));
    check("terms.delivery_seconds", |o| o.terms.delivery = Seconds(59));
    check("terms.delivery_seconds", |o| o.terms.delivery = Seconds::from_hours(24));
    check("terms.revisions", |o| o.terms.revisions = 11);
    check("terms.acceptance_policy", |o| o.terms.acceptance = AcceptancePolicy::AutoOnDelivery);
    check("terms.checks", |o| o.terms.acceptance = AcceptancePolicy::Verified);
}

#[test]
fn life() {
    let (provider, other) = (did("did:provider"), did("did:other"));
    let (start, gaps) = (Timestamp::default(), Gaps::none());
    let active = listing();
    assert!(active.is_active(start, &gaps));
    assert_eq!(active.pause(&other), Err(ListingRefusal::NotProvider));
    let paused = active.pause(&provider).unwrap();
    assert!(!paused.is_active(start, &gaps) && paused.counts());
    assert_eq!(paused.pause(&provider), Err(ListingRefusal::WrongStatus(ListingStatus::Paused)));
    let end = start.plus(Listing::LIFE);
    assert!(paused.resume(&provider, start, &gaps).unwrap().is_active(start, &gaps));
    assert!(paused.resume(&provider, end, &gaps).is_err());
    assert!(!active.is_active(end, &gaps));
    assert_eq!(active.expire(start, &gaps), Err(ListingRefusal::NotDue { due: end }));
    let expired = active.expire(end, &gaps).unwrap();
    assert!(!expired.counts());
    let renewed = expired.renew(&provider, end).unwrap();
    assert!(renewed.is_active(end, &gaps));
    let gone = renewed.delist(&provider).unwrap();
    assert_eq!(gone.version, 4);
    for refusal in [
        gone.renew(&provider, end),
        gone.delist(&provider),
        gone.expire(end.plus(Listing::LIFE), &gaps),
        gone.edit(&provider, OfferEdit::default(), end),
    ] {
        assert_eq!(refusal, Err(ListingRefusal::WrongStatus(ListingStatus::Delisted)));
    }
}

#[test]
fn a_price_rise_is_noticed_for_ten_minutes() {
    let start = Timestamp::default();
    let edit = |price| OfferEdit { price: Some(Amount::from_avt(price)), ..OfferEdit::default() };
    let cheaper = listing().edit(&did("did:provider"), edit(4), start).unwrap();
    assert!(!cheaper.price_rose_lately(start));
    let dearer = cheaper.edit(&did("did:provider"), edit(6), start).unwrap();
    assert!(dearer.price_rose_lately(start.plus(Seconds(599))));
    assert!(!dearer.price_rose_lately(start.plus(Seconds(600))));
    assert_eq!(dearer.offer.name, "CSV Analyzer");
}
