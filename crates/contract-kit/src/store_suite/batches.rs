//! A batch is written once or not at all, and what became of it can be asked afterwards.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use marketplace_ledger::{Account, EntryKind};
use marketplace_ports::{
    ChangeSet, CommitOutcome, Event, IdempotencyKey, IdempotencyRecord, Key, Nonce, StoreError,
    Subject, TegRecord,
};

use super::World;
use super::fixtures::{
    agent, agent_account, did, insert, listing, nano, order, teg_record, with_agent,
};

use CommitOutcome::{Committed, Conflict};

fn credit(world: &mut World, name: &str) -> ChangeSet {
    let moves = [(Account::Teg, -1), (agent_account(&did(name)), 1)];
    let entries = vec![world.entry(EntryKind::Deposit, moves)];
    ChangeSet { entries, ..ChangeSet::default() }
}

/// By its id: set by set for a written batch, nothing for one that never came.
pub(crate) async fn what_became_of_a_batch_can_be_asked(mut world: World) {
    let unknown = world.id();
    assert_eq!(world.store().outcome(unknown).await, Ok(None));
    let mut refused = credit(&mut world, "a");
    refused.reads.push((Key::Agent(did("never")), 1));
    let sets = vec![credit(&mut world, "a"), refused, credit(&mut world, "b")];
    let batch = world.batch(sets).await;
    let outcomes = vec![Committed, Conflict, Committed];
    assert_eq!(world.store().commit(batch.clone()).await, Ok(outcomes.clone()));
    for _ in 0..3 {
        let other = vec![credit(&mut world, "c")];
        world.commit(other).await;
    }
    assert_eq!(world.store().outcome(batch.id).await, Ok(Some(outcomes)));
    assert_eq!(world.store().outcome(unknown).await, Ok(None));
}

/// "Not written" is final: when a batch comes after it was asked for, nothing of it is written, and
/// what was in it may go in another one.
pub(crate) async fn a_batch_that_was_given_up_is_never_written(mut world: World) {
    let sets = vec![credit(&mut world, "a"), credit(&mut world, "b")];
    let batch = world.batch(sets.clone()).await;
    assert_eq!(world.store().outcome(batch.id).await, Ok(None));
    let conflicts = Ok(vec![Conflict; 2]);
    assert_eq!(world.store().commit(batch.clone()).await, conflicts);
    assert_eq!(world.commit(sets).await, [Committed; 2]);
    assert_eq!(world.store().commit(batch.clone()).await, conflicts);
    let outcome = world.store().outcome(batch.id).await.expect("outcome");
    assert!(!outcome.unwrap_or_default().contains(&Committed));
    assert_eq!(world.balance(&did("a")).await, nano(1));
    assert_eq!(world.audit().await.postings, 4);
}

/// Who lost the answer may send the batch again: it is answered as before, and not written again.
pub(crate) async fn a_batch_sent_twice_is_written_once(mut world: World) {
    let mut refused = credit(&mut world, "a");
    refused.reads.push((Key::Agent(did("b")), 1));
    let mut first = credit(&mut world, "a");
    first.agents.push(insert(agent(&did("a"))));
    first.events.push(Event {
        id: world.event_id(),
        subject: Subject::Order(world.order_id()),
        name: "order.funded",
        audience: vec![],
        at: world.now().await,
        data: "{}".into(),
    });
    let batch = world.batch(vec![first, refused]).await;
    let outcomes = Ok(vec![Committed, Conflict]);
    assert_eq!(world.store().commit(batch.clone()).await, outcomes);
    // What the refused set wanted is there now; that the batch fell remains true.
    world.write(with_agent(insert(agent(&did("b"))))).await;
    assert_eq!(world.store().commit(batch.clone()).await, outcomes);
    world.reopen().await;
    assert_eq!(world.store().commit(batch).await, outcomes);
    world.settle().await;
    assert_eq!(world.balance(&did("a")).await, nano(1));
    assert_eq!(world.store().events_after(0, 10).await.expect("events_after").len(), 1);
    assert_eq!(world.audit().await.postings, 2);
}

/// Sets with U+0000 in one text each.
async fn poisons(world: &mut World) -> Vec<ChangeSet> {
    const BAD: &str = "a\0b";
    let now = world.now().await;
    let mut bad_order = order(world.order_id(), &did("buyer"), &did("seller"), now);
    bad_order.service = BAD.into();
    let mut bad_listing = listing(world.listing_id(), &did("seller"), now);
    bad_listing.offer.description = BAD.into();
    let mut bad_event = ChangeSet::default();
    bad_event.events.push(Event {
        id: world.event_id(),
        subject: Subject::Order(world.order_id()),
        name: "order.funded",
        audience: vec![],
        at: now,
        data: BAD.into(),
    });
    let nonce = Nonce { signer: did("a"), value: BAD.into() };
    let key = IdempotencyKey { caller: did("a"), route: "r".into(), key: "k".into() };
    let record = IdempotencyRecord { body_sha256: [0; 32], reply: BAD.into(), expires_at: now };
    let deposit = credit(world, "a");
    let entry = deposit.entries[0].id;
    let named = teg_record(BAD, entry);
    let memo = TegRecord { memo: BAD.into(), ..teg_record("t", entry) };
    vec![
        ChangeSet { orders: vec![insert(bad_order)], ..ChangeSet::default() },
        ChangeSet { listings: vec![insert(bad_listing)], ..ChangeSet::default() },
        bad_event,
        ChangeSet { nonce: Some((nonce, now)), ..ChangeSet::default() },
        ChangeSet { idempotency: Some((key, record)), ..ChangeSet::default() },
        ChangeSet { teg_records: vec![insert(named)], ..deposit },
        ChangeSet { teg_records: vec![insert(memo)], ..ChangeSet::default() },
    ]
}

/// A text with U+0000 is either kept to the letter or refused; refused, nothing of its batch stays.
pub(crate) async fn a_poisoned_batch_is_written_whole_or_not_at_all(mut world: World) {
    let (front, back) = (did("front"), did("back"));
    let mut expect = 0;
    for poison in poisons(&mut world).await {
        let sets = vec![credit(&mut world, "front"), poison, credit(&mut world, "back")];
        let batch = world.batch(sets.clone()).await;
        match world.store().commit(batch.clone()).await {
            Ok(outcomes) => {
                assert_eq!(outcomes, [Committed; 3]);
                expect += 1;
                if let Some(row) = sets[1].orders.first().map(|change| &change.row) {
                    assert_eq!(world.store().order(row.id).await, Ok(Some(row.clone())));
                }
            }
            Err(StoreError::Rejected(_)) => {
                assert_eq!(world.store().outcome(batch.id).await, Ok(None));
            }
            Err(other) => panic!("{other:?}"),
        }
        assert_eq!(world.balance(&front).await, nano(expect));
        assert_eq!(world.balance(&back).await, nano(expect));
        // Its neighbours go by themselves.
        let outcomes = world.commit(vec![sets[0].clone(), sets[2].clone()]).await;
        assert_eq!(outcomes, [Committed; 2]);
        expect += 1;
    }
    assert_eq!(world.audit().await.breaches(), [""; 0]);
}

/// A caller that goes away in the middle leaves a whole batch or none, and a store that works.
pub(crate) async fn an_abandoned_commit_is_whole_or_nothing(mut world: World) {
    for round in 0..5_usize {
        let name = format!("agent{round}");
        let mut set = credit(&mut world, &name);
        set.agents.push(insert(agent(&did(&name))));
        let batch = world.batch(vec![set]).await;
        let id = batch.id;
        let store = world.store();
        {
            let mut commit = pin!(store.commit(batch));
            let mut context = Context::from_waker(Waker::noop());
            for _ in 0..round {
                if let Poll::Ready(outcomes) = commit.as_mut().poll(&mut context) {
                    assert_eq!(outcomes, Ok(vec![Committed]));
                    break;
                }
            }
        }
        // What comes later is behind it in whatever queue there is.
        let fence = credit(&mut world, "fence");
        world.write(fence).await;
        let written = match store.outcome(id).await.expect("outcome") {
            Some(outcomes) => {
                assert_eq!(outcomes, [Committed]);
                true
            }
            None => false,
        };
        let row = store.agent(&did(&name)).await.expect("agent");
        assert_eq!(row.is_some(), written, "{round} polls");
        assert_eq!(world.balance(&did(&name)).await, nano(i64::from(written)));
    }
    assert_eq!(world.audit().await.breaches(), [""; 0]);
}
