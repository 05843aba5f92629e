//! What the node does and refuses, verb by verb.

use crate::common::{GENESIS, NOW, avt, code, did, order, settings};
use marketplace_money::{Amount, Reputation, Seconds};
use marketplace_ports::{HistoryCursor, Teg, TegBalance, TegTransactionId, TransferOrder};
use marketplace_teg::{Account, EmbeddedTeg, EmbeddedTegSettings, FAUCET_GIFT, OpenError};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use uuid::Uuid;

fn open() -> EmbeddedTeg {
    EmbeddedTeg::open_in_memory(settings()).unwrap()
}

async fn available(teg: &EmbeddedTeg, who: &str) -> Amount {
    teg.balance_of(&did(who)).await.unwrap().unwrap().available
}

async fn assert_clean(teg: &EmbeddedTeg) {
    let audit = teg.audit().await.unwrap();
    assert!(audit.is_clean(), "{audit:?}");
}

#[tokio::test]
async fn the_owner_begins_with_its_tokens_and_strangers_with_none() {
    let teg = open();
    let expect = TegBalance { available: GENESIS, ..TegBalance::default() };
    assert_eq!(teg.balance().await.unwrap(), expect);
    assert_eq!(teg.balance_of(&did("nobody")).await.unwrap(), Some(TegBalance::default()));
    let audit = teg.audit().await.unwrap();
    assert_eq!(audit.balance(&Account::Issuer), GENESIS.checked_neg().unwrap());
    assert_eq!(audit.sum, 0);
}

#[tokio::test]
async fn settings_that_make_no_sense() {
    let negative = Amount::from_nano(-1);
    for settings in [
        EmbeddedTegSettings { genesis: negative, ..settings() },
        EmbeddedTegSettings { transfer_fee: negative, ..settings() },
    ] {
        let refused = EmbeddedTeg::open_in_memory(settings).unwrap_err();
        assert!(matches!(refused, OpenError::Negative(_)), "{refused}");
    }
}

#[tokio::test]
async fn transfers_and_their_refusals() {
    let teg = open();
    let check = async |order: TransferOrder, expect: &str| {
        assert_eq!(code(&teg.transfer(&order).await), expect, "{order:?}");
        assert_clean(&teg).await;
    };
    let memo = |memo: String| TransferOrder { memo, ..order(90, "seller", "1") };
    check(order(1, "seller", "5.125"), "ok").await;
    check(order(1, "seller", "5.125"), "ok").await;
    check(order(1, "seller", "5.126"), "idempotency_mismatch").await;
    check(order(1, "other", "5.125"), "idempotency_mismatch").await;
    check(
        TransferOrder { memo: String::new(), ..order(1, "seller", "5.125") },
        "idempotency_mismatch",
    )
    .await;
    check(order(2, "seller", "0"), "invalid_amount").await;
    check(order(2, "seller", "-1"), "invalid_amount").await;
    check(order(2, "market", "1"), "self_transfer").await;
    check(order(2, "seller", "9994.875000001"), "insufficient_balance").await;
    check(order(2, "seller", "9223372036.854775807"), "insufficient_balance").await;
    check(memo("é".repeat(129)), "invalid_memo").await;
    check(memo("a\0b".to_owned()), "invalid_memo").await;
    check(memo("é".repeat(128)), "ok").await;
    assert_eq!(available(&teg, "seller").await, avt("6.125"));
    assert_eq!(teg.balance().await.unwrap().available, avt("9993.875"));
}

#[tokio::test]
async fn pulls_take_what_is_there_and_never_more() {
    let teg = open();
    let check = async |order: TransferOrder, expect: &str| {
        assert_eq!(code(&teg.pull(&order).await), expect, "{order:?}");
        assert_clean(&teg).await;
    };
    check(order(1, "buyer", "1"), "insufficient_balance").await;
    teg.faucet(&did("buyer")).await.unwrap();
    check(order(1, "buyer", "600"), "ok").await;
    check(order(1, "buyer", "600"), "ok").await;
    check(order(2, "buyer", "600"), "insufficient_balance").await;
    check(order(2, "market", "1"), "self_transfer").await;
    check(order(2, "buyer", "400"), "ok").await;
    check(order(3, "buyer", "0.000000001"), "insufficient_balance").await;
    assert_eq!(available(&teg, "buyer").await, Amount::ZERO);
    assert_eq!(teg.balance().await.unwrap().available, avt("11000"));
}

#[tokio::test]
async fn a_key_belongs_to_its_verb_and_its_caller() {
    let teg = open();
    teg.faucet(&did("buyer")).await.unwrap();
    let key = Uuid::from_u128(1);
    // A hostile agent uses our key first: that is its own key, and stops nothing.
    let theirs = teg.transfer_between(key, &did("buyer"), &did("market"), avt("1"), "memo").await;
    let ours = teg.pull(&order(1, "buyer", "1")).await.unwrap();
    assert_ne!(theirs.unwrap().id, ours.id);
    assert_eq!(available(&teg, "buyer").await, avt("998"));

    assert_eq!(code(&teg.transfer(&order(1, "buyer", "1")).await), "idempotency_mismatch");
    assert_eq!(code(&teg.stake(key, avt("1")).await), "idempotency_mismatch");
    assert_eq!(code(&teg.unstake(key).await), "idempotency_mismatch");

    assert_eq!(teg.find(key).await.unwrap(), Some(ours));
    assert_eq!(teg.find(Uuid::from_u128(2)).await.unwrap(), None);
    teg.stake(Uuid::from_u128(3), avt("1")).await.unwrap();
    assert_eq!(teg.find(Uuid::from_u128(3)).await.unwrap(), None);
}

#[tokio::test]
async fn a_refused_key_may_be_used_again() {
    let teg = open();
    assert_eq!(code(&teg.pull(&order(1, "buyer", "5")).await), "insufficient_balance");
    teg.faucet(&did("buyer")).await.unwrap();
    assert_eq!(code(&teg.pull(&order(1, "buyer", "7")).await), "ok");
}

#[tokio::test]
async fn the_sender_pays_the_fee_on_top() {
    let teg =
        EmbeddedTeg::open_in_memory(EmbeddedTegSettings { transfer_fee: avt("1"), ..settings() })
            .unwrap();
    assert_eq!(teg.transfer_fee().await.unwrap().flat, avt("1"));
    teg.faucet(&did("buyer")).await.unwrap();
    assert_eq!(code(&teg.pull(&order(1, "buyer", "999.000000001")).await), "insufficient_balance");
    let pulled = teg.pull(&order(1, "buyer", "999")).await.unwrap();
    assert_eq!((pulled.amount, pulled.fee), (avt("999"), avt("1")));
    teg.transfer(&order(2, "seller", "5")).await.unwrap();
    assert_eq!(available(&teg, "buyer").await, Amount::ZERO);
    assert_eq!(available(&teg, "seller").await, avt("5"));
    assert_eq!(teg.balance().await.unwrap().available, avt("10993"));
    let audit = teg.audit().await.unwrap();
    assert!(audit.is_clean());
    assert_eq!(audit.balance(&Account::Treasury), avt("2"));
}

#[tokio::test]
async fn the_faucet_gives_once() {
    let teg = open();
    let gift = TegBalance { available: FAUCET_GIFT, ..TegBalance::default() };
    assert_eq!(teg.faucet(&did("a")).await.unwrap(), gift);
    assert_eq!(code(&teg.faucet(&did("a")).await), "faucet_used");
    assert_eq!(teg.faucet(&did("b")).await.unwrap(), gift);
    assert_eq!(code(&teg.faucet(&did("market")).await), "faucet_closed");
    assert_clean(&teg).await;

    let closed = EmbeddedTegSettings { faucet_open: false, ..settings() };
    let teg = EmbeddedTeg::open_in_memory(closed).unwrap();
    assert_eq!(code(&teg.faucet(&did("a")).await), "faucet_closed");
    assert_eq!(available(&teg, "a").await, Amount::ZERO);
}

#[tokio::test]
async fn the_issuer_stops_where_numbers_end() {
    let settings = EmbeddedTegSettings { genesis: Amount::MAX, ..settings() };
    let teg = EmbeddedTeg::open_in_memory(settings).unwrap();
    assert_eq!(code(&teg.faucet(&did("a")).await), "faucet_closed");
    teg.transfer(&order(1, "a", "9223372036.854775807")).await.unwrap();
    assert_eq!(available(&teg, "a").await, Amount::MAX);
    assert_clean(&teg).await;
}

#[tokio::test]
async fn stakes() {
    let teg = open();
    let key = Uuid::from_u128;
    let check = async |result: Result<TegBalance, _>, expect: &str| {
        let shown = match result {
            Ok(balance) => format!("{} + {}", balance.available, balance.staked),
            refused => code(&refused),
        };
        assert_eq!(shown, expect);
        assert_clean(&teg).await;
    };
    check(teg.unstake(key(1)).await, "10000 + 0").await;
    check(teg.stake(key(2), avt("0")).await, "invalid_amount").await;
    check(teg.stake(key(2), avt("10000.5")).await, "insufficient_balance").await;
    check(teg.stake(key(2), avt("1000")).await, "9000 + 1000").await;
    check(teg.stake(key(2), avt("1000")).await, "9000 + 1000").await;
    check(teg.stake(key(2), avt("1001")).await, "idempotency_mismatch").await;
    check(teg.stake(key(3), avt("0.5")).await, "8999.5 + 1000.5").await;
    // Sent again late, the first unstake must not undo what came after it.
    check(teg.unstake(key(1)).await, "8999.5 + 1000.5").await;
    check(teg.unstake(key(4)).await, "10000 + 0").await;
    check(teg.unstake(key(4)).await, "10000 + 0").await;
    check(teg.stake(key(2), avt("1000")).await, "10000 + 0").await;
    assert_eq!(code(&teg.transfer(&order(5, "a", "10000")).await), "ok");
    check(teg.stake(key(6), avt("1")).await, "insufficient_balance").await;
}

#[tokio::test]
async fn staked_tokens_cannot_be_spent() {
    let teg = open();
    teg.stake(Uuid::from_u128(1), avt("9999")).await.unwrap();
    assert_eq!(code(&teg.transfer(&order(2, "a", "2")).await), "insufficient_balance");
    assert_eq!(code(&teg.transfer(&order(2, "a", "1")).await), "ok");
}

#[tokio::test]
async fn reputation_is_raw_and_moves_by_signals() {
    let teg = open();
    assert_eq!(teg.reputation(&did("seller")).await.unwrap(), None);
    let paid = teg.transfer(&order(1, "seller", "1")).await.unwrap();
    let check = async |who: &str, expect: i64| {
        let shown = teg.reputation(&did(who)).await.unwrap();
        assert_eq!(shown, Some(Reputation::from_raw(expect, 1)), "{who}");
    };
    check("seller", 0).await;
    teg.signal(&paid.id, true).await.unwrap();
    check("seller", 1).await;
    assert_eq!(code(&teg.signal(&paid.id, true).await), "already_signaled");
    assert_eq!(code(&teg.signal(&paid.id, false).await), "already_signaled");
    check("seller", 1).await;

    teg.set_raw_reputation(&did("new"), -15).await.unwrap();
    check("new", -15).await;
    let paid = teg.transfer(&order(2, "new", "1")).await.unwrap();
    teg.signal(&paid.id, false).await.unwrap();
    check("new", -16).await;
    teg.set_raw_reputation(&did("new"), i64::MAX).await.unwrap();
    let paid = teg.transfer(&order(3, "new", "1")).await.unwrap();
    teg.signal(&paid.id, true).await.unwrap();
    check("new", i64::MAX).await;

    teg.faucet(&did("buyer")).await.unwrap();
    let pulled = teg.pull(&order(4, "buyer", "1")).await.unwrap();
    assert_eq!(code(&teg.signal(&pulled.id, true).await), "not_the_sender");
    for unknown in ["", "1", "0197f3a2-7c1e-7aaa-8b1b-0242ac120002"] {
        let id = TegTransactionId(unknown.to_owned());
        assert_eq!(code(&teg.signal(&id, true).await), "unknown_transfer");
    }
}

#[tokio::test]
async fn history_shows_our_transfers_in_order_and_no_others() {
    let teg = open();
    for who in ["a", "b"] {
        teg.faucet(&did(who)).await.unwrap();
    }
    let (a, b, us) = (did("a"), did("b"), did("market"));
    let key = Uuid::from_u128;
    teg.transfer(&order(1, "a", "1")).await.unwrap();
    teg.transfer_between(key(2), &a, &b, avt("2"), "among themselves").await.unwrap();
    teg.transfer_between(key(3), &a, &us, avt("3"), "a deposit").await.unwrap();
    teg.pull(&order(4, "b", "4")).await.unwrap();
    teg.stake(key(5), avt("5")).await.unwrap();
    teg.transfer(&order(6, "b", "6")).await.unwrap();

    for limit in 1..6 {
        let (mut seen, mut cursor) = (Vec::new(), HistoryCursor::default());
        loop {
            let page = teg.history(&cursor, limit).await.unwrap();
            assert!(page.transfers.len() <= usize::try_from(limit).unwrap());
            if page.transfers.is_empty() {
                assert_eq!(page.next, cursor);
                break;
            }
            seen.extend(page.transfers);
            cursor = page.next;
        }
        let amounts: Vec<String> = seen.iter().map(|t| t.amount.to_string()).collect();
        assert_eq!(amounts, ["1", "3", "4", "6"]);
        let keys: Vec<Option<u128>> = seen.iter().map(|t| t.key.map(|k| k.as_u128())).collect();
        assert_eq!(keys, [Some(1), None, Some(4), Some(6)], "another's key is not shown");
        assert_eq!((&seen[1].sender, &seen[1].receiver), (&a, &us));
        assert_eq!(seen[1].memo, "a deposit");
        assert_eq!(seen[2], teg.find(key(4)).await.unwrap().unwrap());
        assert!(seen.iter().all(|t| t.at == NOW));
    }
    assert!(teg.history(&HistoryCursor::default(), 0).await.unwrap().transfers.is_empty());
    for text in ["x", "-1", "0", "1.5", "99999999999999999999"] {
        let cursor = HistoryCursor(text.to_owned());
        assert_eq!(code(&teg.history(&cursor, 1).await), "invalid_cursor", "{text}");
    }
}

#[tokio::test]
async fn entries_carry_the_time_of_the_clock() {
    let ticks = Arc::new(AtomicU32::new(0));
    let clock = {
        let ticks = Arc::clone(&ticks);
        Arc::new(move || NOW.plus(Seconds(ticks.load(Ordering::SeqCst))))
    };
    let teg = EmbeddedTeg::open_in_memory(EmbeddedTegSettings { clock, ..settings() }).unwrap();
    let early = teg.transfer(&order(1, "a", "1")).await.unwrap();
    ticks.store(60, Ordering::SeqCst);
    let late = teg.transfer(&order(2, "a", "1")).await.unwrap();
    assert_eq!((early.at, late.at), (NOW, NOW.plus(Seconds(60))));
    assert!(early.id.0 < late.id.0, "ids grow with time");
    assert_eq!(teg.transfer(&order(1, "a", "1")).await.unwrap(), early);
}
