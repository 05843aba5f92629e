//! Who says that a delivery is good: acceptance policies, and what the provider alone can do.

use marketplace_escrow::{
    Actor, Command, DeliveryInput, OrderRefusal, OrderTerms, Phase, State, Verb, Work,
};
use marketplace_listings::{AcceptancePolicy, Terms};
use marketplace_money::Seconds;
use proptest::prelude::*;

use crate::common::{AUTO, DEAL, Deal, Play, RELEASE, VERIFIED};
use crate::walks::moves;

/// Each policy against each kind of delivery: where the order is then.
#[test]
fn what_a_delivery_makes() {
    let check = |deal: Deal, script: &str, expect: &str| {
        assert_eq!(Play::after(deal, script).place(), expect, "{:?} {script}", deal.acceptance);
    };
    let (waits, paid) = ("ESCROW_FUNDED/DELIVERED", "COMPLETED/ACCEPTED");
    for script in ["seller deliver", "seller announce 3 x | seller fetched 3 x"] {
        check(DEAL, script, waits);
        check(VERIFIED, script, waits);
        check(AUTO, script, paid);
    }
    // A result of checks counts under `verified` only.
    for (kind, verified) in [("passed", paid), ("failed", waits)] {
        for script in [
            format!("seller deliver {kind}"),
            format!("seller announce 3 x | seller fetched 3 x>{kind}"),
            format!("seller deliver | buyer request-changes | seller deliver {kind}"),
        ] {
            check(DEAL, &script, waits);
            check(VERIFIED, &script, verified);
        }
        check(AUTO, &format!("seller deliver {kind}"), paid);
    }
    // Announced is not delivered, whatever the policy.
    for deal in [DEAL, VERIFIED, AUTO] {
        check(deal, "seller announce 3 x", "ESCROW_FUNDED/AWAITING_START");
        check(deal, "seller start | seller announce 3 x", "ESCROW_FUNDED/IN_PROGRESS");
    }
}

#[test]
fn only_auto_on_delivery_goes_without_content() {
    for deal in [DEAL, VERIFIED] {
        let refusal = Play::funded(deal).refused("seller deliver nothing");
        assert_eq!(refusal, Some(OrderRefusal::ContentRequired));
    }
    let play = Play::after(AUTO, "seller deliver nothing");
    assert_eq!(play.place(), "COMPLETED/ACCEPTED");
    assert_eq!(play.order.delivery().unwrap().size, 0);
}

#[test]
fn checks_that_are_not_there_cannot_pass() {
    let mut play = Play::funded(VERIFIED);
    play.order.terms.checks = "".into();
    play.run("seller deliver passed");
    assert_eq!(play.place(), "ESCROW_FUNDED/DELIVERED");
}

#[test]
fn the_buyers_choice_goes_before_the_listing() {
    let listing = Terms { delivery: Seconds::from_hours(2), revisions: 3, ..Terms::default() };
    for (choice, expect) in [
        (None, AcceptancePolicy::BuyerConfirms),
        (Some(AcceptancePolicy::Verified), AcceptancePolicy::Verified),
        (Some(AcceptancePolicy::AutoOnDelivery), AcceptancePolicy::AutoOnDelivery),
    ] {
        let terms = OrderTerms::from_listing(&listing, choice, RELEASE.expiry);
        assert_eq!(terms.acceptance, expect);
        assert_eq!((terms.delivery, terms.revisions), (Seconds::from_hours(2), 3));
        assert_eq!((terms.checks, terms.expiry), (listing.checks.clone(), RELEASE.expiry));
    }
}

#[test]
fn revisions_are_counted() {
    let round = "seller deliver | buyer request-changes";
    for revisions in 0..4_u8 {
        let mut play = Play::funded(Deal { revisions, ..DEAL });
        for left in (0..revisions).rev() {
            play.run(round);
            let State::Funded(funded) = &play.order.state else { panic!() };
            assert_eq!(funded.revisions_left, left);
        }
        play.run("seller deliver");
        assert_eq!(play.refused("buyer request-changes"), Some(OrderRefusal::NoRevisionsLeft));
    }
}

#[test]
fn the_other_side_has_to_agree() {
    let mut play = Play::funded(DEAL);
    assert_eq!(play.refused("seller accept-split"), Some(OrderRefusal::NoOffer));
    play.run("seller offer-split 5");
    assert_eq!(play.refused("seller accept-split"), Some(OrderRefusal::NoOffer));
    assert_eq!(play.refused("buyer accept-split"), None);
    // A new offer takes the place of the old one, whoever made it.
    play.run("buyer offer-split 1");
    assert_eq!(play.refused("buyer accept-split"), Some(OrderRefusal::NoOffer));
    let other = OrderRefusal::OfferChanged { seller: crate::common::amount("1") };
    assert_eq!(play.refused("seller accept-split 5"), Some(other));
    play.run("seller accept-split 1");
    assert_eq!(play.place(), "COMPLETED/SETTLED");
}

/// Whether the seller has the money.
fn paid(play: &Play) -> bool {
    match &play.order.state {
        State::Closed(closed) => closed.shares.is_some_and(|shares| !shares.seller.is_zero()),
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// Whatever the seller and the clocks do, without the buyer no money moves to the seller
    /// before the review (or, by the original's rule, the order) is over.
    #[test]
    fn the_provider_alone_cannot_get_the_money(
        release in any::<bool>(), verified in any::<bool>(), walk in moves(40),
    ) {
        let deal = if release { RELEASE } else { DEAL };
        let acceptance = if verified { VERIFIED.acceptance } else { DEAL.acceptance };
        let mut play = Play::funded(Deal { acceptance, ..deal });
        for step in walk {
            let before = play.clone();
            let Some((role, command)) = step.take(&mut play) else { continue };
            if !matches!(role, Actor::Seller | Actor::Timer) {
                continue;
            }
            if verified && passed(&command) {
                continue;
            }
            let _ = play.act(role, &command);
            if !paid(&play) {
                continue;
            }
            let State::Funded(funded) = &before.order.state else { panic!() };
            match (command.verb(), &funded.work) {
                (Verb::LapseReview, Work::Delivered { delivery, review }) => {
                    prop_assert!(play.now >= review.effective(&play.gaps()));
                    prop_assert!(play.now >= delivery.at.plus(Seconds::from_hours(1)));
                }
                (Verb::Expire, _) => {
                    prop_assert!(release);
                    prop_assert!(play.now >= funded.at.plus(Seconds::from_hours(24)));
                }
                other => prop_assert!(false, "paid by {other:?}"),
            }
            prop_assert_eq!(play.order.phase(), Phase::AutoReleased);
            break;
        }
    }
}

fn passed(command: &Command) -> bool {
    match command {
        Command::Deliver(DeliveryInput::Bytes { checks, .. }) => {
            checks.as_ref().is_some_and(|checks| checks.passed)
        }
        _ => false,
    }
}
