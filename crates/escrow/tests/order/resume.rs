//! A dispute holds every clock; when it ends without an award, they go on with what was left.

use marketplace_escrow::{OrderEvent, OrderRefusal, Phase, State, Work, evolve};

use crate::common::{DEAL, Deal, Play, RELEASE, offset};

/// The clocks after the script, as effective offsets: `delivery, expiry`, or the one that acts.
fn check(deal: Deal, script: &str, phase: Phase, expect: &str) {
    let play = Play::after(deal, script);
    let at = |deadline: &marketplace_money::Deadline| offset(deadline.effective(&play.gaps()));
    let State::Funded(funded) = &play.order.state else { panic!("{script}") };
    let got = match &funded.work {
        Work::AwaitingStart { delivery } | Work::InProgress { delivery } => {
            format!("{}, {}", at(delivery), at(&funded.expiry))
        }
        Work::Delivered { review, .. } => at(review),
        Work::ChangesRequested { redelivery, .. } => at(redelivery),
        Work::Disputed(_) => panic!("{script}"),
    };
    assert_eq!((play.order.phase(), got.as_str()), (phase, expect), "{script}");
}

#[test]
fn the_rest_of_the_time() {
    let wait = "buyer dispute | +100h | arbitration resume";
    check(DEAL, &format!("+2h | {wait}"), Phase::AwaitingStart, "+110h, +124h");
    check(DEAL, &format!("seller start | +2h | {wait}"), Phase::InProgress, "+110h, +124h");
    check(DEAL, &format!("seller deliver | +2h | {wait}"), Phase::Delivered, "+124h");
    let changes = "seller deliver | buyer request-changes";
    check(DEAL, &format!("{changes} | +2h | {wait}"), Phase::ChangesRequested, "+110h");
    // A dispute of no time changes nothing.
    check(DEAL, "+2h | buyer dispute | arbitration resume", Phase::AwaitingStart, "+10h, +24h");
}

#[test]
fn at_least_an_hour() {
    let wait = "+100h | arbitration resume";
    let late = format!("seller deliver | +1439m | buyer dispute | {wait}");
    check(DEAL, &late, Phase::Delivered, "+7499m");
    let late = format!("seller deliver | buyer request-changes | +599m | seller dispute | {wait}");
    check(DEAL, &late, Phase::ChangesRequested, "+6659m");
    // The seller gets its hour even where the work was due before.
    check(DEAL, &format!("+11h | buyer dispute | {wait}"), Phase::AwaitingStart, "+112h, +124h");
}

#[test]
fn the_buyer_keeps_its_hour_after_a_missing_delivery() {
    let script = "+1439m | buyer dispute | +100h | arbitration resume";
    for deal in [DEAL, RELEASE] {
        check(deal, script, Phase::AwaitingStart, "+7499m, +7559m");
    }
    // Where the end of the order pays the seller, this hour is all that the buyer has.
    let mut play = Play::after(RELEASE, script);
    play.run("+1h | buyer claim-non-delivery");
    assert_eq!(play.place(), "REFUNDED/NON_DELIVERY");
}

#[test]
fn downtime_is_credited_once() {
    // Before the dispute: as ever.
    check(
        DEAL,
        "+1h | down 2h | buyer dispute | +100h | arbitration resume",
        Phase::AwaitingStart,
        "+112h, +126h",
    );
    // In the dispute the clocks stood still anyway.
    check(
        DEAL,
        "+2h | buyer dispute | +90h | down 10h | arbitration resume",
        Phase::AwaitingStart,
        "+110h, +124h",
    );
    check(
        DEAL,
        "seller deliver | +2h | buyer dispute | down 10h | +90h | arbitration resume",
        Phase::Delivered,
        "+124h",
    );
    // After it: as ever.
    check(
        DEAL,
        "+2h | buyer dispute | +100h | arbitration resume | +1h | down 2h",
        Phase::AwaitingStart,
        "+112h, +126h",
    );
}

#[test]
fn what_stood_before_stands_again() {
    let mut play = Play::after(DEAL, "seller deliver 4 | buyer request-changes | +1h");
    let before = play.order.clone();
    play.run("buyer dispute");
    assert_eq!(play.order.delivery(), before.delivery());
    play.run("arbitration resume");
    assert_eq!(play.order.delivery(), before.delivery());
    // No new round of changes by way of a dispute.
    play.run("seller deliver 5");
    assert_eq!(play.refused("buyer request-changes"), Some(OrderRefusal::NoRevisionsLeft));
    // And a second dispute is as good as the first.
    play.run("seller dispute | +5h | arbitration resume | buyer dispute | arbitration rule 5");
    assert_eq!(play.place(), "COMPLETED/RULED");
}

#[test]
fn an_offer_lapses_by_its_own_clock() {
    let mut play =
        Play::after(DEAL, "buyer offer-split 1 | buyer dispute | +5h | arbitration resume");
    assert_eq!(play.refused("seller accept-split"), None);
    play.run("+7h");
    assert!(matches!(play.refused("seller accept-split"), Some(OrderRefusal::TooLate { .. })));
}

#[test]
fn bytes_announced_before_a_dispute_still_count_after_it() {
    let mut play = Play::after(DEAL, "seller announce 3 x | buyer dispute");
    for step in ["seller fetched 3 x", "seller fail 3 x", "seller announce 3 x", "seller deliver"] {
        assert!(matches!(play.refused(step), Some(OrderRefusal::WrongPhase { .. })), "{step}");
    }
    play.run("+100h | arbitration resume | seller fetched 3 x");
    assert_eq!(play.place(), "ESCROW_FUNDED/DELIVERED");
}

#[test]
fn a_failed_delivery_does_not_touch_a_disputed_order() {
    let disputed = Play::after(DEAL, "seller announce 3 x | buyer dispute").order;
    let after = evolve(disputed.clone(), &OrderEvent::DeliveryFailed);
    assert_eq!(after, disputed);
}
