//! Faucet, stake and standing.

use marketplace_money::Amount;
use marketplace_ports::{TegBalance, TegError, TegTransactionId};

use super::world::{code, did, less, more};
use super::{OPENING_BALANCE, World};

const AVT: Amount = Amount::from_avt(1);

/// Strangers hold nothing and have no standing.
pub(crate) async fn strangers_have_nothing(world: World) {
    let teg = world.teg();
    world.assert_holds(&did("stranger"), Amount::ZERO).await;
    assert_eq!(teg.reputation(&did("stranger")).await, Ok(None));
    let ours = TegBalance { available: OPENING_BALANCE, ..TegBalance::default() };
    assert_eq!(world.ours().await, ours);
}

/// Once for each agent, at once too; nobody else's tokens change, and it is no transfer of ours.
pub(crate) async fn the_faucet_gives_once(mut world: World) {
    let (a, gift) = world.rich("a").await;
    assert!(gift.is_positive());
    assert_eq!(code(&world.teg().faucet(&a).await), TegError::FAUCET_USED);
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let teg = world.teg();
        callers.spawn(async move { code(&teg.faucet(&did("b")).await) });
    }
    let mut codes = callers.join_all().await;
    codes.sort();
    assert_eq!(codes[1..], ["faucet_used", "faucet_used", "ok"]);
    world.reopen().await;
    assert_eq!(code(&world.teg().faucet(&a).await), TegError::FAUCET_USED);
    world.assert_holds(&a, gift).await;
    world.assert_holds(&did("b"), gift).await;
    assert_eq!(world.ours().await.available, OPENING_BALANCE);
    assert_eq!(world.history().await, []);
}

/// Locked once for each key, out of reach of transfers, and given back as a whole.
pub(crate) async fn a_stake_is_locked_once(mut world: World) {
    let teg = world.teg();
    let (key, other) = (world.key(), world.key());
    let balance = |available, staked| Ok(TegBalance { available, staked, dust: 0 });
    for amount in [Amount::ZERO, Amount::from_nano(-1)] {
        assert_eq!(code(&teg.stake(key, amount).await), TegError::INVALID_AMOUNT);
    }
    let beyond = more(OPENING_BALANCE, Amount::from_nano(1));
    assert_eq!(code(&teg.stake(key, beyond).await), TegError::INSUFFICIENT_BALANCE);
    let most = less(OPENING_BALANCE, AVT);
    let expect = balance(AVT, most);
    assert_eq!(teg.stake(key, most).await, expect);
    assert_eq!(teg.stake(key, most).await, expect);
    assert_eq!(code(&teg.stake(key, AVT).await), TegError::IDEMPOTENCY_MISMATCH);
    let order = world.order(&did("a"), more(AVT, AVT));
    assert_eq!(code(&teg.transfer(&order).await), TegError::INSUFFICIENT_BALANCE);
    assert_eq!(teg.stake(other, AVT).await, balance(Amount::ZERO, OPENING_BALANCE));
    drop(teg);
    world.reopen().await;
    let teg = world.teg();
    assert_eq!(teg.stake(key, most).await, balance(Amount::ZERO, OPENING_BALANCE));
    let back = world.key();
    let whole = balance(OPENING_BALANCE, Amount::ZERO);
    assert_eq!(teg.unstake(back).await, whole);
    assert_eq!(teg.unstake(back).await, whole);
    assert_eq!(teg.stake(key, most).await, whole);
    assert_eq!(Ok(world.ours().await), whole);
}

/// A request to unlock that arrives again, late, does not undo a later stake.
pub(crate) async fn a_late_unstake_undoes_nothing(mut world: World) {
    let teg = world.teg();
    let (empty, first, second) = (world.key(), world.key(), world.key());
    teg.unstake(empty).await.expect("unstake");
    teg.stake(first, AVT).await.expect("stake");
    let staked = TegBalance { available: less(OPENING_BALANCE, AVT), staked: AVT, dust: 0 };
    assert_eq!(teg.unstake(empty).await, Ok(staked));
    teg.unstake(second).await.expect("unstake");
    let again = world.key();
    teg.stake(again, AVT).await.expect("stake");
    assert_eq!(teg.unstake(second).await, Ok(staked));
    assert_eq!(world.ours().await, staked);
}

/// Once for each transfer that we sent, and it moves the receiver's standing its way.
pub(crate) async fn a_transfer_is_rated_once(mut world: World) {
    let (buyer, _) = world.rich("buyer").await;
    let teg = world.teg();
    let mut standing = Vec::new();
    for (name, positive) in [("good", true), ("bad", false)] {
        let order = world.order(&did(name), AVT);
        let paid = teg.transfer(&order).await.expect("transfer");
        let before = teg.reputation(&did(name)).await.expect("reputation").unwrap_or_default();
        assert_eq!(teg.signal(&paid.id, positive).await, Ok(()));
        for again in [true, false] {
            assert_eq!(code(&teg.signal(&paid.id, again).await), TegError::ALREADY_SIGNALED);
        }
        let after = teg.reputation(&did(name)).await.expect("reputation").expect("is known");
        assert_eq!(after > before, positive, "{name}: {before} to {after}");
        assert_ne!(after, before, "{name}");
        standing.push((did(name), after, paid.id));
    }
    let order = world.order(&buyer, AVT);
    let pulled = teg.pull(&order).await.expect("pull");
    assert_eq!(code(&teg.signal(&pulled.id, true).await), TegError::NOT_THE_SENDER);
    for unknown in ["", "1", "0197f3a2-7c1e-7aaa-8b1b-0242ac120002"] {
        let id = TegTransactionId(unknown.to_owned());
        assert_eq!(code(&teg.signal(&id, true).await), TegError::UNKNOWN_TRANSFER);
    }
    drop(teg);
    world.reopen().await;
    for (agent, expect, id) in standing {
        assert_eq!(world.teg().reputation(&agent).await, Ok(Some(expect)));
        assert_eq!(code(&world.teg().signal(&id, true).await), TegError::ALREADY_SIGNALED);
    }
}
