//! What it costs to fake a score.

use marketplace_reputation::Outcome;
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

/// A ring with bridges: its members buy honestly from trusted sellers to be trusted themselves, and
/// then lift one of their own. Every point costs real purchases and fees.
#[test]
fn a_bridged_ring_pays_for_its_points() {
    let points_for = |bridge: i64, inner: i64| {
        let mut market = Market::default();
        for member in 0..5 {
            market.buys(&format!("ring{member}"), bridge, &format!("staked{member}"));
        }
        market.fees = 0;
        for _ in 0..50 {
            for member in 1..5 {
                market.buys(&format!("ring{member}"), inner, "ring0");
            }
        }
        // What the member has from its own bridge is honestly earned.
        let mut honest = Market::default();
        honest.buys("ring0", bridge, "staked0");
        (market.score("ring0") - honest.score("ring0"), market.fees)
    };
    assert_eq!(points_for(0, 1_000).0, 0, "no bridge, no points");
    let (points, fees) = points_for(50, 1_000);
    // 250 AVT of real purchases and 5,000 AVT of fees for less than a fifth of the way.
    assert!((1..18_000).contains(&points), "{points}");
    assert_eq!(fees, 5_000_000_000_000);
    let (many, _) = points_for(500, 1_000);
    assert!(many > points && many < 60_000, "{many}");
}

/// A stake of 250 is trusted in full; what one staked friend can lift is bounded by damping, and
/// each point costs more than the one before.
#[test]
fn one_staked_friend_lifts_less_and_less() {
    let mut market = Market::default();
    let mut last = (0, i32::MAX);
    for step in 0..8 {
        for _ in 0..10 {
            market.buys("staked1", 250, "friend");
        }
        let score = market.score("friend");
        assert!(score > last.0 && score - last.0 < last.1, "step {step}: {score} after {last:?}");
        last = (score, score - last.0);
    }
    // 20,000 AVT moved and 500 AVT of fees, for what is never the top.
    assert_eq!(market.fees, 500_000_000_000);
    assert!(last.0 < 82_000, "{}", last.0);
}
