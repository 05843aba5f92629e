//! What can be taken once is taken once: idempotency keys, nonces, transfers, places for listings.

use marketplace_escrow::{Actor, Command};
use marketplace_ledger::{Account, EntryKind};
use marketplace_money::{Did, Seconds};
use marketplace_ports::{
    ChangeSet, CommitOutcome, CountChange, IdempotencyKey, IdempotencyRecord, Key, Nonce,
};

use super::World;
use super::fixtures::{agent_account, did, insert, listing, nano, teg_record};
use super::flow::{act, purchase, total};

use CommitOutcome::{Committed, Conflict};

fn key(caller: &Did, key: &str) -> IdempotencyKey {
    IdempotencyKey { caller: caller.clone(), route: "POST /a".into(), key: key.into() }
}

/// A deposit that remembers its answer: whether it was written shows in the balance.
async fn attempt(world: &mut World, key: IdempotencyKey, reply: &str) -> ChangeSet {
    let record = IdempotencyRecord {
        body_sha256: [3; 32],
        reply: reply.into(),
        expires_at: world.now().await.plus(Seconds::from_hours(1)),
    };
    let moves = [(Account::Teg, -1), (agent_account(&key.caller), 1)];
    let entries = vec![world.entry(EntryKind::Deposit, moves)];
    ChangeSet { entries, idempotency: Some((key, record)), ..ChangeSet::default() }
}

/// Repeated in another batch or in the same one, an attempt is written once, and its answer found.
pub(crate) async fn an_idempotency_key_is_taken_once(mut world: World) {
    let (a, b) = (did("a"), did("b"));
    let first = attempt(&mut world, key(&a, "k"), "first").await;
    world.write(first).await;
    let again = attempt(&mut world, key(&a, "k"), "second").await;
    world.conflict(again).await;
    let view = world.load([Key::Idempotency(key(&a, "k"))]).await;
    assert_eq!(view.idempotency[&key(&a, "k")].reply, "first");
    assert_eq!(world.balance(&a).await, nano(1));
    let sets = vec![
        attempt(&mut world, key(&a, "l"), "first").await,
        attempt(&mut world, key(&a, "l"), "second").await,
        attempt(&mut world, key(&b, "l"), "another caller").await,
        attempt(
            &mut world,
            IdempotencyKey { route: "POST /b".into(), ..key(&a, "l") },
            "another route",
        )
        .await,
    ];
    assert_eq!(world.commit(sets).await, [Committed, Conflict, Committed, Committed]);
    let view = world.load([Key::Idempotency(key(&a, "l"))]).await;
    assert_eq!(view.idempotency[&key(&a, "l")].reply, "first");
    assert_eq!((world.balance(&a).await, world.balance(&b).await), (nano(3), nano(1)));
}

/// What a store recalls, if it recalls at all, is what its last commit left; and what was answered
/// before is never recalled as an answer.
pub(crate) async fn what_is_recalled_was_written(mut world: World) {
    let (a, b) = (did("a"), did("b"));
    let first = attempt(&mut world, key(&a, "k"), "first").await;
    world.write(first).await;
    world.fund(&a, total()).await;
    let (order, bought) = purchase(&mut world, &a, &b).await;
    world.write(bought).await;
    let keys = [Key::Order(order), Key::Balance(agent_account(&a))];
    for version in [1, 2] {
        let loaded = world.load(keys.clone()).await;
        assert_eq!(loaded.orders[&order].version, version);
        if let Some(recalled) = world.store().recall(&keys.iter().cloned().collect()) {
            assert_eq!(recalled.orders, loaded.orders);
            assert_eq!(recalled.balances, loaded.balances);
            assert_eq!(recalled.exposures, loaded.exposures);
            assert!(recalled.now >= loaded.now, "{} {}", recalled.now, loaded.now);
        }
        if version == 1 {
            let cancelled = act(&mut world, order, Actor::Buyer, &Command::Cancel).await;
            world.write(cancelled).await;
        }
    }
    let answered = Key::Idempotency(key(&a, "k"));
    let recalled = world.store().recall(&keys.iter().cloned().chain([answered]).collect());
    assert!(recalled.is_none_or(|view| view.idempotency.is_empty()));
}

/// A key that a refused set wanted is free.
pub(crate) async fn a_refused_set_takes_nothing(mut world: World) {
    let a = did("a");
    let mut refused = attempt(&mut world, key(&a, "k"), "refused").await;
    refused.reads.push((Key::Agent(did("never")), 1));
    let next = attempt(&mut world, key(&a, "k"), "written").await;
    assert_eq!(world.commit(vec![refused, next]).await, [Conflict, Committed]);
    let view = world.load([Key::Idempotency(key(&a, "k"))]).await;
    assert_eq!(view.idempotency[&key(&a, "k")].reply, "written");
}

/// A signer's nonce is used up by the first set that is written with it.
pub(crate) async fn a_nonce_is_used_once(mut world: World) {
    let until = world.now().await.plus(Seconds::from_hours(1));
    let with_nonce = |signer: &str, value: &str| {
        let nonce = Nonce { signer: did(signer), value: value.into() };
        ChangeSet { nonce: Some((nonce, until)), ..ChangeSet::default() }
    };
    world.write(with_nonce("a", "1")).await;
    world.conflict(with_nonce("a", "1")).await;
    let sets = vec![
        with_nonce("b", "1"),
        with_nonce("a", "2"),
        with_nonce("a", "2"),
        with_nonce("a", "1"),
        with_nonce("a", "3"),
    ];
    let outcomes = world.commit(sets).await;
    assert_eq!(outcomes, [Committed, Committed, Conflict, Conflict, Committed]);
    let nonces = ["1", "2", "3", "4"].map(|n| Nonce { signer: did("a"), value: n.into() });
    let view = world.load(nonces.iter().cloned().map(Key::Nonce)).await;
    assert_eq!(view.nonces.len(), 3);
    assert!(!view.nonces.contains(&nonces[3]));
}

/// A transfer at the TEG is booked once for ever, whoever saw it first.
pub(crate) async fn a_teg_transaction_is_booked_once(mut world: World) {
    let a = did("a");
    let booking = |world: &mut World, ids: &[&str]| {
        let moves = [(Account::Teg, -4), (agent_account(&a), 4)];
        let entry = world.entry(EntryKind::Deposit, moves);
        let teg_records = ids.iter().map(|id| insert(teg_record(id, entry.id))).collect();
        ChangeSet { entries: vec![entry], teg_records, ..ChangeSet::default() }
    };
    let set = booking(&mut world, &["t1"]);
    world.write(set).await;
    let set = booking(&mut world, &["t1"]);
    world.conflict(set).await;
    let set = booking(&mut world, &["t2", "t1"]);
    world.conflict(set).await;
    let sets = vec![booking(&mut world, &["t2"]), booking(&mut world, &["t2"])];
    assert_eq!(world.commit(sets).await, [Committed, Conflict]);
    assert_eq!(world.balance(&a).await, nano(8));
}

/// The counter goes up to its limit, and down from anywhere.
pub(crate) async fn listings_are_counted_up_to_their_limit(mut world: World) {
    let change = |delta: i64, limit: i64| {
        let listing_count = Some(CountChange { delta, limit });
        ChangeSet { listing_count, ..ChangeSet::default() }
    };
    let sets = vec![change(1, 2), change(1, 2), change(1, 2), change(1, 3)];
    assert_eq!(world.commit(sets).await, [Committed, Committed, Conflict, Committed]);
    assert_eq!(world.load([Key::ListingCount]).await.listing_count, 3);
    let now = world.now().await;
    let mut refused = change(1, 3);
    refused.listings.push(insert(listing(world.listing_id(), &did("a"), now)));
    let id = refused.listings[0].row.id;
    world.conflict(refused).await;
    assert_eq!(world.store().listing(id).await, Ok(None));
    // One that goes makes room for one that comes, in the same batch too.
    let sets = vec![change(-1, 0), change(1, 3), change(1, 3), change(-1, 0), change(-1, 0)];
    let outcomes = world.commit(sets).await;
    assert_eq!(outcomes, [Committed, Committed, Conflict, Committed, Committed]);
    assert_eq!(world.load([Key::ListingCount]).await.listing_count, 1);
    // Changes that leave the number alone do not look at the limit.
    let sets = vec![change(0, 0), change(1, 1)];
    assert_eq!(world.commit(sets).await, [Committed, Conflict]);
}

/// Until a second before they expire, answers and nonces stand, whatever happens in between.
pub(crate) async fn nothing_is_forgotten_before_its_time(mut world: World) {
    let a = did("a");
    let mut first = attempt(&mut world, key(&a, "k"), "first").await;
    let nonce = Nonce { signer: a.clone(), value: "n".into() };
    let until = world.now().await.plus(Seconds::from_hours(1));
    first.nonce = Some((nonce.clone(), until));
    world.write(first).await;
    for _ in 0..3 {
        world.advance(1_199);
        let other = world.id().to_string();
        let set = attempt(&mut world, key(&a, &other), "other").await;
        world.write(set).await;
        world.reopen().await;
    }
    world.advance(2);
    let view = world.load([Key::Idempotency(key(&a, "k")), Key::Nonce(nonce.clone())]).await;
    assert_eq!(view.idempotency[&key(&a, "k")].reply, "first");
    assert!(view.nonces.contains(&nonce));
    let again = attempt(&mut world, key(&a, "k"), "second").await;
    world.conflict(again).await;
    world.conflict(ChangeSet { nonce: Some((nonce, until)), ..ChangeSet::default() }).await;
}

/// Answers and nonces whose time is over do not stay for ever: they go when the store is asked to
/// forget, or with a commit, and then their keys are free.
pub(crate) async fn what_is_over_is_forgotten(mut world: World) {
    let a = did("a");
    let nonce = Nonce { signer: a.clone(), value: "n".into() };
    let mut first = attempt(&mut world, key(&a, "k"), "first").await;
    let until = world.now().await.plus(Seconds::from_hours(1));
    first.nonce = Some((nonce.clone(), until));
    world.write(first).await;
    world.advance(1_800);
    let later = attempt(&mut world, key(&a, "later"), "later").await;
    world.write(later).await;
    world.advance(1_801);
    while world.store().forget(1).await.expect("forget") > 0 {}
    let other = attempt(&mut world, key(&did("b"), "other"), "other").await;
    world.write(other).await;
    let keys = [key(&a, "k"), key(&a, "later")].map(Key::Idempotency);
    let view = world.load(keys.into_iter().chain([Key::Nonce(nonce.clone())])).await;
    assert_eq!(view.idempotency.len(), 1);
    assert_eq!(view.idempotency[&key(&a, "later")].reply, "later");
    assert!(view.nonces.is_empty());
    let again = attempt(&mut world, key(&a, "k"), "second").await;
    world.write(ChangeSet { nonce: Some((nonce, until)), ..again }).await;
}
