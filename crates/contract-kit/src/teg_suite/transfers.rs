//! Transfers and pulls: once for each key, never more than there is.

use marketplace_money::Amount;
use marketplace_ports::{TegError, TransferOrder};

use super::world::{code, did, less, more};
use super::{OPENING_BALANCE, World};

const AVT: Amount = Amount::from_avt(1);
const NANO: Amount = Amount::from_nano(1);

/// The receiver gets the amount, we pay the fee on top, and the answer says all of it.
pub(crate) async fn a_transfer_moves_tokens(mut world: World) {
    let seller = did("seller");
    let order = world.order(&seller, Amount::from_nano(5_125_000_001));
    let done = world.teg().transfer(&order).await.expect("transfer");
    assert_eq!((&done.sender, &done.receiver), (&world.us, &seller));
    assert_eq!((done.amount, done.fee), (order.amount, world.fee));
    assert_eq!((done.memo.as_str(), done.key), (order.memo.as_str(), Some(order.key)));
    let paid = more(order.amount, world.fee);
    assert_eq!(world.ours().await.available, less(OPENING_BALANCE, paid));
    world.assert_holds(&seller, order.amount).await;
}

/// However often the same key is sent, in a row, at once or after a restart, it moves once.
pub(crate) async fn a_key_moves_tokens_once(mut world: World) {
    let (buyer, gift) = world.rich("buyer").await;
    let (out, back) = (world.order(&did("seller"), AVT), world.order(&buyer, AVT));
    let teg = world.teg();
    let paid = teg.transfer(&out).await.expect("transfer");
    let pulled = teg.pull(&back).await.expect("pull");
    assert_ne!(paid.id, pulled.id);
    let mut repeats = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (teg, out, back) = (world.teg(), out.clone(), back.clone());
        repeats.spawn(async move { (teg.transfer(&out).await, teg.pull(&back).await) });
    }
    for (again_paid, again_pulled) in repeats.join_all().await {
        assert_eq!((again_paid, again_pulled), (Ok(paid.clone()), Ok(pulled.clone())));
    }
    drop(teg);
    world.reopen().await;
    assert_eq!(world.teg().transfer(&out).await, Ok(paid));
    assert_eq!(world.teg().pull(&back).await, Ok(pulled));
    assert_eq!(world.ours().await.available, less(OPENING_BALANCE, world.fee));
    world.assert_holds(&buyer, less(gift, more(AVT, world.fee))).await;
    assert_eq!(world.history().await.len(), 2);
}

/// New orders sent at the same time under one key: one of them moves tokens.
pub(crate) async fn a_key_sent_at_once_moves_tokens_once(mut world: World) {
    let order = world.order(&did("seller"), AVT);
    let mut senders = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (teg, order) = (world.teg(), order.clone());
        senders.spawn(async move { teg.transfer(&order).await });
    }
    let done = senders.join_all().await;
    assert!(done.iter().all(|result| result.is_ok() && *result == done[0]), "{done:?}");
    let paid = more(AVT, world.fee);
    assert_eq!(world.ours().await.available, less(OPENING_BALANCE, paid));
}

/// A key stands for what it was first used for, whatever is asked with it later.
pub(crate) async fn a_key_with_other_fields_is_refused(mut world: World) {
    let (buyer, gift) = world.rich("buyer").await;
    let order = world.order(&buyer, AVT);
    let teg = world.teg();
    let done = teg.pull(&order).await.expect("pull");
    let others = [
        TransferOrder { amount: more(AVT, NANO), ..order.clone() },
        TransferOrder { counterparty: did("other"), ..order.clone() },
        TransferOrder { memo: "other".into(), ..order.clone() },
    ];
    for other in &others {
        assert_eq!(code(&teg.pull(other).await), TegError::IDEMPOTENCY_MISMATCH, "{other:?}");
    }
    assert_eq!(code(&teg.transfer(&order).await), TegError::IDEMPOTENCY_MISMATCH);
    assert_eq!(code(&teg.stake(order.key, AVT).await), TegError::IDEMPOTENCY_MISMATCH);
    assert_eq!(code(&teg.unstake(order.key).await), TegError::IDEMPOTENCY_MISMATCH);
    let staked = world.key();
    teg.stake(staked, AVT).await.expect("stake");
    let order = TransferOrder { key: staked, ..order };
    assert_eq!(code(&teg.transfer(&order).await), TegError::IDEMPOTENCY_MISMATCH);
    assert_eq!(world.history().await, [done]);
    world.assert_holds(&buyer, less(gift, more(AVT, world.fee))).await;
}

/// To the last nano, the fee included, and not one more.
pub(crate) async fn nobody_pays_more_than_it_holds(mut world: World) {
    let (buyer, gift) = world.rich("buyer").await;
    let teg = world.teg();
    let poor = world.order(&did("poor"), NANO);
    assert_eq!(code(&teg.pull(&poor).await), TegError::INSUFFICIENT_BALANCE);
    let all = less(gift, world.fee);
    let order = world.order(&buyer, more(all, NANO));
    assert_eq!(code(&teg.pull(&order).await), TegError::INSUFFICIENT_BALANCE);
    // Nothing moved, so the key is as good as new.
    let order = TransferOrder { amount: all, ..order };
    assert_eq!(code(&teg.pull(&order).await), "ok");
    world.assert_holds(&buyer, Amount::ZERO).await;
    let ours = world.ours().await.available;
    assert_eq!(ours, more(OPENING_BALANCE, all));
    for amount in [more(less(ours, world.fee), NANO), Amount::MAX] {
        let order = world.order(&buyer, amount);
        assert_eq!(code(&teg.transfer(&order).await), TegError::INSUFFICIENT_BALANCE);
    }
    let order = world.order(&buyer, less(ours, world.fee));
    assert_eq!(code(&teg.transfer(&order).await), "ok");
    assert_eq!(world.ours().await.available, Amount::ZERO);
}

/// Each malformed order has its own code, and moves nothing.
pub(crate) async fn malformed_orders_are_refused(mut world: World) {
    let (buyer, gift) = world.rich("buyer").await;
    let us = world.us.clone();
    let memo = |order: TransferOrder, memo: String| TransferOrder { memo, ..order };
    let cases = [
        (world.order(&buyer, Amount::ZERO), TegError::INVALID_AMOUNT),
        (world.order(&buyer, Amount::from_nano(-1)), TegError::INVALID_AMOUNT),
        (world.order(&us, AVT), TegError::SELF_TRANSFER),
        (memo(world.order(&buyer, AVT), "é".repeat(129)), TegError::INVALID_MEMO),
        (memo(world.order(&buyer, AVT), "a\0b".into()), TegError::INVALID_MEMO),
    ];
    let teg = world.teg();
    for (order, expect) in &cases {
        assert_eq!(code(&teg.transfer(order).await), *expect, "transfer {order:?}");
        assert_eq!(code(&teg.pull(order).await), *expect, "pull {order:?}");
        assert_eq!(teg.find(order.key).await, Ok(None));
    }
    assert_eq!(world.ours().await.available, OPENING_BALANCE);
    world.assert_holds(&buyer, gift).await;
    let longest = memo(world.order(&buyer, AVT), "é".repeat(128));
    assert_eq!(code(&teg.transfer(&longest).await), "ok");
    let empty = memo(world.order(&buyer, AVT), String::new());
    assert_eq!(code(&teg.pull(&empty).await), "ok");
}

/// By our key: what it moved, and nothing for a key that moved nothing.
pub(crate) async fn a_transfer_is_found_by_its_key(mut world: World) {
    let (buyer, _) = world.rich("buyer").await;
    let teg = world.teg();
    let (out, back) = (world.order(&buyer, AVT), world.order(&buyer, AVT));
    assert_eq!(teg.find(out.key).await, Ok(None));
    let paid = teg.transfer(&out).await.expect("transfer");
    let pulled = teg.pull(&back).await.expect("pull");
    let refused = world.order(&did("poor"), AVT);
    assert_eq!(code(&teg.pull(&refused).await), TegError::INSUFFICIENT_BALANCE);
    let staked = world.key();
    teg.stake(staked, AVT).await.expect("stake");
    drop(teg);
    for _ in 0..2 {
        let teg = world.teg();
        assert_eq!(teg.find(out.key).await, Ok(Some(paid.clone())));
        assert_eq!(teg.find(back.key).await, Ok(Some(pulled.clone())));
        assert_eq!(teg.find(refused.key).await, Ok(None));
        assert_eq!(teg.find(staked).await, Ok(None));
        drop(teg);
        world.reopen().await;
    }
}

/// A stranger that uses our key for a transfer of its own stops nothing and hides nothing.
pub(crate) async fn anothers_key_is_not_ours(mut world: World) {
    let (buyer, gift) = world.rich("buyer").await;
    let us = world.us.clone();
    let ours = world.order(&buyer, AVT);
    let theirs = TransferOrder { counterparty: us, ..ours.clone() };
    let stranger = world.transfer_from(&buyer, &theirs).await;
    let teg = world.teg();
    assert_eq!(teg.find(ours.key).await, Ok(None));
    let pulled = teg.pull(&ours).await.expect("pull");
    assert_ne!(pulled.id, stranger);
    assert_eq!(teg.find(ours.key).await, Ok(Some(pulled)));
    let spent = more(more(AVT, world.fee), more(AVT, world.fee));
    world.assert_holds(&buyer, less(gift, spent)).await;
    let keys: Vec<_> = world.history().await.into_iter().map(|transfer| transfer.key).collect();
    assert_eq!(keys, [None, Some(ours.key)]);
}
