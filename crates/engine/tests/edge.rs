//! Tokens across the edge: prepaid purchases, withdrawals, reserves.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[expect(dead_code, reason = "each test file needs another part of it")]
mod common;

use std::sync::Arc;

use common::{Market, avt, did, fresh, offer};
use marketplace_contract_kit::TegFault;
use marketplace_engine::{
    EdgeStop, Error, EscrowLimit, EscrowPolicy, Marketplace, OperatorSet, OrderView, Pace, Payment,
    Proposal, PurchaseRequest, SignedBy, Worker,
};
use marketplace_escrow::{Command, Phase};
use marketplace_listings::Listing;
use marketplace_money::{Amount, Seconds, WithdrawalId};
use marketplace_ports::{
    Motion, MotionAction, MotionState, PayoutPolicy, Resolution, Teg as _, TegTransactionId,
    TransferFee, TransferOrder, WithdrawalState,
};
use uuid::Uuid;

fn refused<R: std::fmt::Debug>(result: Result<R, Error>) -> &'static str {
    match result {
        Err(Error::Refused(refusal)) => refusal.code(),
        other => panic!("not refused: {other:?}"),
    }
}

fn payment(market: &Market, key: u128, amount: &str, memo: &str) -> TransferOrder {
    TransferOrder {
        key: Uuid::from_u128(key),
        counterparty: market.marketplace.did().clone(),
        amount: avt(amount),
        memo: memo.to_owned(),
    }
}

fn pay(market: &Market, from: &str, key: u128, amount: &str, memo: &str) -> TegTransactionId {
    let order = payment(market, key, amount, memo);
    market.teg.transfer_from(&did(from), &order).unwrap().id
}

async fn buy(
    market: &Market,
    listing: &Listing,
    transaction: &TegTransactionId,
) -> Result<OrderView, Error> {
    let payment = Payment::Prepaid(transaction.clone());
    let request = PurchaseRequest { payment, ..PurchaseRequest::of(listing.id) };
    market.marketplace.purchase(&did("buyer"), request, None).await.map(fresh)
}

#[tokio::test]
async fn a_transfer_pays_once_and_what_is_left_stays() {
    let mut market = Market::open().await;
    let listing = market.list(offer("5")).await;
    let calls = market.teg.calls("history");
    let paid = pay(&market, "buyer", 1, "7", &format!("escrow:{}:x", listing.id));
    let order = buy(&market, &listing, &paid).await.unwrap().order;
    assert_eq!(order.price.total, avt("5.125"));
    assert_eq!(market.teg.calls("history") - calls, 1, "one look, and nothing else");
    assert_eq!(market.available("buyer").await, "1.875");
    assert_eq!(refused(buy(&market, &listing, &paid).await), "payment_used");
    let claimed = market.marketplace.claim_transfer(&did("buyer"), paid, None).await;
    assert_eq!(refused(claimed), "payment_used");
    market.settle().await;
    assert_eq!(market.available("buyer").await, "1.875", "the mirror books nothing twice");
    market.check().await;
}

#[tokio::test]
async fn what_does_not_pay_is_told_why() {
    let mut market = Market::open().await;
    let listing = market.list(offer("5")).await;
    let own = format!("listing:{}", listing.id);
    let check = |transaction: TegTransactionId, expect: &'static str| {
        let (market, listing) = (&market, &listing);
        async move {
            market.clock.advance(Seconds(2));
            assert_eq!(refused(buy(market, listing, &transaction).await), expect);
        }
    };
    check(TegTransactionId("nobody-knows".into()), "payment_not_seen").await;
    check(pay(&market, "other", 1, "7", &own), "payment_foreign").await;
    check(pay(&market, "buyer", 2, "5.124999999", &own), "payment_too_small").await;
    let memo = format!("listing:{}", Uuid::from_u128(99));
    check(pay(&market, "buyer", 3, "7", &memo), "payment_for_another").await;
    check(TegTransactionId(String::new()), "invalid").await;
    let order = payment(&market, 4, "6", &own);
    let pending = market.teg.announce(&did("buyer"), &order);
    check(pending.clone(), "payment_pending").await;
    assert!(market.teg.complete_pending());
    market.clock.advance(Seconds(2));
    buy(&market, &listing, &pending).await.unwrap();
    let failing = market.teg.announce(&did("buyer"), &payment(&market, 5, "6", &own));
    check(failing.clone(), "payment_pending").await;
    assert!(market.teg.fail_pending());
    check(failing, "payment_failed").await;
    market.settle().await;
    // What paid for nothing is its sender's.
    assert_eq!(market.available("other").await, "7");
    assert_eq!(market.available("buyer").await, "12.999999999");
    market.check().await;
}

#[tokio::test]
async fn those_who_wait_share_one_look_in_a_second() {
    let market = Market::open().await;
    let listing = market.list(offer("5")).await;
    let calls = market.teg.calls("history");
    for number in 0..5 {
        let unknown = TegTransactionId(format!("unknown-{number}"));
        assert_eq!(refused(buy(&market, &listing, &unknown).await), "payment_not_seen");
    }
    assert_eq!(market.teg.calls("history") - calls, 1);
    market.clock.advance(Seconds(1));
    let unknown = TegTransactionId("unknown".into());
    assert_eq!(refused(buy(&market, &listing, &unknown).await), "payment_not_seen");
    assert_eq!(market.teg.calls("history") - calls, 2);
}

#[tokio::test]
async fn a_claimed_transfer_is_for_the_wallet() {
    let market = Market::open().await;
    let listing = market.list(offer("5")).await;
    let paid = pay(&market, "buyer", 1, "7", "wallet");
    let claimed = market.marketplace.claim_transfer(&did("buyer"), paid.clone(), None).await;
    assert_eq!(fresh(claimed.unwrap()).available, avt("7"));
    assert_eq!(refused(buy(&market, &listing, &paid).await), "payment_used");
}

#[tokio::test]
async fn the_agent_pays_the_fee_that_it_was_shown() {
    let mut market = Market::open().await;
    let share = TransferFee { millionths: 1_000, least: avt("0.001"), ..TransferFee::default() };
    let buyer = did("buyer");
    market.marketplace.deposit(&buyer, avt("50"), None).await.unwrap();
    market.teg.set_fees(share);
    let quote = market.marketplace.withdrawal_quote(&buyer, avt("10")).await.unwrap();
    assert_eq!((quote.fee, quote.total), (avt("0.01"), avt("10.01")));
    market.marketplace.withdraw(&buyer, avt("10"), None).await.unwrap();
    market.settle().await;
    assert_eq!(market.available("buyer").await, "39.99");
    market.marketplace.set_payout(&buyer, PayoutPolicy::Immediate, None).await.unwrap();
    market.settle().await;
    assert_eq!(market.available("buyer").await, "0");
    market.check().await;
}

const OPERATORS: [&str; 3] = ["first", "second", "third"];

async fn governed(needed: usize) -> Market {
    let operators = OperatorSet { keys: OPERATORS.map(did).into(), needed };
    Market::open_with(|config| config.operators = operators).await
}

fn anybody() -> SignedBy {
    Arc::new(|_, _, _| true)
}

async fn propose(market: &Market, by: &str, action: MotionAction) -> Result<Arc<Motion>, Error> {
    let reason = "looked at the TEG's books".into();
    let proposal = Proposal { action, reason, try_only: false, signature: None };
    market.marketplace.propose(&did(by), proposal, anybody(), None).await.map(fresh)
}

async fn approve(market: &Market, by: &str, motion: &Motion) -> Result<Arc<Motion>, Error> {
    let market = &market.marketplace;
    market.approve_motion(&did(by), motion.id, None, anybody(), None).await.map(fresh)
}

fn resolve(withdrawal: WithdrawalId, resolution: Resolution) -> MotionAction {
    MotionAction::ResolveWithdrawal { withdrawal, resolution, version: 0 }
}

/// A withdrawal of 10 of 50 AVT whose transfer got lost, so that nobody knows.
async fn lost_withdrawal(market: &mut Market) -> WithdrawalId {
    let buyer = did("buyer");
    market.marketplace.deposit(&buyer, avt("50"), None).await.unwrap();
    market.teg.plan_faults(|point| match point.call {
        "transfer" => TegFault::LostBefore,
        _ => TegFault::None,
    });
    let asked = fresh(market.marketplace.withdraw(&buyer, avt("10"), None).await.unwrap());
    wait_for_operators(market).await;
    asked.id
}

async fn wait_for_operators(market: &mut Market) {
    market.settle().await;
    market.clock.advance(Seconds::from_hours(24));
    market.settle().await;
    let open = market.marketplace.open_withdrawals(None, 10).await.unwrap();
    assert!(matches!(open[0].state, WithdrawalState::Waiting { .. }), "{open:?}");
}

#[tokio::test]
async fn what_nobody_knows_waits_for_as_many_operators_as_it_takes() {
    let mut market = governed(2).await;
    let id = lost_withdrawal(&mut market).await;
    let calls = market.teg.calls("transfer");
    market.clock.advance(Seconds::from_hours(24));
    market.settle().await;
    assert_eq!(market.teg.calls("transfer"), calls, "nobody calls any more");
    assert_eq!(
        refused(propose(&market, "buyer", resolve(id, Resolution::Return)).await),
        "operators_only"
    );
    let motion = propose(&market, "first", resolve(id, Resolution::Return)).await.unwrap();
    assert_eq!(
        (motion.state.clone(), market.available("buyer").await.as_str()),
        (MotionState::Open, "40")
    );
    assert_eq!(refused(approve(&market, "first", &motion).await), "already_approved");
    let (second, third) =
        tokio::join!(approve(&market, "second", &motion), approve(&market, "third", &motion));
    let done = [&second, &third].map(|answer| answer.is_ok());
    assert_eq!(done.iter().filter(|done| **done).count(), 1, "{done:?}");
    let late = if done[0] { third } else { second };
    assert_eq!(refused(late), "motion_over");
    assert_eq!(market.available("buyer").await, "50");
    market.check().await;
}

#[tokio::test]
async fn a_tried_resolution_leaves_no_trace() {
    let mut market = governed(1).await;
    let id = lost_withdrawal(&mut market).await;
    let (action, reason) = (resolve(id, Resolution::Resend), "a look".into());
    let proposal = Proposal { action, reason, try_only: true, signature: None };
    let tried = market.marketplace.propose(&did("first"), proposal, anybody(), None).await;
    assert!(matches!(fresh(tried.unwrap()).state, MotionState::Done { .. }));
    assert_eq!(market.marketplace.motions(None, 10).await.unwrap(), []);
    let calls = market.teg.calls("transfer");
    market.settle().await;
    assert_eq!(market.teg.calls("transfer"), calls);
    market.check().await;
}

/// What operators found out about a transfer says nothing about the next one: the tokens of a
/// transfer that may have been made would go back to the agent too.
#[tokio::test]
async fn who_agreed_on_one_waiting_did_not_agree_on_the_next() {
    let mut market = governed(2).await;
    let id = lost_withdrawal(&mut market).await;
    let back = propose(&market, "first", resolve(id, Resolution::Return)).await.unwrap();
    let again = propose(&market, "first", resolve(id, Resolution::Resend)).await.unwrap();
    approve(&market, "second", &again).await.unwrap();
    assert_eq!(refused(approve(&market, "second", &back).await), "already_done", "on its way");
    wait_for_operators(&mut market).await;
    assert_eq!(refused(approve(&market, "second", &back).await), "already_done", "waits again");
    assert_eq!(market.available("buyer").await, "40");
    let back = propose(&market, "third", resolve(id, Resolution::Return)).await.unwrap();
    approve(&market, "second", &back).await.unwrap();
    assert_eq!(market.available("buyer").await, "50");
    market.check().await;
}

#[tokio::test]
async fn a_transfer_that_shows_after_all_ends_the_waiting() {
    let mut market = Market::open().await;
    let buyer = did("buyer");
    market.marketplace.deposit(&buyer, avt("50"), None).await.unwrap();
    market.teg.plan_faults(|point| match point.call {
        "transfer" => TegFault::LostBefore,
        _ => TegFault::None,
    });
    let asked = fresh(market.marketplace.withdraw(&buyer, avt("10"), None).await.unwrap());
    market.settle().await;
    market.clock.advance(Seconds::from_hours(24));
    market.settle().await;
    market.teg.clear_faults();
    let order = TransferOrder {
        key: asked.id.uuid(),
        counterparty: buyer,
        amount: avt("10"),
        memo: format!("withdrawal:{}", asked.id),
    };
    market.teg.transfer(&order).await.unwrap();
    market.settle().await;
    assert_eq!(market.marketplace.open_withdrawals(None, 10).await.unwrap(), []);
    market.check().await;
}

#[tokio::test]
async fn a_silent_teg_queues_withdrawals_and_stops_nothing_else() {
    let mut market = Market::open().await;
    let listing = market.list(offer("5")).await;
    let buyer = did("buyer");
    market.marketplace.deposit(&buyer, avt("50"), None).await.unwrap();
    market.teg.plan_faults(|_| TegFault::UnavailableBefore);
    for _ in 0..6 {
        market.settle().await;
    }
    assert_eq!(market.marketplace.edge_stop().await.unwrap(), Some(EdgeStop::Unreachable));
    market.marketplace.withdraw(&buyer, avt("10"), None).await.unwrap();
    let calls = market.teg.calls("transfer");
    market.settle().await;
    assert_eq!(market.teg.calls("transfer"), calls, "it waits in the queue");
    market.buy(&listing).await;
    market.teg.clear_faults();
    for _ in 0..6 {
        market.settle().await;
    }
    assert_eq!(market.marketplace.edge_stop().await.unwrap(), None);
    assert_eq!(market.marketplace.open_withdrawals(None, 10).await.unwrap(), []);
    market.check().await;
}

#[tokio::test]
async fn a_server_that_starts_while_the_teg_is_silent_queues_withdrawals_too() {
    let mut market = Market::open().await;
    let buyer = did("buyer");
    market.marketplace.deposit(&buyer, avt("50"), None).await.unwrap();
    market.teg.set_transfer_fee(avt("0.25"));
    market.marketplace.withdrawal_fee(avt("1")).await.unwrap();
    market.teg.plan_faults(|_| TegFault::UnavailableBefore);
    let restarted = market.replica().await;
    let asked = fresh(restarted.withdraw(&buyer, avt("10"), None).await.unwrap());
    assert_eq!(asked.fee, avt("0.25"), "as the TEG said last");
    assert_eq!(market.marketplace.open_withdrawals(None, 10).await.unwrap().len(), 1);
    market.teg.clear_faults();
    for _ in 0..6 {
        market.settle().await;
    }
    assert_eq!(market.marketplace.open_withdrawals(None, 10).await.unwrap(), []);
    market.check().await;
}

#[tokio::test]
async fn what_operators_give_at_the_same_time_is_never_more_than_there_is() {
    let operator = did("operator");
    let operators = OperatorSet { keys: vec![operator.clone()], needed: 1 };
    let market = Market::open_with(|config| config.operators = operators).await;
    let replica = market.replica().await;
    let whole = market.marketplace.own_capital().await.unwrap();
    let give = |market: Marketplace, name: &str| {
        let (operator, agent) = (operator.clone(), did(name));
        let action = MotionAction::Adjust { agent, amount: whole };
        let proposal =
            Proposal { action, reason: "a gift".into(), try_only: false, signature: None };
        let signed_by: SignedBy = Arc::new(|_, _, _| true);
        async move { market.propose(&operator, proposal, signed_by, None).await }
    };
    let (here, too, there) = tokio::join!(
        give(market.marketplace.clone(), "buyer"),
        give(market.marketplace.clone(), "seller"),
        give(replica, "other"),
    );
    let given = [here.is_ok(), too.is_ok(), there.is_ok()];
    assert_eq!(given.iter().filter(|given| **given).count(), 1, "{given:?}");
    assert_eq!(market.marketplace.own_capital().await.unwrap(), Amount::ZERO);
    market.check().await;
}

#[tokio::test]
async fn a_transfer_that_nobody_asked_for_is_named_until_it_is_explained() {
    let mut market = governed(2).await;
    let buyer = did("buyer");
    market.marketplace.deposit(&buyer, avt("50"), None).await.unwrap();
    let key = Uuid::from_u128(77);
    let (counterparty, memo) = (did("other"), "by hand".to_owned());
    let order = TransferOrder { key, counterparty, amount: avt("3"), memo };
    let strange = market.teg.transfer(&order).await.unwrap().id;
    market.settle().await;
    let found = market.marketplace.reconcile().await.unwrap().unwrap();
    assert_eq!(found.difference, -3_000_000_000_000_000_000);
    let Some(EdgeStop::Breach(alarm)) = market.marketplace.edge_stop().await.unwrap() else {
        panic!("withdrawals are not stopped")
    };
    assert!(alarm.contains(&strange.0), "{alarm}");
    market.marketplace.withdraw(&buyer, avt("10"), None).await.unwrap();
    market.settle().await;
    assert_eq!(market.marketplace.open_withdrawals(None, 10).await.unwrap().len(), 1);
    let explain = |transaction| MotionAction::ExplainTransfer { transaction };
    let unknown = TegTransactionId("unknown".into());
    assert_eq!(refused(propose(&market, "first", explain(unknown)).await), "not_found");
    let nameless = TegTransactionId(String::new());
    assert_eq!(refused(propose(&market, "first", explain(nameless)).await), "invalid");
    let one = propose(&market, "first", explain(strange.clone())).await.unwrap();
    let other = propose(&market, "third", explain(strange.clone())).await.unwrap();
    assert_eq!(market.marketplace.reconcile().await.unwrap().unwrap().difference, found.difference);
    approve(&market, "second", &one).await.unwrap();
    assert_eq!(refused(approve(&market, "second", &other).await), "already_done");
    assert_eq!(refused(propose(&market, "first", explain(strange)).await), "already_done");
    for _ in 0..3 {
        market.settle().await;
    }
    assert_eq!(market.marketplace.edge_stop().await.unwrap(), None);
    assert_eq!(market.marketplace.open_withdrawals(None, 10).await.unwrap(), []);
    market.check().await;
}

#[tokio::test]
async fn dust_is_counted_and_belongs_to_nobody() {
    let mut market = Market::open().await;
    for number in 0..3 {
        let paid = pay(&market, "buyer", number, "1", "");
        market.teg.add_dust(&paid, 400_000_000);
    }
    market.settle().await;
    let found = market.marketplace.reconcile().await.unwrap().unwrap();
    assert_eq!((found.difference, found.breach), (0, None));
    assert_eq!(market.available("buyer").await, "3");
}

#[tokio::test]
async fn everybody_proves_what_it_is_owed() {
    let mut market = Market::open().await;
    let listing = market.list(offer("5")).await;
    market.marketplace.deposit(&did("buyer"), avt("50"), None).await.unwrap();
    let order = market.buy(&listing).await.order;
    market.settle().await;
    let statement = market.marketplace.reserves_statement().await.unwrap().unwrap();
    assert_eq!(statement.root.sum, avt("50"));
    let proof = market.marketplace.reserves_proof(&did("buyer")).await.unwrap().unwrap();
    assert!(proof.holds());
    let mut owed: Vec<(String, Amount)> =
        proof.inclusions.iter().map(|own| (own.leaf.name.clone(), own.leaf.amount)).collect();
    owed.sort();
    let mut expect = vec![
        (format!("agent:{}", did("buyer")), avt("44.875")),
        (format!("order:{}", order.id), avt("5.125")),
    ];
    expect.sort();
    assert_eq!(owed, expect);
    let mut lie = proof;
    lie.inclusions[0].leaf.amount = Amount::ZERO;
    assert!(!lie.holds());
    let seller = market.marketplace.reserves_proof(&did("seller")).await.unwrap().unwrap();
    assert_eq!(seller.inclusions.len(), 1, "its order");
    let nobody = market.marketplace.reserves_proof(&did("nobody")).await.unwrap().unwrap();
    assert!(nobody.inclusions.is_empty() && nobody.holds());
}

#[tokio::test(start_paused = true)]
async fn no_order_is_taken_that_our_stake_does_not_cover() {
    let enforced = EscrowLimit { policy: EscrowPolicy::Enforce, thousandths: 11 };
    let mut market = Market::open_with(|config| config.escrow = enforced).await;
    market.settle().await;
    let listing = market.list(offer("5")).await;
    let cover = market.marketplace.escrow_cover().await.unwrap();
    assert_eq!((cover.open, cover.limit), (avt("0"), avt("11")), "a stake of 1,000");
    let later = async || tokio::time::advance(std::time::Duration::from_secs(1)).await;
    let first = market.buy(&listing).await.order;
    later().await;
    market.buy(&listing).await;
    later().await;
    let request = || PurchaseRequest::of(listing.id);
    let third = market.marketplace.purchase(&did("buyer"), request(), None).await;
    assert_eq!(refused(third), "escrow_full");
    assert_eq!(market.marketplace.escrow_cover().await.unwrap().open, avt("10.25"));
    let cancel = Command::Cancel;
    market.marketplace.change_order(&did("buyer"), first.id, cancel, None).await.unwrap();
    later().await;
    market.buy(&listing).await;
    market.check().await;
}

#[tokio::test]
async fn the_mirror_looks_often_only_while_a_transfer_is_awaited() {
    let market = Market::open().await;
    let listing = market.list(offer("5")).await;
    let pace = Pace {
        mirror: Seconds(8),
        mirror_idle: Seconds(60),
        reserves: Seconds(86_400),
        ..Pace::default()
    };
    let mut worker = Worker::new(market.marketplace.clone(), pace).await.unwrap();
    worker.tick().await.unwrap();
    // The listing's fee came from the TEG: for a while more may come.
    market.clock.advance(Seconds(200));
    worker.tick().await.unwrap();
    // Looks in so many rounds of eight seconds.
    let mut looks = async |rounds: u32| {
        let calls = market.teg.calls("history");
        for _ in 0..rounds {
            market.clock.advance(Seconds(8));
            worker.tick().await.unwrap();
        }
        market.teg.calls("history") - calls
    };
    assert_eq!(looks(15).await, 1, "nobody waits");
    let payment = Payment::Transfer;
    let request = PurchaseRequest { payment, ..PurchaseRequest::of(listing.id) };
    market.marketplace.purchase(&did("buyer"), request, None).await.unwrap();
    assert_eq!(looks(15).await, 15, "an order waits");
    market.clock.advance(Seconds(3_600));
    looks(1).await;
    assert_eq!(looks(15).await, 1, "its time is over");
    let unknown = TegTransactionId("unknown".into());
    assert_eq!(refused(buy(&market, &listing, &unknown).await), "payment_not_seen");
    assert_eq!(looks(15).await, 15, "somebody named a transfer");
}

/// At once by a second server too; and an order that waited for its transfer until others came
/// first leaves the tokens in its buyer's balance.
#[tokio::test]
async fn no_more_waits_on_a_seller_than_may() {
    let mut market = Market::open_with(|config| config.exposure_base = Some(avt("12"))).await;
    let listing = market.list(offer("5")).await;
    let replica = market.replica().await;
    let request = PurchaseRequest::of(listing.id);
    let waiting = PurchaseRequest { payment: Payment::Transfer, ..request.clone() };
    let placed = market.marketplace.purchase(&did("buyer"), waiting, None).await;
    let waiting = fresh(placed.unwrap()).order;
    let first = market.buy(&listing).await.order;
    fresh(replica.purchase(&did("other"), request.clone(), None).await.unwrap());
    let third = replica.purchase(&did("other"), request.clone(), None).await;
    assert_eq!(refused(third), "exposure_reached");
    let before = market.available("buyer").await;
    pay(&market, "buyer", 1, "5.125", &format!("order:{}", waiting.id));
    market.settle().await;
    let unpaid = market.marketplace.order(waiting.id).await.unwrap().unwrap().order;
    assert_eq!(unpaid.phase(), Phase::AwaitingFunds);
    assert_eq!((before.as_str(), market.available("buyer").await.as_str()), ("0", "5.125"));
    let cancel = Command::Cancel;
    market.marketplace.change_order(&did("buyer"), first.id, cancel, None).await.unwrap();
    fresh(replica.purchase(&did("other"), request, None).await.unwrap());
    market.check().await;
}
