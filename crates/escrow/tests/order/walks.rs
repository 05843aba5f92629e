//! Random walks: whatever anybody does and however time passes, the books hold and every order
//! comes to an end. [`Play::act`] checks money, row and timer after each step.

use std::collections::BTreeSet;

use marketplace_escrow::{
    Actor, Command, ExpiryPolicy, Order, OrderEvent, Phase, TRANSITIONS, TimerKind, Verb, evolve,
    posting,
};
use marketplace_listings::AcceptancePolicy;
use marketplace_money::Seconds;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::common::{Deal, HOUR, Play, parse, row_of};

/// Steps that keep an order alive.
const LIVING: &[&str] = &[
    "seller start",
    "seller deliver",
    "seller deliver 2",
    "seller deliver failed",
    "seller deliver nothing",
    "seller announce 3 x",
    "seller announce 3 y",
    "seller announce 4 x",
    "seller fetched 3 x",
    "seller fetched 4 x",
    "seller fetched 3 y",
    "seller fail 3 x",
    "seller fail 4 x",
    "buyer request-changes",
    "buyer offer-split 0",
    "operators extend 60",
    "buyer offer-split 2",
    "seller offer-split 2",
    "seller offer-split 1",
    "buyer offer-split 1",
    "seller offer-split 99999999",
    "buyer offer-split -1",
    "buyer dispute",
    "seller dispute",
    "arbitration resume",
    "arbitration resume",
];
/// Steps that end it.
const ENDING: &[&str] = &[
    "timer lapse-payment",
    "timer lapse-review",
    "timer lapse-redelivery",
    "timer expire",
    "buyer cancel",
    "seller decline",
    "buyer accept",
    "buyer claim-non-delivery",
    "seller deliver passed",
    "seller fetched 3 x>passed",
    "buyer accept-split",
    "seller accept-split",
    "buyer accept-split 1",
    "seller accept-split 2",
    "operators intervene 0",
    "operators intervene 1",
    "arbitration rule 0",
    "arbitration rule 1",
    "arbitration rule 99999999",
    "arbitration settle-dispute 0.000000001",
    "arbitration abort-dispute",
];

/// One move of a walk.
#[derive(Clone, Debug)]
pub(crate) enum Move {
    Wait(i64),
    Down(i64),
    /// To the deadline of the acting clock, or just beside it.
    ToTimer(i64),
    Do(&'static str),
}

impl Move {
    /// Lets time pass, or says what is to be done.
    pub(crate) fn take(&self, play: &mut Play) -> Option<(Actor, Command)> {
        match self {
            Self::Wait(micros) => play.now = play.now.plus_micros(*micros),
            Self::Down(micros) => play.outage(*micros),
            Self::ToTimer(beside) => {
                if let Some(timer) = play.order.timer() {
                    let due = timer.deadline.effective(&play.gaps()).plus_micros(*beside);
                    play.now = play.now.max(due);
                }
            }
            Self::Do(step) => return Some(parse(step)),
        }
        None
    }
}

pub(crate) fn moves(longest: usize) -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        3 => (0..4 * HOUR).prop_map(Move::Wait),
        1 => (0..30 * HOUR).prop_map(Move::Down),
        1 => (-1..=1_i64).prop_map(Move::ToTimer),
        24 => select(LIVING).prop_map(Move::Do),
        5 => select(ENDING).prop_map(Move::Do),
    ];
    proptest::collection::vec(one, 1..longest)
}

pub(crate) fn deals() -> impl Strategy<Value = Deal> {
    let acceptance = AcceptancePolicy::NAMES.map(|(policy, _)| policy);
    let prices = vec!["5", "3.333333333", "0.000000001", "1000000000", "0.00000002"];
    (select(prices), select(acceptance.to_vec()), any::<bool>(), 60..82_800_u32, 0..4_u8).prop_map(
        |(price, acceptance, release, delivery, revisions)| Deal {
            price,
            acceptance,
            expiry: if release { ExpiryPolicy::Release } else { ExpiryPolicy::DeliveryGated },
            delivery: Seconds(delivery),
            revisions,
        },
    )
}

/// A placed order after the walk, with all that happened: verb, from, to.
pub(crate) fn walked(deal: Deal, unpaid: bool, walk: &[Move]) -> (Play, Vec<(Verb, Phase, Phase)>) {
    let mut play = Play::placed(deal);
    if !unpaid {
        play.run("ledger fund");
    }
    let mut seen = Vec::new();
    for step in walk {
        let Some((role, command)) = step.take(&mut play) else { continue };
        let before = play.order.clone();
        match play.act(role, &command) {
            Ok(()) => seen.push((command.verb(), before.phase(), play.order.phase())),
            Err(_) => assert_eq!(play.order, before),
        }
        if before.phase().is_terminal() {
            assert_eq!(play.order, before, "an end absorbs everything");
        }
    }
    (play, seen)
}

fn lapse(kind: TimerKind) -> &'static str {
    match kind {
        TimerKind::Payment => "timer lapse-payment",
        TimerKind::Expiry => "timer expire",
        TimerKind::Review => "timer lapse-review",
        TimerKind::Redelivery => "timer lapse-redelivery",
    }
}

/// What an event did to the escrow account, by its posting.
fn escrow_delta(order: &Order, event: &OrderEvent) -> i64 {
    let draft = posting(order, event).unwrap();
    let account = marketplace_ledger::Account::Order(order.id);
    let postings = draft.as_ref().map(|draft| draft.postings()).unwrap_or_default();
    postings.iter().filter(|p| p.account == account).map(|p| p.delta.nano()).sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_books_hold_and_every_order_ends(deal in deals(), unpaid in any::<bool>(), walk in moves(60)) {
        let (mut play, _) = walked(deal, unpaid, &walk);
        if play.order.phase() == Phase::Disputed {
            play.run("arbitration abort-dispute");
        }
        if let Some(timer) = play.order.timer() {
            play.now = play.now.max(timer.deadline.effective(&play.gaps()));
            play.run(lapse(timer.kind));
        }
        prop_assert!(play.order.phase().is_terminal());
        prop_assert!(play.order.escrow().is_zero());
        prop_assert!(play.entries.len() <= 2);
    }

    /// An event that does not fit moves no money and changes no phase; one that fits moves exactly
    /// what `escrow()` says.
    #[test]
    fn any_event_on_any_order(
        deal in deals(), here in moves(20), there in moves(20), unpaid in any::<(bool, bool)>(),
    ) {
        let (play, _) = walked(deal, unpaid.0, &here);
        let (mut other, _) = walked(deal, unpaid.1, &there);
        other.now = play.now;
        for step in LIVING.iter().chain(ENDING).chain(&["ledger fund"]) {
            let (role, command) = parse(step);
            for event in other.ask(role, &command).unwrap_or_default() {
                let after = evolve(play.order.clone(), &event);
                let held = after.escrow().nano() - play.order.escrow().nano();
                prop_assert_eq!(held, escrow_delta(&play.order, &event), "{:?}", event);
                if play.order.phase().is_terminal() {
                    prop_assert_eq!(&after, &play.order);
                }
                let disputed = play.order.phase() == Phase::Disputed;
                let ends = matches!(event, OrderEvent::Resumed { .. } | OrderEvent::Closed { .. });
                prop_assert!(!disputed || ends || after == play.order, "{:?}", event);
            }
        }
    }

    /// Whoever was not named by a row can do nothing: the decision never invents a way.
    #[test]
    fn only_rows_of_the_table_are_accepted(deal in deals(), walk in moves(20)) {
        let (play, _) = walked(deal, false, &walk);
        for step in LIVING.iter().chain(ENDING) {
            let (_, command) = parse(step);
            for role in crate::common::ROLES {
                let accepted = play.ask(role, &command).is_ok();
                let row = row_of(role, &command, play.order.phase());
                prop_assert!(!accepted || row.is_some(), "{step} by {role}");
            }
        }
    }
}

/// The walks are only worth something if they get around.
#[test]
fn walks_reach_every_row() {
    let mut runner = TestRunner::deterministic();
    let mut reached = BTreeSet::new();
    for _ in 0..12_000 {
        let strategy = (deals(), any::<bool>(), moves(60));
        let (deal, unpaid, walk) = strategy.new_tree(&mut runner).unwrap().current();
        reached.extend(walked(deal, unpaid, &walk).1);
    }
    reached.insert((Verb::Fund, Phase::AwaitingFunds, Phase::AwaitingStart));
    for row in TRANSITIONS {
        for from in row.from {
            for to in row.targets(*from) {
                // An award resumes only to where the order was: that is asked of each phase alone.
                assert!(reached.contains(&(row.verb, *from, to)), "{} {from} {to}", row.verb);
            }
        }
    }
}
