//! The money table, outcome by outcome, to the last unit. The order: P = 50, F = 1.25, T = 51.25.

use marketplace_disputes::{Category, Policy, Remedy, Side};
use marketplace_escrow::Phase as OrderPhase;
use marketplace_money::{Amount, Seconds};

use crate::play::{changes, of_the_seller, play};
use crate::world::Setup;

fn check(setup: &Setup, script: &str, order: OrderPhase, expect: &str) {
    let world = play(setup, script);
    assert!(world.dispute.phase().is_terminal(), "{script}");
    assert_eq!(changes(setup, &world), expect, "{script}");
    assert_eq!(world.order.phase(), order, "{script}");
}

#[test]
fn upheld() {
    let buyer = Setup::default();
    check(
        &buyer,
        "contest | vote full full full | strike",
        OrderPhase::Ruled,
        "buyer 55, seller -10, jurors 1.5, revenue 1, insurance 3.75",
    );
    // A juror against two: it pays 1 to them, and gets nothing.
    check(
        &buyer,
        "contest | vote full full rejected | strike",
        OrderPhase::Ruled,
        "buyer 55, seller -10, jurors 1.5, revenue 1, insurance 3.75",
    );
    check(
        &of_the_seller(),
        "contest | vote full full full | strike",
        OrderPhase::Ruled,
        "buyer -10, seller 53.75, jurors 1.5, revenue 1, insurance 3.75",
    );
    // R = 3: f, then K, then half of what is left.
    let cheap = Setup { price: Amount::from_avt(2), ..buyer };
    check(
        &cheap,
        "contest | vote full full full | strike",
        OrderPhase::Ruled,
        "buyer 2.3, seller -3, jurors 1.5, revenue 1, insurance 0.25",
    );
}

#[test]
fn undefended() {
    let buyer = Setup::default();
    let expect = "buyer 52.25, seller -1";
    check(&buyer, "strike | strike | strike", OrderPhase::Ruled, expect);
    check(&buyer, "concede", OrderPhase::Ruled, expect);
    check(&buyer, "concede-all", OrderPhase::Declined, expect);
    check(&of_the_seller(), "concede-all", OrderPhase::Accepted, "buyer -1, seller 51");
    // Conceded after contesting and before any vote was opened: R comes back.
    check(&buyer, "contest | concede", OrderPhase::Ruled, expect);
    // As far as the balance covers it.
    let poor = Setup { purse: Amount::from_avt(11), ..buyer };
    check(&poor, "concede", OrderPhase::Ruled, expect);
    let cheap = Setup { price: Amount::from_nano(19), ..buyer };
    check(&cheap, "concede", OrderPhase::Ruled, "buyer 0.00000002, seller -0.000000001");
}

#[test]
fn rejected() {
    check(
        &Setup::default(),
        "contest | vote rejected rejected rejected | strike",
        OrderPhase::Ruled,
        "buyer -11, seller 54.25, jurors 1.5, revenue 1, insurance 4.25",
    );
    check(
        &of_the_seller(),
        "contest | vote rejected rejected rejected | strike",
        OrderPhase::Delivered,
        "buyer 4.25, seller -11, jurors 1.5, revenue 1, insurance 4.25",
    );
    let unbonded = Setup { purse: Amount::from_nano(11_500_000_000), ..Setup::default() };
    // The seller spent its balance before; no bond, no compensation.
    let mut world = crate::world::World::open(&unbonded);
    let seller = marketplace_ledger::Account::Agent(crate::world::did("seller"));
    world.balances.insert(seller, 0);
    crate::play::run(&mut world, "contest-unbonded | strike | rule rejected");
    assert_eq!(
        changes(&unbonded, &world),
        "buyer -11, seller 38.5, revenue 1, insurance 10",
        "50 for the order less what was taken away by hand"
    );
}

#[test]
fn partial_and_unproven() {
    let buyer = Setup::default();
    check(
        &buyer,
        "contest | vote half half half | strike",
        OrderPhase::Ruled,
        "buyer 23.875, seller 24.25, jurors 1.5, revenue 1",
    );
    // f pays K first: 1 of 1.5; the bonds a quarter each.
    check(
        &buyer,
        "contest | vote unproven unproven unproven | strike",
        OrderPhase::Ruled,
        "buyer -1.25, seller 49.75, jurors 1.5",
    );
    check(
        &of_the_seller(),
        "contest | vote unproven unproven unproven | strike",
        OrderPhase::Delivered,
        "buyer -0.25, seller -1.25, jurors 1.5",
    );
    // What was claimed is the whole of it.
    let modest = Setup { remedy: Remedy::Half, ..buyer };
    check(
        &modest,
        "contest | vote half full full | strike",
        OrderPhase::Ruled,
        "buyer 29.375, seller 15, jurors 1.5, revenue 1, insurance 3.75",
    );
}

#[test]
fn side_exits() {
    let buyer = Setup::default();
    check(&buyer, "withdraw", OrderPhase::Delivered, "buyer -1, seller 0, revenue 1");
    check(&buyer, "contest | withdraw", OrderPhase::Delivered, "buyer -1, seller 0, revenue 1");
    check(&buyer, "contest | give-in", OrderPhase::Accepted, "buyer -1, seller 50, revenue 1");
    check(&buyer, "offer 20 | agree 20", OrderPhase::Settled, "buyer 30.75, seller 20");
    check(
        &buyer,
        "contest | seal full full full | reveal full full - | offer 20 | agree",
        OrderPhase::Settled,
        "buyer 30.25, seller 19.5, jurors 1",
    );
    check(
        &buyer,
        "contest | seal full full full | reveal full full - | abort",
        OrderPhase::Aborted,
        "buyer 25.625, seller 25, jurors 1, capital -1",
    );
    let undelivered = Setup { delivered: false, category: Category::Other, ..buyer };
    check(&undelivered, "contest | abort", OrderPhase::Aborted, "buyer 51.25, seller 0");
}

#[test]
fn giving_in_late_costs_what_losing_costs() {
    let buyer = Setup::default();
    check(
        &buyer,
        "contest | seal full full full | reveal full full - | concede-all",
        OrderPhase::Declined,
        "buyer 55.25, seller -10, jurors 1, revenue 1, insurance 4",
    );
    check(
        &buyer,
        "contest | seal full rejected rejected | reveal - rejected rejected | give-in",
        OrderPhase::Accepted,
        "buyer -11, seller 54.5, jurors 1, revenue 1, insurance 4.5",
    );
}

#[test]
fn appeals() {
    let buyer = Setup::default();
    // A = 10 + 7 · 0.5, back less K.
    check(
        &buyer,
        "contest | vote rejected rejected rejected | appeal buyer | vote full full full full full full full | strike",
        OrderPhase::Ruled,
        // The first panel is wrong: each of its jurors pays 1, and K of 1.5 with it, to insurance.
        "buyer 51.5, seller -10, jurors 0.5, revenue 1, insurance 8.25",
    );
    check(
        &buyer,
        "contest | vote rejected rejected rejected | appeal buyer | vote rejected rejected rejected rejected rejected rejected rejected | strike",
        OrderPhase::Ruled,
        "buyer -24.5, seller 59.25, jurors 5, revenue 1, insurance 9.25",
    );
    // Against silence: no R, so nothing but A is at stake for the seller.
    check(
        &buyer,
        "strike | strike | appeal seller | vote rejected rejected rejected | strike",
        OrderPhase::Ruled,
        "buyer -11, seller 48.5, jurors 1.5, revenue 1, insurance 10",
    );
    // Nobody ruled on the appeal in time: the last ruling stands, A comes back, we pay K.
    check(
        &buyer,
        "contest | vote rejected rejected rejected | appeal buyer | seal full full full full - - - | strike | reveal full full full - - - - | strike | seal - - - - - - - | strike | strike",
        OrderPhase::Ruled,
        "buyer -11, seller 54.25, jurors -32.000000002, revenue 1, insurance 39.250000002, capital -1.5",
    );
}

#[test]
fn jurors_who_do_not_serve() {
    let buyer = Setup::default();
    // One is silent: 5, shared by two who agree.
    check(
        &buyer,
        "contest | vote full full - | strike",
        OrderPhase::Ruled,
        "buyer 55.25, seller -10, jurors 1, revenue 1, insurance 4",
    );
    // Nobody votes, twice: 5 each to insurance, then the operators.
    check(
        &buyer,
        "contest | vote - - - | vote - - - | rule full",
        OrderPhase::Ruled,
        "buyer 55.75, seller -10, jurors -30, revenue 1, insurance 34.5",
    );
}

#[test]
fn an_objective_claim_needs_no_bond() {
    let late = Setup {
        delivered: false,
        category: Category::NonDelivery,
        waits: Seconds::from_hours(11),
        ..Setup::default()
    };
    check(&late, "strike | strike", OrderPhase::Ruled, "buyer 52.25, seller -1");
    check(
        &late,
        "contest | strike",
        OrderPhase::Ruled,
        "buyer 55.75, seller -10, revenue 1, insurance 4.5",
    );
    let early = Setup { waits: Seconds::from_hours(9), ..late };
    let refused = crate::world::World::try_open(&early).unwrap_err();
    assert_eq!(refused, crate::world::Refused::No(marketplace_disputes::DisputeRefusal::NotShown));
}

#[test]
fn odd_units_go_one_way() {
    let policy = Policy {
        bond: Amount::from_nano(2_500_000_001),
        fee: Amount::from_nano(3),
        ..Policy::ORIGINAL
    };
    let odd = Setup { price: Amount::from_nano(50_000_000_007), policy, ..Setup::default() };
    check(
        &odd,
        "contest | vote quarter quarter quarter | strike",
        OrderPhase::Ruled,
        "buyer 12.0625, seller 36.750000005, jurors 1.5, revenue 0.000000003",
    );
    check(
        &odd,
        "contest | vote full full full full | strike".replace(" full |", " |").as_str(),
        OrderPhase::Ruled,
        "buyer 51.750000006, seller -2.500000001, jurors 1.5, revenue 0.000000003, insurance 0.499999999",
    );
    assert_eq!(odd.disputer, Side::Buyer);
}
