//! What a party is told that it may do: with the exact amounts and the time that is left.

use marketplace_escrow::{Actor, Context, OrderEvent, Verb, available_actions};
use proptest::prelude::*;

use crate::common::{AUTO, DEAL, Deal, Play, RELEASE, ROLES, VERIFIED, offset, parse};
use crate::walks::{deals, moves, walked};

fn list(play: &Play, role: Actor) -> String {
    let gaps = play.gaps();
    let actions = available_actions(&play.order, role, &Context { now: play.now, gaps: &gaps });
    let mut text = String::new();
    for action in actions {
        text.push_str(action.verb.name());
        if let Some(shares) = action.shares {
            text.push_str(&format!(" {}:{}:{}", shares.seller, shares.buyer, shares.fee));
        }
        if let Some(until) = action.until {
            text.push_str(&format!(" {}", offset(until)));
        }
        text.push('\n');
    }
    text
}

/// Amounts are `seller:buyer:marketplace`.
fn check(deal: Deal, script: &str, role: Actor, expect: &str) {
    same(&Play::after(deal, script), role, expect);
}

fn same(play: &Play, role: Actor, expect: &str) {
    let expect: Vec<_> = expect.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let got = list(play, role);
    assert_eq!(got.lines().collect::<Vec<_>>(), expect, "{role} in {}", play.order.phase());
}

use Actor::{Arbitration, Buyer, Ledger, Seller, Timer};

#[test]
fn before_the_money() {
    let play = Play::placed(DEAL);
    same(&play, Buyer, "cancel +1h");
    same(&play, Seller, "");
    same(&play, Ledger, "fund +1h");
    same(&play, Timer, "");
    let mut play = Play::placed(DEAL);
    play.run("+1h");
    same(&play, Buyer, "");
    same(&play, Timer, "lapse-payment");
}

#[test]
fn while_the_seller_works() {
    check(
        DEAL,
        "",
        Buyer,
        "cancel 0:5.125:0 +24h
         accept 5:0:0.125 +24h
         offer-split +24h
         dispute +24h",
    );
    check(
        DEAL,
        "",
        Seller,
        "start +24h
         decline 0:5.125:0 +24h
         deliver +10h
         offer-split +24h",
    );
    check(
        DEAL,
        "+1h | seller start",
        Buyer,
        "accept 5:0:0.125 +24h
         offer-split +24h
         dispute +24h",
    );
    check(DEAL, "seller start", Seller, "decline 0:5.125:0 +24h\n deliver +10h\n offer-split +24h");
    check(
        DEAL,
        "seller announce 3 x",
        Seller,
        "start +24h\n decline 0:5.125:0 +24h\n deliver +10h\n offer-split +24h",
    );
    for role in [Timer, Ledger, Arbitration] {
        check(DEAL, "seller start", role, "");
    }
}

#[test]
fn when_the_work_is_due() {
    check(
        DEAL,
        "seller start | +10h",
        Buyer,
        "accept 5:0:0.125 +24h
         claim-non-delivery 0:5.125:0 +24h
         offer-split +24h
         dispute +24h",
    );
    check(
        DEAL,
        "seller start | +10h",
        Seller,
        "decline 0:5.125:0 +24h\n deliver +24h\n offer-split +24h",
    );
    // The clock has run out, the timer has not come yet.
    check(DEAL, "+24h", Buyer, "accept 5:0:0.125\n claim-non-delivery 0:5.125:0");
    check(RELEASE, "+24h", Buyer, "accept 5:0:0.125");
    check(DEAL, "+24h", Seller, "decline 0:5.125:0");
    check(DEAL, "+24h", Timer, "expire 0:5.125:0");
    check(RELEASE, "+24h", Timer, "expire 5:0:0.125");
}

#[test]
fn a_delivery_that_pays_says_so() {
    let listed = |deal: Deal| list(&Play::funded(deal), Seller);
    assert!(listed(AUTO).contains("deliver 5:0:0.125 +10h\n"));
    // A matter of checks, or of the buyer.
    assert!(listed(VERIFIED).contains("deliver +10h\n"));
    assert!(listed(DEAL).contains("deliver +10h\n"));
}

#[test]
fn while_the_buyer_reviews() {
    check(
        DEAL,
        "+3h | seller deliver",
        Buyer,
        "accept 5:0:0.125 +24h
         request-changes +24h
         offer-split +24h
         dispute +24h",
    );
    check(
        Deal { revisions: 0, ..DEAL },
        "seller deliver",
        Buyer,
        "accept 5:0:0.125 +24h
         offer-split +24h
         dispute +24h",
    );
    check(
        DEAL,
        "seller deliver",
        Seller,
        "decline 0:5.125:0 +24h\n offer-split +24h\n dispute +24h",
    );
    check(DEAL, "seller deliver", Timer, "");
    check(DEAL, "seller deliver | +24h", Buyer, "accept 5:0:0.125");
    check(DEAL, "seller deliver | +24h", Seller, "decline 0:5.125:0");
    check(DEAL, "seller deliver | +24h", Timer, "lapse-review 5:0:0.125");
    // Downtime is credited.
    check(
        DEAL,
        "seller deliver | down 2h",
        Seller,
        "decline 0:5.125:0 +26h\n offer-split +26h\n dispute +26h",
    );
}

#[test]
fn while_changes_are_made() {
    let script = "seller deliver | buyer request-changes";
    check(DEAL, script, Buyer, "accept 5:0:0.125 +10h\n offer-split +10h\n dispute +10h");
    check(
        DEAL,
        script,
        Seller,
        "decline 0:5.125:0 +10h
         deliver +10h
         offer-split +10h
         dispute +10h",
    );
    let script = format!("{script} | +10h");
    check(DEAL, &script, Buyer, "accept 5:0:0.125");
    check(DEAL, &script, Timer, "lapse-redelivery 0:5.125:0");
}

#[test]
fn with_an_offer() {
    let script = "seller deliver | +2h | seller offer-split 2";
    check(
        DEAL,
        script,
        Buyer,
        "accept 5:0:0.125 +24h
         request-changes +24h
         offer-split +24h
         accept-split 2:3.075:0.05 +14h
         dispute +24h",
    );
    // Not by who made it, and not when it has lapsed; the review may end first.
    check(DEAL, script, Seller, "decline 0:5.125:0 +24h\n offer-split +24h\n dispute +24h");
    assert!(!list(&Play::after(DEAL, &format!("{script} | +12h")), Buyer).contains("accept-split"));
    let late = list(&Play::after(DEAL, "+20h | seller deliver | seller offer-split 2"), Buyer);
    assert!(late.contains("accept-split 2:3.075:0.05 +24h\n"), "{late}");
}

#[test]
fn in_a_dispute() {
    let script = "seller deliver | seller offer-split 2 | buyer dispute";
    check(DEAL, script, Buyer, "accept 5:0:0.125");
    check(DEAL, script, Seller, "decline 0:5.125:0");
    // An award is free, whatever was offered before.
    check(
        DEAL,
        script,
        Arbitration,
        "rule\n resume\n settle-dispute\n abort-dispute 2.5:2.5625:0.0625",
    );
    check(
        DEAL,
        "buyer dispute",
        Arbitration,
        "rule\n resume\n settle-dispute\n abort-dispute 0:5.125:0",
    );
    check(DEAL, script, Timer, "");
}

#[test]
fn at_the_end() {
    for script in ["seller deliver | buyer accept", "buyer cancel", "+24h | timer expire"] {
        for role in ROLES {
            check(DEAL, script, role, "");
        }
    }
}

/// A well-formed command of the verb.
fn words(verb: Verb) -> String {
    match verb {
        Verb::OfferSplit | Verb::Rule | Verb::SettleDispute | Verb::Intervene => {
            format!("{verb} 0.000000001")
        }
        Verb::Extend => format!("{verb} 60"),
        verb => verb.to_string(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn listed_is_what_would_be_accepted(deal in deals(), unpaid in any::<bool>(), walk in moves(40)) {
        let (play, _) = walked(deal, unpaid, &walk);
        let gaps = play.gaps();
        let cx = Context { now: play.now, gaps: &gaps };
        for role in ROLES {
            let actions = available_actions(&play.order, role, &cx);
            for (verb, _) in Verb::NAMES {
                let (_, command) = parse(&format!("{role} {}", words(*verb)));
                let decided = play.ask(role, &command);
                let listed = actions.iter().find(|action| action.verb == *verb);
                prop_assert_eq!(listed.is_some(), decided.is_ok(), "{} by {}", verb, role);
                let Some(action) = listed else { continue };
                if let (Some(shares), Some(OrderEvent::Closed { shares: closed, .. })) =
                    (action.shares, decided.unwrap().last())
                {
                    prop_assert_eq!(Some(shares), *closed);
                }
                prop_assert!(action.until.is_none_or(|until| until > play.now));
            }
        }
    }
}
