//! Each duty has its own clock: when it is due, and what one microsecond makes.

use marketplace_escrow::{OrderRefusal, Phase, SplitOffer, State, Work};
use marketplace_money::{Deadline, Seconds};

use crate::common::{DEAL, Deal, HOUR, Play, RELEASE, START, offset};

/// The clocks of an order, as effective offsets from the funding.
fn clocks(play: &Play) -> String {
    let effective = |deadline: &Deadline| offset(deadline.effective(&play.gaps()));
    let mut text = Vec::new();
    let mut name =
        |name: &str, deadline: &Deadline| text.push(format!("{name} {}", effective(deadline)));
    match &play.order.state {
        State::AwaitingFunds { payment } => name("payment", payment),
        State::Closed(_) => {}
        State::Funded(funded) => {
            match &funded.work {
                Work::AwaitingStart { delivery } | Work::InProgress { delivery } => {
                    name("delivery", delivery);
                    name("expiry", &funded.expiry);
                }
                Work::Delivered { review, .. } => name("review", review),
                Work::ChangesRequested { redelivery, .. } => name("redelivery", redelivery),
                Work::Disputed(_) => {}
            }
            if let Some(SplitOffer { lapses, .. }) = &funded.offer {
                name("offer", lapses);
            }
        }
    }
    text.join(", ")
}

fn check(deal: Deal, script: &str, expect: &str) {
    assert_eq!(clocks(&Play::after(deal, script)), expect, "{script}");
}

fn promise(hours: u32) -> Deal {
    Deal { delivery: Seconds::from_hours(hours), ..DEAL }
}

#[test]
fn due_times() {
    assert_eq!(clocks(&Play::placed(DEAL)), "payment +1h");
    check(promise(10), "", "delivery +10h, expiry +24h");
    // The buyer has the last hour of the order for itself.
    check(promise(23), "", "delivery +23h, expiry +24h");
    check(promise(30), "", "delivery +23h, expiry +24h");
    check(Deal { delivery: Seconds(60), ..DEAL }, "", "delivery +1m, expiry +24h");
    check(DEAL, "+3h | seller start", "delivery +10h, expiry +24h");
    // The review lasts until the order would have ended, and at least an hour.
    check(DEAL, "+3h | seller deliver", "review +24h");
    check(DEAL, "+23h | seller deliver", "review +24h");
    check(DEAL, "+23h | +1us | seller deliver", "review +86400000001us");
    check(DEAL, "+1439m | seller deliver", "review +1499m");
    // Changes get the delivery time again, even beyond the order's first life.
    check(DEAL, "+3h | seller deliver | +2h | buyer request-changes", "redelivery +15h");
    check(promise(23), "+3h | seller deliver | +20h | buyer request-changes", "redelivery +46h");
    check(
        promise(23),
        "+3h | seller deliver | +20h | buyer request-changes | +5h | seller deliver",
        "review +29h",
    );
    check(DEAL, "+3h | buyer offer-split 1", "delivery +10h, expiry +24h, offer +15h");
    check(DEAL, "seller deliver | buyer dispute", "");
}

#[test]
fn a_late_payment_starts_the_clocks_late() {
    let mut play = Play::placed(DEAL);
    play.run("+30m | ledger fund");
    assert_eq!(clocks(&play), "delivery +630m, expiry +1470m");
}

#[test]
fn downtime_stops_the_clocks_that_run() {
    check(DEAL, "+1h | down 2h", "delivery +12h, expiry +26h");
    // Only the clock that still ran is credited.
    check(DEAL, "+11h | down 2h", "delivery +10h, expiry +26h");
    check(DEAL, "+24h | down 2h", "delivery +10h, expiry +24h");
    check(DEAL, "+1h | down 2h | +1h | seller deliver", "review +26h");
    check(DEAL, "seller deliver | +1h | down 2h", "review +26h");
    check(DEAL, "seller deliver | buyer request-changes | +1h | down 2h", "redelivery +12h");
    check(DEAL, "buyer offer-split 1 | down 2h", "delivery +12h, expiry +26h, offer +14h");
    // At most a day for one duty.
    check(DEAL, "+1h | down 90h", "delivery +34h, expiry +48h");
    let mut play = Play::placed(DEAL);
    play.run("+10m | down 2h");
    assert_eq!(clocks(&play), "payment +3h");
}

#[test]
fn the_wire_shows_the_end_of_the_stretch() {
    let check = |play: &Play, expect: &str| assert_eq!(offset(play.order.expires().due), expect);
    check(&Play::placed(DEAL), "+1h");
    check(&Play::after(DEAL, "seller deliver"), "+24h");
    check(&Play::after(DEAL, "buyer cancel"), "+24h");
    let mut unpaid = Play::placed(DEAL);
    unpaid.run("+1h | timer lapse-payment");
    check(&unpaid, "+1h");
    // What a dispute moved stays moved when the order is over.
    let disputed = "+2h | buyer dispute | +5h | arbitration resume";
    check(&Play::after(DEAL, disputed), "+29h");
    check(&Play::after(DEAL, &format!("{disputed} | buyer accept")), "+29h");
}

/// `step` is taken until a microsecond before `due`, and refused from then on.
fn closes(deal: Deal, script: &str, step: &str, due: &str) {
    closes_on(Play::after(deal, script), step, due);
}

fn closes_on(mut play: Play, step: &str, due: &str) {
    let end = START.plus_micros(crate::common::span(due));
    play.now = end.plus_micros(-1);
    assert_eq!(play.refused(step), None, "{step} before {due}");
    play.now = end;
    assert_eq!(play.refused(step), Some(OrderRefusal::TooLate { due: end }), "{step} at {due}");
}

/// `step` is refused until a microsecond before `due`, and taken from then on.
fn opens(deal: Deal, script: &str, step: &str, due: &str) {
    opens_on(Play::after(deal, script), step, due);
}

fn opens_on(mut play: Play, step: &str, due: &str) {
    let start = START.plus_micros(crate::common::span(due));
    play.now = start.plus_micros(-1);
    assert_eq!(
        play.refused(step),
        Some(OrderRefusal::TooEarly { due: start }),
        "{step} before {due}"
    );
    play.now = start;
    assert_eq!(play.refused(step), None, "{step} at {due}");
    play.now = start.plus_micros(1_000 * HOUR);
    assert_eq!(play.refused(step), None, "a timer may be late: {step}");
}

#[test]
fn what_closes() {
    closes_on(Play::placed(DEAL), "ledger fund", "1h");
    closes_on(Play::placed(DEAL), "buyer cancel", "1h");
    for step in [
        "seller start",
        "seller deliver",
        "seller announce 1 x",
        "buyer cancel",
        "buyer dispute",
        "buyer offer-split 1",
    ] {
        closes(DEAL, "", step, "24h");
        closes(RELEASE, "", step, "24h");
    }
    closes(DEAL, "seller start", "seller deliver", "24h");
    closes(DEAL, "seller announce 1 x", "seller fetched 1 x", "24h");
    closes(DEAL, "seller announce 1 x", "seller fail 1 x", "24h");
    for step in ["buyer request-changes", "buyer dispute", "seller dispute", "seller offer-split 1"]
    {
        closes(DEAL, "seller deliver", step, "24h");
    }
    let changes = "seller deliver | buyer request-changes";
    for step in ["seller deliver", "buyer dispute", "seller dispute", "buyer offer-split 1"] {
        closes(DEAL, changes, step, "10h");
    }
    closes(DEAL, "+1h | buyer offer-split 1", "seller accept-split", "13h");
    closes(DEAL, "+20h | seller deliver | buyer offer-split 1", "seller accept-split", "24h");
    // With the downtime credited.
    closes(DEAL, "+1h | down 2h", "seller start", "26h");
    closes(DEAL, "seller deliver | down 2h", "buyer dispute", "26h");
    closes(DEAL, "+1h | buyer offer-split 1 | down 2h", "seller accept-split", "15h");
}

#[test]
fn what_opens() {
    opens_on(Play::placed(DEAL), "timer lapse-payment", "1h");
    opens(DEAL, "", "timer expire", "24h");
    opens(RELEASE, "seller start", "timer expire", "24h");
    opens(DEAL, "seller deliver", "timer lapse-review", "24h");
    opens(DEAL, "seller deliver | buyer request-changes", "timer lapse-redelivery", "10h");
    opens(DEAL, "", "buyer claim-non-delivery", "10h");
    opens(DEAL, "seller start", "buyer claim-non-delivery", "10h");
    opens(DEAL, "seller announce 1 x", "buyer claim-non-delivery", "10h");
    opens(DEAL, "+1h | down 2h", "buyer claim-non-delivery", "12h");
    opens(DEAL, "+1h | down 2h", "timer expire", "26h");
    opens(DEAL, "seller deliver | down 2h", "timer lapse-review", "26h");
}

#[test]
fn a_late_timer_changes_no_outcome() {
    // Where the end of the order pays the seller, a claim has to come before it.
    closes(RELEASE, "+10h", "buyer claim-non-delivery", "24h");
    // Concessions are never too late: they take nothing from the other side.
    for (script, step) in [
        ("", "buyer accept"),
        ("", "seller decline"),
        ("seller deliver", "buyer accept"),
        ("seller deliver", "seller decline"),
        ("seller deliver | buyer request-changes", "buyer accept"),
        ("buyer dispute", "seller decline"),
    ] {
        let mut play = Play::after(DEAL, script);
        play.run("+100h");
        assert_eq!(play.refused(step), None, "{step} after {script}");
    }
    // In a dispute nothing is late.
    for step in ["arbitration rule 1", "arbitration resume", "arbitration abort-dispute"] {
        let mut play = Play::after(DEAL, "seller deliver | buyer dispute");
        play.run("+1000h");
        assert_eq!(play.refused(step), None, "{step}");
        assert_eq!((play.order.phase(), play.order.timer()), (Phase::Disputed, None));
    }
}
