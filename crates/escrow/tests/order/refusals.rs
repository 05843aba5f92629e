//! Which refusal comes first when several would be right.

use std::collections::BTreeSet;

use marketplace_escrow::{Actor, Command, DeliveryInput, OrderRefusal, Phase, Verb};
use marketplace_listings::Invalid;
use marketplace_money::Amount;

use crate::common::{DEAL, Deal, Play, START, parse};

/// All refusals in the order in which they are checked.
fn all() -> Vec<OrderRefusal> {
    let (verb, phase, due) = (Verb::Start, Phase::Accepted, START);
    vec![
        OrderRefusal::NotFound,
        OrderRefusal::WrongRole { verb },
        OrderRefusal::WrongPhase { verb, phase },
        OrderRefusal::TooLate { due },
        OrderRefusal::TooEarly { due },
        OrderRefusal::NoRevisionsLeft,
        OrderRefusal::NoOffer,
        OrderRefusal::Invalid(Invalid::new("note", "must be shorter")),
        OrderRefusal::OfferChanged { seller: Amount::ZERO },
        OrderRefusal::ContentRequired,
        OrderRefusal::NotAnnounced,
        OrderRefusal::HashMismatch,
    ]
}

fn check(play: &Play, role: Actor, command: &Command, expect: &str) {
    let refusal = play.ask(role, command).unwrap_err();
    assert_eq!(refusal.code(), expect, "{command:?}");
}

fn says(script: &str, step: &str, expect: &str) {
    let (role, command) = parse(step);
    check(&Play::after(DEAL, script), role, &command, expect);
}

fn long() -> std::sync::Arc<str> {
    "x".repeat(2_001).into()
}

#[test]
fn the_earlier_check_hides_the_later() {
    let ended = "seller deliver | buyer accept";
    // wrong_role before wrong_phase
    says(ended, "buyer start", "wrong_role");
    // wrong_phase before too_late, too_early and everything that the command carries
    says("seller deliver | +100h", "seller start", "wrong_phase");
    says("", "timer lapse-review", "wrong_phase");
    says(ended, "buyer offer-split -1", "wrong_phase");
    says(ended, "seller fail 3 x", "wrong_phase");
    // too_late before no_revisions_left, no_offer and invalid
    let no_more = "seller deliver | buyer request-changes | seller deliver";
    says(&format!("{no_more} | +24h"), "buyer request-changes", "too_late");
    says("+24h", "seller accept-split", "too_late");
    says("+24h", "buyer offer-split -1", "too_late");
    says("+24h", "seller deliver nothing", "too_late");
    // too_early
    says("+9h", "buyer claim-non-delivery", "too_early");
    // no_revisions_left before invalid
    let play = Play::after(DEAL, no_more);
    let changes = Command::RequestChanges { note: long() };
    check(&play, Actor::Buyer, &changes, "no_revisions_left");
    check(&Play::after(DEAL, "seller deliver"), Actor::Buyer, &changes, "invalid");
    // no_offer before offer_changed
    says("", "buyer accept-split 1", "no_offer");
    says("buyer offer-split 2", "buyer accept-split 1", "no_offer");
    says("seller offer-split 2", "buyer accept-split 1", "offer_changed");
    // invalid
    for step in ["buyer offer-split -1", "seller offer-split 5.000000001"] {
        says("", step, "invalid");
    }
    for step in ["arbitration rule -1", "arbitration settle-dispute 5.000000001"] {
        says("buyer dispute", step, "invalid");
    }
}

#[test]
fn of_a_delivery() {
    let play = Play::funded(DEAL);
    let says = |input: DeliveryInput, expect: &str| {
        check(&play, Actor::Seller, &Command::Deliver(input), expect);
    };
    // invalid before content_required
    says(DeliveryInput::Nothing { note: Some(long()) }, "invalid");
    says(DeliveryInput::Nothing { note: None }, "content_required");
    // invalid before not_announced before hash_mismatch
    let bytes = |size: u64, uri: Option<&str>| DeliveryInput::Bytes {
        sha256: [1; 32],
        claimed_sha256: Some([2; 32]),
        size,
        uri: uri.map(Into::into),
        media_type: None,
        note: None,
        checks: None,
    };
    says(bytes(u64::MAX, Some("https://seller.example/x")), "invalid");
    says(bytes(1, Some("https://seller.example/x")), "not_announced");
    says(bytes(1, None), "hash_mismatch");
    says(bytes(u64::MAX, None), "invalid");
}

#[test]
fn a_stranger_has_no_role() {
    let order = Play::funded(DEAL).order;
    assert_eq!(order.role_of(&order.buyer), Some(Actor::Buyer));
    assert_eq!(order.role_of(&order.seller), Some(Actor::Seller));
    assert_eq!(order.role_of(&"did:stranger".parse().unwrap()), None);
}

#[test]
fn nobody_acts_in_the_name_of_both() {
    let play = Play::after(Deal { ..DEAL }, "seller offer-split 2");
    for role in [Actor::Party, Actor::OtherParty] {
        let command = parse("buyer accept-split").1;
        check(&play, role, &command, "wrong_role");
    }
}

#[test]
fn codes_and_texts() {
    let codes: Vec<_> = all().iter().map(OrderRefusal::code).collect();
    assert_eq!(
        codes,
        [
            "order_not_found",
            "wrong_role",
            "wrong_phase",
            "too_late",
            "too_early",
            "no_revisions_left",
            "no_offer",
            "invalid",
            "offer_changed",
            "content_required",
            "not_announced",
            "hash_mismatch",
        ]
    );
    assert_eq!(codes.iter().collect::<BTreeSet<_>>().len(), codes.len());
    for refusal in all() {
        assert!(!refusal.to_string().is_empty());
    }
    let wrong = OrderRefusal::WrongPhase { verb: Verb::Deliver, phase: Phase::Delivered };
    assert_eq!(wrong.to_string(), "The order is DELIVERED, it cannot deliver now");
}
