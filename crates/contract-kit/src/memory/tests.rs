//! Faults and tampering: what the suite cannot do from outside.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use marketplace_ledger::{EntryDraft, EntryKind};
use marketplace_money::{CommandId, EntryId, EventId};
use marketplace_ports::{ChangeSet, Event, Snapshot, Subject};

use super::*;

fn agent(name: &str) -> Account {
    Account::Agent(name.parse().unwrap())
}

/// A deposit of `amount` nano-AVT with an event, as batch `id`.
fn deposit(id: u128, amount: i64) -> Batch {
    let amount = Amount::from_nano(amount);
    let draft = EntryDraft::transfer(EntryKind::Deposit, Account::Teg, agent("did:a"), amount);
    let event = Event {
        id: EventId::new(Uuid::from_u128(id)),
        subject: Subject::Command(CommandId::new(Uuid::from_u128(id))),
        name: "wallet.deposited",
        audience: vec!["did:a".parse().unwrap()],
        at: ManualClock::START,
        data: "{}".to_owned(),
    };
    let set = ChangeSet {
        entries: vec![draft.unwrap().named(EntryId::new(Uuid::from_u128(id)))],
        events: vec![event],
        ..ChangeSet::default()
    };
    let sets = vec![(CommandId::new(Uuid::from_u128(id)), set)];
    Batch { id: Uuid::from_u128(id), snapshot: Snapshot(0), sets }
}

fn balance(store: &MemoryStore) -> i64 {
    store.state().balance(&agent("did:a")).nano()
}

async fn filled() -> MemoryStore {
    let store = MemoryStore::new(ManualClock::default());
    for id in 1..=5 {
        store.commit(deposit(id, 10)).await.unwrap();
    }
    store
}

#[tokio::test]
async fn history_cannot_be_edited_silently() {
    let check = async |what: &str, tamper: fn(&mut State), broken: u64| {
        let store = filled().await;
        assert_eq!(store.audit().await.unwrap().breaches(), [""; 0]);
        tamper(&mut store.state());
        assert_eq!(store.audit().await.unwrap().broken_hashes, broken, "{what}");
        assert!(!store.audit().await.unwrap().breaches().is_empty());
    };
    check("an amount", |s| s.journal.lines[4].delta = Amount::from_nano(11), 1).await;
    check("a reason", |s| s.journal.lines[5].reason = "a better one".into(), 1).await;
    check("an event", |s| s.journal.events[0].data = "{ }".to_owned(), 1).await;
    check("who sees it", |s| s.journal.events[3].audience.clear(), 1).await;
    check("the last event", |s| drop(s.journal.events.pop()), 2).await;
    check("an instant", |s| s.journal.batches[2].at = Timestamp::default(), 1).await;
    check("an outcome", |s| s.journal.batches[2].outcomes.clear(), 1).await;
    // A forged hash is wrong itself, and so is the one that was built on it.
    check("a hash", |s| s.journal.batches[2].hash = [0; 32], 2).await;
    check("a batch", |s| drop(s.journal.batches.remove(1)), 1).await;
    check("the last batch", |s| drop(s.journal.batches.pop()), 1).await;
}

#[tokio::test]
async fn the_audit_compares_balances_with_the_journal() {
    let store = filled().await;
    store.state().balances.insert(agent("did:a"), Amount::from_nano(51));
    assert_eq!(store.audit().await.unwrap().wrong_balances, 1);
    store.state().balances.remove(&agent("did:a"));
    assert_eq!(store.audit().await.unwrap().wrong_balances, 1);
    store.state().journal.lines.remove(0);
    let audit = store.audit().await.unwrap();
    assert_eq!(audit.unbalanced_entries, 1);
    assert!(audit.breaches()[0].starts_with("all accounts sum to"), "{:?}", audit.breaches());
}

#[tokio::test]
async fn a_planned_fault_hits_its_call_and_no_other() {
    let check = async |fault: StoreFault, expect: Option<&str>, written: bool| {
        let store = MemoryStore::new(ManualClock::default());
        store.plan_faults(move |point| match (point.call, point.number) {
            ("commit", 2) => fault,
            _ => StoreFault::None,
        });
        store.commit(deposit(1, 1)).await.unwrap();
        {
            let mut commit = pin!(store.commit(deposit(2, 10)));
            let answer = commit.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            let shown = match answer {
                Poll::Pending => None,
                Poll::Ready(Ok(_)) => Some("ok"),
                Poll::Ready(Err(StoreError::Unavailable(_))) => Some("unavailable"),
                Poll::Ready(Err(StoreError::Unknown(_))) => Some("unknown"),
                Poll::Ready(Err(other)) => panic!("{other}"),
            };
            assert_eq!(shown, expect, "{fault:?}");
        }
        assert_eq!(balance(&store), if written { 11 } else { 1 }, "{fault:?}");
        // Another holder of the same state goes on where the crash left it.
        let next = store.clone();
        drop(store);
        let outcome = next.outcome(Uuid::from_u128(2)).await.unwrap();
        assert_eq!(outcome.is_some(), written, "{fault:?}");
        // Asked for and not found, it is not written any more.
        next.commit(deposit(2, 10)).await.unwrap();
        next.commit(deposit(3, 100)).await.unwrap();
        assert_eq!(balance(&next), if written { 111 } else { 101 }, "{fault:?}");
        assert_eq!(next.calls("commit"), 4);
        assert_eq!(next.audit().await.unwrap().breaches(), [""; 0]);
    };
    check(StoreFault::None, Some("ok"), true).await;
    check(StoreFault::FailBefore, Some("unavailable"), false).await;
    check(StoreFault::FailAfter, Some("unknown"), true).await;
    check(StoreFault::HangBefore, None, false).await;
    check(StoreFault::HangAfter, None, true).await;
}

#[tokio::test]
async fn loads_fail_as_planned_until_the_plan_ends() {
    let store = filled().await;
    store.plan_faults(|point| match point.call {
        "load" => StoreFault::FailBefore,
        _ => StoreFault::None,
    });
    let keys = HashSet::new();
    assert!(matches!(store.load(&keys).await, Err(StoreError::Unavailable(_))));
    assert!(store.now().await.is_ok());
    store.clear_faults();
    assert!(store.load(&keys).await.is_ok());
}
