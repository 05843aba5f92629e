//! Every way out of an order, with its exact postings.

use marketplace_escrow::{OrderEvent, OrderStatus, Phase, TRANSITIONS, posting};
use marketplace_fees::Shares;
use marketplace_ledger::EntryError;
use marketplace_money::Amount;

use crate::common::{AUTO, DEAL, Deal, Play, RELEASE, START, VERIFIED, parse};

/// An odd price: the fee of 0.083333333325 is rounded, and so is each part of it.
const ODD: Deal = Deal { price: "3.333333333", ..DEAL };
/// The smallest price: its fee rounds to nothing.
const NANO: Deal = Deal { price: "0.000000001", ..DEAL };

/// After the script the order is at `place`, and the last entry is `entry` (nothing when no money
/// moved since the funding).
fn check(deal: Deal, script: &str, place: &str, entry: &str) {
    let play = Play::after(deal, script);
    assert_eq!(play.place(), place, "{script}");
    let last = if play.entries.len() > 1 { play.entries.last().unwrap() } else { "" };
    assert_eq!(last, entry, "{script}");
    assert!(play.entries.len() <= 2, "one way in and one way out: {:?}", play.entries);
}

const RELEASED: &str =
    "escrow_released: order:1 -5.125, agent:did:seller +5, fees:transaction +0.125";
const REFUNDED: &str = "escrow_refunded: order:1 -5.125, agent:did:buyer +5.125";
const ODD_RELEASED: &str = "escrow_released: order:1 -3.416666666, agent:did:seller +3.333333333, fees:transaction +0.083333333";
const ODD_REFUNDED: &str = "escrow_refunded: order:1 -3.416666666, agent:did:buyer +3.416666666";

#[test]
fn funding() {
    let check = |deal: Deal, entry: &str| assert_eq!(Play::funded(deal).entries, [entry]);
    check(DEAL, "escrow_funded: agent:did:buyer -5.125, order:1 +5.125");
    check(ODD, "escrow_funded: agent:did:buyer -3.416666666, order:1 +3.416666666");
    check(NANO, "escrow_funded: agent:did:buyer -0.000000001, order:1 +0.000000001");
}

#[test]
fn never_funded_means_no_money() {
    for (script, place) in
        [("+1h | timer lapse-payment", "EXPIRED/UNPAID"), ("buyer cancel", "EXPIRED/CANCELLED")]
    {
        let mut play = Play::placed(DEAL);
        play.run(script);
        assert_eq!(play.place(), place);
        assert!(play.entries.is_empty());
    }
}

#[test]
fn the_buyer_accepts() {
    for script in [
        "buyer accept",
        "seller start | buyer accept",
        "seller deliver | buyer accept",
        "seller deliver | buyer request-changes | buyer accept",
        "seller deliver | buyer dispute | buyer accept",
        "buyer offer-split 1 | buyer accept",
    ] {
        check(DEAL, script, "COMPLETED/ACCEPTED", RELEASED);
        check(ODD, script, "COMPLETED/ACCEPTED", ODD_RELEASED);
    }
    let entry = "escrow_released: order:1 -0.000000001, agent:did:seller +0.000000001";
    check(NANO, "seller deliver | buyer accept", "COMPLETED/ACCEPTED", entry);
}

#[test]
fn the_delivery_is_accepted_at_once() {
    check(AUTO, "seller deliver", "COMPLETED/ACCEPTED", RELEASED);
    check(AUTO, "seller start | seller deliver nothing", "COMPLETED/ACCEPTED", RELEASED);
    check(VERIFIED, "seller deliver passed", "COMPLETED/ACCEPTED", RELEASED);
}

#[test]
fn the_money_goes_back() {
    for (script, place) in [
        ("buyer cancel", "REFUNDED/CANCELLED"),
        ("seller decline", "REFUNDED/DECLINED"),
        ("seller start | seller decline", "REFUNDED/DECLINED"),
        ("seller deliver | seller decline", "REFUNDED/DECLINED"),
        ("seller deliver | buyer request-changes | seller decline", "REFUNDED/DECLINED"),
        ("seller deliver | buyer dispute | seller decline", "REFUNDED/DECLINED"),
        ("+10h | buyer claim-non-delivery", "REFUNDED/NON_DELIVERY"),
        ("seller start | +23h | buyer claim-non-delivery", "REFUNDED/NON_DELIVERY"),
        ("+24h | timer expire", "REFUNDED/NON_DELIVERY"),
        ("seller start | +24h | timer expire", "REFUNDED/NON_DELIVERY"),
        (
            "seller deliver | buyer request-changes | +10h | timer lapse-redelivery",
            "REFUNDED/NON_DELIVERY",
        ),
    ] {
        check(DEAL, script, place, REFUNDED);
        check(ODD, script, place, ODD_REFUNDED);
    }
}

#[test]
fn the_end_of_time() {
    check(DEAL, "seller deliver | +24h | timer lapse-review", "COMPLETED/AUTO_RELEASED", RELEASED);
    check(ODD, "+24h | timer expire", "REFUNDED/NON_DELIVERY", ODD_REFUNDED);
    // The original's rule, where the deployment chose it.
    check(RELEASE, "+24h | timer expire", "COMPLETED/AUTO_RELEASED", RELEASED);
    check(RELEASE, "seller start | +24h | timer expire", "COMPLETED/AUTO_RELEASED", RELEASED);
    // It changes nothing for who asked for changes and got none, or claims in time.
    let script = "seller deliver | buyer request-changes | +10h | timer lapse-redelivery";
    check(RELEASE, script, "REFUNDED/NON_DELIVERY", REFUNDED);
    check(RELEASE, "+10h | buyer claim-non-delivery", "REFUNDED/NON_DELIVERY", REFUNDED);
}

/// The seller gets `part` of the price, by every way that shares it.
fn split(deal: Deal, part: &str, status: &str, entry: &str) {
    for (script, phase) in [
        (format!("buyer offer-split {part} | seller accept-split"), "SETTLED"),
        (format!("seller offer-split {part} | buyer accept-split {part}"), "SETTLED"),
        (
            format!("seller deliver | buyer offer-split {part} | seller accept-split {part}"),
            "SETTLED",
        ),
        (format!("buyer dispute | arbitration settle-dispute {part}"), "SETTLED"),
        (format!("seller deliver | seller dispute | arbitration rule {part}"), "RULED"),
    ] {
        check(deal, &script, &format!("{status}/{phase}"), entry);
    }
}

#[test]
fn shares() {
    split(DEAL, "0", "REFUNDED", REFUNDED);
    split(DEAL, "5", "COMPLETED", RELEASED);
    split(
        DEAL,
        "2",
        "COMPLETED",
        "escrow_split: order:1 -5.125, agent:did:seller +2, agent:did:buyer +3.075, fees:transaction +0.05",
    );
    // A share so small that the marketplace's part of it is nothing.
    split(
        DEAL,
        "0.000000001",
        "COMPLETED",
        "escrow_split: order:1 -5.125, agent:did:seller +0.000000001, agent:did:buyer +5.124999999",
    );
    // 0.083333333 * 1.111111111 / 3.333333333 = 0.0277777776…, rounded down.
    split(
        ODD,
        "1.111111111",
        "COMPLETED",
        "escrow_split: order:1 -3.416666666, agent:did:seller +1.111111111, agent:did:buyer +2.277777778, fees:transaction +0.027777777",
    );
    split(ODD, "3.333333333", "COMPLETED", ODD_RELEASED);
    split(ODD, "0", "REFUNDED", ODD_REFUNDED);
}

#[test]
fn an_aborted_dispute() {
    check(DEAL, "buyer dispute | arbitration abort-dispute", "REFUNDED/ABORTED", REFUNDED);
    // Announced is not delivered.
    let script = "seller announce 3 x | buyer dispute | arbitration abort-dispute";
    check(DEAL, script, "REFUNDED/ABORTED", REFUNDED);
    for script in [
        "seller deliver | buyer dispute | arbitration abort-dispute",
        "seller deliver | seller dispute | arbitration abort-dispute",
        "seller deliver | buyer request-changes | buyer dispute | arbitration abort-dispute",
    ] {
        let entry = "escrow_split: order:1 -5.125, agent:did:seller +2.5, agent:did:buyer +2.5625, fees:transaction +0.0625";
        check(DEAL, script, "COMPLETED/ABORTED", entry);
        // The odd nano of price and fee stays with the buyer.
        let entry = "escrow_split: order:1 -3.416666666, agent:did:seller +1.666666666, agent:did:buyer +1.708333334, fees:transaction +0.041666666";
        check(ODD, script, "COMPLETED/ABORTED", entry);
    }
    let entry = "escrow_refunded: order:1 -0.000000001, agent:did:buyer +0.000000001";
    check(
        NANO,
        "seller deliver | buyer dispute | arbitration abort-dispute",
        "REFUNDED/ABORTED",
        entry,
    );
}

#[test]
fn what_is_closed_keeps_its_facts() {
    let play = Play::after(DEAL, "seller deliver 4 | +1h | buyer accept");
    let marketplace_escrow::State::Closed(closed) = &play.order.state else { panic!() };
    assert_eq!((closed.funded_at, closed.at), (Some(START), play.now));
    assert_eq!(closed.delivery.as_ref().unwrap().sha256, [4; 32]);
    assert_eq!(play.order.delivery(), closed.delivery.as_ref());
    assert_eq!(play.order.escrow(), Amount::ZERO);
}

#[test]
fn a_closed_order_takes_no_event() {
    let ends = ["seller deliver | buyer accept", "buyer cancel"];
    let donor = Play::funded(DEAL);
    let gift = donor.ask(parse("buyer accept").0, &parse("buyer accept").1).unwrap();
    for script in ends {
        let play = Play::after(DEAL, script);
        for event in gift.iter().chain([&OrderEvent::Funded { at: play.now }, &OrderEvent::Started])
        {
            assert_eq!(marketplace_escrow::evolve(play.order.clone(), event), play.order);
            assert_eq!(posting(&play.order, event), Ok(None), "no money either");
        }
    }
}

#[test]
fn shares_that_do_not_sum_to_the_total_are_no_entry() {
    let play = Play::funded(DEAL);
    let seller = Amount::from_avt(5);
    let shares = Some(Shares { seller, buyer: seller, fee: Amount::ZERO });
    let event = OrderEvent::Closed { phase: Phase::Settled, shares, at: play.now };
    assert_eq!(posting(&play.order, &event), Err(EntryError::Unbalanced));
}

#[test]
fn every_end_of_the_table_is_here() {
    let mut ends: Vec<_> = TRANSITIONS
        .iter()
        .flat_map(|row| row.from.iter().flat_map(|from| row.targets(*from)))
        .filter(|phase| phase.is_terminal())
        .collect();
    ends.sort_unstable();
    ends.dedup();
    assert_eq!(ends.len(), Phase::NAMES.iter().filter(|(phase, _)| phase.is_terminal()).count());
    assert_eq!(OrderStatus::NAMES.len(), 5);
}
