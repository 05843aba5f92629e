//! What it costs to fake a score.

use marketplace_money::Amount;
use marketplace_reputation::{Outcome, exposure_limit};
use proptest::prelude::*;

use crate::market::{Market, did};

proptest! {
    /// However much a ring trades with itself, it has no effective score; the honest beside it do.
    #[test]
    fn an_isolated_ring_gains_nothing(
        trades in proptest::collection::vec((0usize..5, 0usize..5, 1i64..100_000), 1..200),
    ) {
        let mut market = Market::default();
        market.buys("staked1", 100, "honest");
        for (buyer, seller, value) in &trades {
            market.buys(&format!("ring{buyer}"), *value, &format!("ring{seller}"));
        }
        for member in 0..5 {
            prop_assert_eq!(market.score(&format!("ring{member}")), 0);
            let standing = market.book.standing(&did(&format!("ring{member}")));
            prop_assert_eq!(standing.trusted_fees.nano(), 0);
        }
        prop_assert!(market.score("honest") > 0);
    }

    /// Words against a rival without a ruling do not exist; a lost dispute is the loser's.
    #[test]
    fn nobody_is_talked_down(
        trades in proptest::collection::vec((0usize..4, 1i64..1_000, any::<bool>()), 1..60),
    ) {
        let mut market = Market::default();
        market.buys("staked1", 100, "honest");
        let before = market.score("honest");
        for (rival, value, accepts) in trades {
            let outcome = if accepts { Outcome::Accepted } else { Outcome::Neutral };
            market.trade(&format!("rival{rival}"), value, "honest", outcome);
        }
        prop_assert!(market.score("honest") >= before);
    }

    /// A bad end never helps, whoever else is in it.
    #[test]
    fn a_loss_never_raises(
        trades in proptest::collection::vec((0usize..6, 0usize..6, 1i64..1_000), 0..60),
        value in 1i64..1_000,
    ) {
        let names = ["staked0", "staked1", "a", "b", "c", "d"];
        let mut market = Market::default();
        for (buyer, seller, value) in trades.iter().filter(|trade| trade.0 != trade.1) {
            market.buys(names[*buyer], *value, names[*seller]);
        }
        let before = market.score("a");
        market.trade("b", value, "a", Outcome::NotDelivered);
        prop_assert!(market.score("a") <= before);
    }
}

/// A ring whose members only buy honestly, to be trusted: paying says nothing of what they sell.
#[test]
fn who_only_pays_is_nobody() {
    let mut market = Market::default();
    for member in 0..5 {
        for seller in 0..5 {
            market.buys(&format!("ring{member}"), 500, &format!("staked{seller}"));
        }
    }
    for member in 1..5 {
        market.buys(&format!("ring{member}"), 1_000, "ring0");
    }
    for member in 0..5 {
        assert_eq!(market.score(&format!("ring{member}")), 0);
    }
}

/// A ring with bridges: its members sell honest work to trusted buyers to be trusted themselves,
/// and then lift one of their own. Every point costs real work and fees.
#[test]
fn a_bridged_ring_pays_for_its_points() {
    let points_for = |bridge: i64, inner: i64| {
        let mut market = Market::default();
        for member in 0..5 {
            market.buys(&format!("staked{member}"), bridge, &format!("ring{member}"));
        }
        market.fees = 0;
        for _ in 0..50 {
            for member in 1..5 {
                market.buys(&format!("ring{member}"), inner, "ring0");
            }
        }
        // What the member has from its own bridge is honestly earned.
        let mut honest = Market::default();
        honest.buys("staked0", bridge, "ring0");
        let limit = exposure_limit(&market.book.standing(&did("ring0")), Amount::ZERO);
        (market.score("ring0") - honest.score("ring0"), market.fees, limit)
    };
    assert_eq!(points_for(0, 1_000).0, 0, "no bridge, no points");
    let (points, fees, limit) = points_for(50, 1_000);
    println!("bridge 50: {points} thousandths of a point for {fees} nano of fees, limit {limit}");
    // 250 AVT of real work and 5,000 AVT of fees for less than ten points; and what the ring
    // could then run away with is less than it paid.
    assert!((1..10_000).contains(&points), "{points}");
    assert_eq!(fees, 5_000_000_000_000);
    assert!(limit.nano() < fees, "{limit}");
    let (many, _, limit) = points_for(500, 1_000);
    println!("bridge 500: {many} thousandths of a point, limit {limit}");
    assert!(many > points && many < 75_000, "{many}");
}

/// A stake of 250 is trusted in full; what one staked friend can lift ends at what it has at stake:
/// a third of the way, however much is moved between the two.
#[test]
fn one_staked_friend_lifts_no_more_than_its_stake() {
    let mut market = Market::default();
    let mut before = 0;
    for step in 0..40 {
        market.buys("staked1", 250, "friend");
        let score = market.score("friend");
        assert!(score >= before && score <= 33_333, "step {step}: {score} after {before}");
        before = score;
    }
    assert_eq!(before, 33_333);
    let mut thousand = Market::default();
    for _ in 0..1_000 {
        thousand.buys("staked1", 1_000, "friend");
    }
    assert_eq!(thousand.score("friend"), before);
}
