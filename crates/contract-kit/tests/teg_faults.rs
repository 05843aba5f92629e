//! What the fake TEG does when a test plans a fault, and that its books survive all of it.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use marketplace_contract_kit::{FakeTeg, ManualClock, TegFault};
use marketplace_money::{Amount, Did};
use marketplace_ports::{Teg, TegError, TegTransfer, TransferOrder};
use uuid::Uuid;

const GENESIS: Amount = Amount::from_avt(100);

fn did(name: &str) -> Did {
    format!("did:key:{name}").parse().expect("a DID")
}

fn order(key: u128) -> TransferOrder {
    let (key, amount) = (Uuid::from_u128(key), Amount::from_avt(1));
    TransferOrder { key, counterparty: did("seller"), amount, memo: String::new() }
}

fn rich() -> FakeTeg {
    let teg = FakeTeg::new(did("market"), ManualClock::default());
    teg.issue(&did("market"), GENESIS);
    teg.set_transfer_fee(Amount::from_nano(1));
    teg
}

fn name(answer: &Poll<Result<TegTransfer, TegError>>) -> &'static str {
    match answer {
        Poll::Pending => "pending",
        Poll::Ready(Ok(_)) => "ok",
        Poll::Ready(Err(TegError::Refused { .. })) => "refused",
        Poll::Ready(Err(TegError::Unavailable { .. })) => "unavailable",
        Poll::Ready(Err(TegError::Unknown { .. })) => "unknown",
        Poll::Ready(Err(TegError::Unsupported { .. })) => "unsupported",
    }
}

#[tokio::test]
async fn a_planned_fault_hits_its_call_and_no_other() {
    let check = async |fault: TegFault, expect: &str, moved: bool| {
        let teg = rich();
        teg.plan_faults(move |point| match (point.call, point.number) {
            ("transfer", 2) => fault,
            _ => TegFault::None,
        });
        teg.transfer(&order(1)).await.unwrap();
        {
            let order = order(2);
            let mut transfer = pin!(teg.transfer(&order));
            let answer = transfer.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            assert_eq!(name(&answer), expect, "{fault:?}");
        }
        let found = teg.find(Uuid::from_u128(2)).await.unwrap();
        assert_eq!(found.is_some(), moved, "{fault:?}");
        // The same key again: afterwards it moved once, whatever happened before.
        teg.transfer(&order(2)).await.unwrap();
        teg.transfer(&order(3)).await.unwrap();
        let seller = teg.balance_of(&did("seller")).await.unwrap().unwrap();
        assert_eq!(seller.available, Amount::from_avt(3), "{fault:?}");
        let ours = teg.balance().await.unwrap().available;
        assert_eq!(ours.nano(), Amount::from_avt(97).nano() - 3, "{fault:?}");
        assert_eq!((teg.total(), teg.breaches()), (GENESIS, vec![]));
        assert_eq!(teg.calls("transfer"), 4);
    };
    check(TegFault::None, "ok", true).await;
    check(TegFault::Refuse, "refused", false).await;
    check(TegFault::UnavailableBefore, "unavailable", false).await;
    check(TegFault::LostBefore, "unknown", false).await;
    check(TegFault::LostAfter, "unknown", true).await;
    check(TegFault::Duplicate, "ok", true).await;
    check(TegFault::HangBefore, "pending", false).await;
    check(TegFault::HangAfter, "pending", true).await;
}

#[tokio::test]
async fn every_request_may_arrive_twice() {
    let teg = rich();
    let (market, buyer) = (did("market"), did("buyer"));
    let avt = Amount::from_avt;
    teg.plan_faults(|_| TegFault::Duplicate);
    teg.faucet(&buyer).await.unwrap();
    let pull = TransferOrder { counterparty: buyer.clone(), amount: avt(5), ..order(1) };
    teg.pull(&pull).await.unwrap();
    teg.stake(Uuid::from_u128(2), avt(7)).await.unwrap();
    teg.unstake(Uuid::from_u128(3)).await.unwrap();
    teg.stake(Uuid::from_u128(4), avt(9)).await.unwrap();
    let paid = teg.transfer(&order(5)).await.unwrap();
    teg.signal(&paid.id, true).await.unwrap();
    let balance = teg.balance().await.unwrap();
    assert_eq!((balance.staked, balance.available.nano()), (avt(9), avt(95).nano() - 1));
    assert_eq!(teg.balance_of(&market).await.unwrap(), Some(balance));
    assert_eq!(teg.reputation(&did("seller")).await.unwrap().unwrap().to_string(), "1");
    assert_eq!(teg.total(), avt(1_100));
    assert_eq!(teg.breaches(), [""; 0]);
}

#[tokio::test]
async fn reading_moves_nothing_and_fails_when_planned() {
    let teg = rich();
    let faults = [TegFault::Refuse, TegFault::UnavailableBefore, TegFault::LostAfter];
    for fault in faults {
        teg.plan_faults(move |_| fault);
        assert!(matches!(teg.balance().await, Err(TegError::Unavailable { .. })), "{fault:?}");
        assert!(matches!(teg.find(Uuid::nil()).await, Err(TegError::Unavailable { .. })));
    }
    teg.clear_faults();
    assert_eq!(teg.balance().await.unwrap().available, GENESIS);
}
