//! Several servers on one database: they get in each other's way, and nothing is lost.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use marketplace_contract_kit::ManualClock;
use marketplace_ledger::{Account, Entry, EntryDraft, EntryKind};
use marketplace_money::{Amount, CommandId, Did, EntryId, EventId, OrderId};
use marketplace_ports::{
    Agent, Batch, Change, ChangeSet, CommitOutcome, Event, IdempotencyKey, IdempotencyRecord, Key,
    Snapshot, Store, StoreError, Subject,
};
use marketplace_postgres_cluster::Database;
use marketplace_store_postgres::PostgresStore;
use uuid::Uuid;

use crate::common::{database, open};

use CommitOutcome::{Committed, Conflict};

const AGENTS: usize = 6;
const PURSE: i64 = 1_000;

fn did(number: usize) -> Did {
    format!("did:key:agent{number}").parse().unwrap()
}

fn account(number: usize) -> Account {
    Account::Agent(did(number))
}

fn entry(id: Uuid, from: Account, to: Account, nano: i64) -> Entry {
    let amount = Amount::from_nano(nano);
    EntryDraft::transfer(EntryKind::Transfer, from, to, amount).unwrap().named(EntryId::new(id))
}

fn batch(id: Uuid, sets: Vec<ChangeSet>) -> Batch {
    let sets = sets.into_iter().map(|set| (CommandId::new(Uuid::new_v4()), set)).collect();
    Batch { id, snapshot: Snapshot::default(), sets }
}

fn event(id: Uuid) -> Event {
    Event {
        id: EventId::new(id),
        subject: Subject::Order(OrderId::new(id)),
        name: "order.funded",
        audience: vec![did(0)],
        at: ManualClock::START,
        data: "{}".into(),
    }
}

fn key(number: usize) -> IdempotencyKey {
    IdempotencyKey { caller: did(0), route: "POST /x".into(), key: number.to_string() }
}

fn record() -> IdempotencyRecord {
    let expires_at = ManualClock::START.plus(marketplace_money::Seconds(900));
    IdempotencyRecord { body_sha256: [1; 32], reply: "yes".into(), expires_at }
}

async fn fund(store: &PostgresStore) {
    let entries =
        (0..AGENTS).map(|to| entry(Uuid::new_v4(), Account::Teg, account(to), PURSE)).collect();
    let set = ChangeSet { entries, ..ChangeSet::default() };
    assert_eq!(store.commit(batch(Uuid::new_v4(), vec![set])).await, Ok(vec![Committed]));
}

async fn balance(store: &PostgresStore, number: usize) -> i64 {
    let view = store.load(&[Key::Balance(account(number))].into()).await.unwrap();
    view.balances.get(&account(number)).map_or(0, |amount| amount.nano())
}

/// The same figures in every run.
struct Figures(u64);

impl Figures {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }
}

/// What one client of one server wrote.
#[derive(Default)]
struct Written {
    versions: [u64; AGENTS],
    keys: Vec<usize>,
    events: usize,
    conflicts: usize,
}

/// Batches of transfers, of new versions of agents and of keys that others want too.
async fn trade(store: Arc<PostgresStore>, seed: u64) -> Written {
    let (mut figures, mut written) = (Figures(seed), Written::default());
    for _ in 0..25 {
        let reads = (0..AGENTS).map(|number| Key::Agent(did(number))).collect();
        let view = store.load(&reads).await.unwrap();
        let (mut sets, mut wants) = (Vec::new(), Vec::new());
        let mut bumped = [0; AGENTS];
        for _ in 0..1 + figures.below(6) {
            let (from, to) = (figures.below(AGENTS), figures.below(AGENTS));
            let mut set = ChangeSet::default();
            if from != to {
                let nano = 1 + i64::try_from(figures.below(400)).unwrap();
                set.entries.push(entry(Uuid::new_v4(), account(from), account(to), nano));
            }
            let agent = figures.below(AGENTS);
            let stored = view.agents.get(&did(agent)).map_or(0, |agent| agent.version);
            let read = stored + bumped[agent];
            bumped[agent] += 1;
            let row = Agent { version: read + 1, ..Agent::unknown(did(agent)) };
            set.agents.push(Change { read, row: Arc::new(row) });
            let wanted = figures.below(400);
            set.idempotency = Some((key(wanted), record()));
            set.events.push(event(Uuid::new_v4()));
            wants.push((agent, wanted));
            sets.push(set);
        }
        let outcomes = store.commit(batch(Uuid::new_v4(), sets)).await.expect("commit");
        for ((agent, wanted), outcome) in wants.into_iter().zip(outcomes) {
            if outcome == Committed {
                written.versions[agent] += 1;
                written.keys.push(wanted);
                written.events += 1;
            } else {
                written.conflicts += 1;
            }
        }
    }
    written
}

/// Three servers, four clients each, on six agents: money is conserved, no version is lost, every
/// key is taken once, nobody hears of the others but by a conflict, and nobody deadlocks.
#[tokio::test(flavor = "multi_thread")]
async fn servers_in_each_others_way_lose_nothing() {
    let (database, clock) = (database(), ManualClock::default());
    let mut servers = Vec::new();
    for _ in 0..3 {
        servers.push(Arc::new(open(&database, &clock).await));
    }
    fund(&servers[0]).await;
    let mut clients = tokio::task::JoinSet::new();
    for seed in 0..12 {
        clients.spawn(trade(Arc::clone(&servers[seed % 3]), seed as u64 + 1));
    }
    let (mut versions, mut keys, mut events, mut conflicts) = ([0; AGENTS], Vec::new(), 0, 0);
    for written in clients.join_all().await {
        for (sum, version) in versions.iter_mut().zip(written.versions) {
            *sum += version;
        }
        keys.extend(written.keys);
        events += written.events;
        conflicts += written.conflicts;
    }
    assert!(events > 50 && conflicts > 50, "{events} sets and {conflicts} conflicts");
    let reads = (0..AGENTS).map(|number| Key::Agent(did(number))).collect();
    let view = servers[1].load(&reads).await.unwrap();
    for (number, version) in versions.into_iter().enumerate() {
        let stored = view.agents.get(&did(number)).map_or(0, |agent| agent.version);
        assert_eq!(stored, version, "agent {number}");
    }
    let taken = keys.len();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), taken, "a key was taken twice");
    let mut money = 0;
    for number in 0..AGENTS {
        money += balance(&servers[2], number).await;
    }
    assert_eq!(money, PURSE * i64::try_from(AGENTS).unwrap());
    servers[0].settle().await.unwrap();
    let feed = servers[1].events_after(0, 10_000).await.unwrap();
    let positions: Vec<u64> = feed.iter().map(|event| event.position).collect();
    assert_eq!(positions, (1..=events as u64).collect::<Vec<_>>());
    assert_eq!(servers[0].audit().await.unwrap().breaches(), [""; 0]);
    let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    assert_eq!(database.sql(deadlocks).unwrap().trim(), "0");
}

/// Two servers decide on the same balances. What the second adds comes to what stands, and it is
/// refused where that does not cover it: what is remembered of a balance decides nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_balance_that_moved_meanwhile_is_added_to_or_refused() {
    let (database, clock) = (database(), ManualClock::default());
    let (store, other) = (open(&database, &clock).await, open(&database, &clock).await);
    fund(&store).await;
    let keys: HashSet<Key> = [Key::Balance(account(0)), Key::Balance(account(1))].into();
    let pay = |snapshot: Snapshot, nano: i64| {
        let entries = vec![entry(Uuid::new_v4(), account(0), account(1), nano)];
        let events = vec![event(Uuid::new_v4())];
        let set = ChangeSet { entries, events, ..ChangeSet::default() };
        Batch { snapshot, ..batch(Uuid::new_v4(), vec![set]) }
    };
    let check = async |first: i64, second: i64, expect: CommitOutcome, left: i64| {
        let mine = store.load(&keys).await.unwrap().snapshot;
        let theirs = other.load(&keys).await.unwrap().snapshot;
        assert_eq!(store.commit(pay(mine, first)).await, Ok(vec![Committed]));
        assert_eq!(other.commit(pay(theirs, second)).await, Ok(vec![expect]));
        assert_eq!(balance(&store, 0).await, left, "{first} {second}");
    };
    check(300, 200, Committed, 500).await;
    check(400, 200, Conflict, 100).await;
    // From memory, which knows nothing of the other's commit: in one statement, with the balance
    // of each line as it really is.
    assert_eq!(other.commit(pay(Snapshot::default(), 50)).await, Ok(vec![Committed]));
    assert_eq!(balance(&store, 0).await, 50);
    assert_eq!(balance(&store, 1).await, 1_950);
    let one = store.recall(&keys).unwrap();
    assert_eq!(other.commit(pay(Snapshot::default(), 20)).await, Ok(vec![Committed]));
    assert_eq!(one.balances.get(&account(0)), Some(&Amount::from_nano(50)));
    assert_eq!(store.commit(pay(one.snapshot, 20)).await, Ok(vec![Committed]));
    assert_eq!(balance(&store, 0).await, 10);
    let old = store.recall(&keys).unwrap().snapshot;
    assert_eq!(other.commit(pay(Snapshot::default(), 8)).await, Ok(vec![Committed]));
    assert_eq!(store.commit(pay(old, 8)).await, Ok(vec![Conflict]));
    assert!(store.recall(&keys).is_none(), "what did not hold is forgotten");
    store.settle().await.unwrap();
    assert_eq!(store.audit().await.unwrap().breaches(), [""; 0]);
}

/// Past the store, in a transaction that stays open: the row of an answer that a commit will want
/// to write. That commit waits in the middle of its writes.
async fn hold_answer(database: &Database, id: &[u8]) -> tokio_postgres::Client {
    let (client, connection) =
        tokio_postgres::connect(&database.url(), tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let insert = "INSERT INTO idempotency VALUES ($1, 'did:x', 'r', 'k', $1, 'held', 0)";
    client.batch_execute("BEGIN").await.unwrap();
    client.execute(insert, &[&id]).await.unwrap();
    client
}

/// As the store names answers: the SHA-256 over its parts, each with its length.
fn answer_id(key: &IdempotencyKey) -> Vec<u8> {
    use sha2::{Digest, Sha256};
    let mut hash = Sha256::new();
    for part in [key.caller.as_str(), &key.route, &key.key] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().to_vec()
}

/// Until a statement of a commit waits for somebody else's transaction; says whose it is.
async fn somebody_waits(database: &Database) -> i32 {
    let waiting = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() \
                   AND wait_event_type = 'Lock' AND query ~ '^WITH (changed_|made )'";
    loop {
        if let Ok(backend) = database.sql(waiting).unwrap().trim().parse() {
            return backend;
        }
        tokio::task::yield_now().await;
    }
}

fn paid(id: Uuid, number: usize) -> Batch {
    let entries = vec![entry(Uuid::new_v4(), account(0), account(1), 7)];
    let idempotency = Some((key(number), record()));
    let events = vec![event(Uuid::new_v4())];
    batch(id, vec![ChangeSet { entries, idempotency, events, ..ChangeSet::default() }])
}

/// The connection ends while the writes and the COMMIT are on their way: nobody knows, until it is
/// asked; asked and not found, the batch can never be written.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_lost_its_connection_is_unknown_until_it_is_asked() {
    let (database, clock) = (database(), ManualClock::default());
    let store = Arc::new(open(&database, &clock).await);
    fund(&store).await;
    let held = hold_answer(&database, &answer_id(&key(1))).await;
    let id = Uuid::new_v4();
    let lost = paid(id, 1);
    let commit = tokio::spawn({
        let (store, lost) = (Arc::clone(&store), lost.clone());
        async move { store.commit(lost).await }
    });
    let backend = somebody_waits(&database).await;
    database.sql(&format!("SELECT pg_terminate_backend({backend})")).unwrap();
    let answer = commit.await.unwrap();
    assert!(matches!(answer, Err(StoreError::Unknown(_))), "{answer:?}");
    held.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(store.outcome(id).await, Ok(None));
    assert_eq!(store.commit(lost).await, Ok(vec![Conflict]), "it was given up");
    assert_eq!(balance(&store, 0).await, PURSE);
    // Decided again, under another name, it goes.
    assert_eq!(store.commit(paid(Uuid::new_v4(), 1)).await, Ok(vec![Committed]));
    assert_eq!(balance(&store, 0).await, PURSE - 7);
    assert_eq!(store.audit().await.unwrap().breaches(), [""; 0]);
}

/// Who asks for a batch that is just being written waits for what becomes of it.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_for_a_running_commit_waits_for_its_end() {
    let (database, clock) = (database(), ManualClock::default());
    let (store, other) = (Arc::new(open(&database, &clock).await), open(&database, &clock).await);
    fund(&store).await;
    let held = hold_answer(&database, &answer_id(&key(2))).await;
    let id = Uuid::new_v4();
    let commit = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.commit(paid(id, 2)).await }
    });
    somebody_waits(&database).await;
    let asked = other.outcome(id);
    let mut asked = std::pin::pin!(asked);
    // The row of the commit is written and not committed: the question hangs on it.
    let early = tokio::time::timeout(Duration::from_millis(200), &mut asked).await;
    assert!(early.is_err(), "{early:?}");
    held.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(commit.await.unwrap(), Ok(vec![Committed]));
    assert_eq!(asked.await, Ok(Some(vec![Committed])));
}

/// A commit that began early and ended late finds its place at the end of the feed, although
/// others with greater numbers have theirs.
#[tokio::test(flavor = "multi_thread")]
async fn a_late_commit_is_not_missed() {
    let (database, clock) = (database(), ManualClock::default());
    let (store, other) = (Arc::new(open(&database, &clock).await), open(&database, &clock).await);
    let held = hold_answer(&database, &answer_id(&key(3))).await;
    let only = |number: usize, id: Uuid| {
        let idempotency = Some((key(number), record()));
        let events = vec![event(id)];
        batch(Uuid::new_v4(), vec![ChangeSet { idempotency, events, ..ChangeSet::default() }])
    };
    let ids = [(); 3].map(|()| Uuid::new_v4());
    let late = tokio::spawn({
        let (store, late) = (Arc::clone(&store), only(3, ids[2]));
        async move { store.commit(late).await }
    });
    somebody_waits(&database).await;
    for (number, id) in [(4, ids[0]), (5, ids[1])] {
        assert_eq!(other.commit(only(number, id)).await, Ok(vec![Committed]));
    }
    other.settle().await.unwrap();
    let seen = other.events_after(0, 10).await.unwrap();
    assert_eq!(seen.len(), 2);
    held.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(late.await.unwrap(), Ok(vec![Committed]));
    other.settle().await.unwrap();
    let feed = other.events_after(0, 10).await.unwrap();
    let found: Vec<_> = feed.iter().map(|event| (event.position, event.id)).collect();
    let expect: Vec<_> = (1..).zip(ids.map(EventId::new)).collect();
    assert_eq!(found, expect);
    assert_eq!(feed[..2], seen);
    assert_eq!(store.audit().await.unwrap().breaches(), [""; 0]);
}

/// What one server seals wakes who waits at another.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_hears_of_the_others_events() {
    let (database, clock) = (database(), ManualClock::default());
    let (store, other) = (open(&database, &clock).await, open(&database, &clock).await);
    for round in 0..3 {
        let waiting = other.await_events(round);
        let set = ChangeSet { events: vec![event(Uuid::new_v4())], ..ChangeSet::default() };
        let commit = store.commit(batch(Uuid::new_v4(), vec![set]));
        let woken = async {
            let mut waiting = std::pin::pin!(waiting);
            loop {
                waiting.as_mut().await;
                if other.feed_head().await.unwrap() > round {
                    return;
                }
                waiting.set(other.await_events(round));
            }
        };
        let both = async { tokio::join!(woken, commit).1 };
        let done = tokio::time::timeout(Duration::from_secs(20), both).await;
        assert_eq!(done.expect("woken in time"), Ok(vec![Committed]));
    }
}

/// Every connection ends, again and again, between commits: nobody notices.
#[tokio::test(flavor = "multi_thread")]
async fn connections_that_ended_are_made_again() {
    let (database, clock) = (database(), ManualClock::default());
    let store = open(&database, &clock).await;
    fund(&store).await;
    let end_all = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                   WHERE datname = current_database() AND pid <> pg_backend_pid()";
    for round in 0..3_usize {
        database.sql(end_all).unwrap();
        assert_eq!(balance(&store, 1).await, PURSE + 7 * i64::try_from(round).unwrap());
        database.sql(end_all).unwrap();
        assert_eq!(store.commit(paid(Uuid::new_v4(), 10 + round)).await, Ok(vec![Committed]));
        database.sql(end_all).unwrap();
        assert!(store.agent(&did(0)).await.unwrap().is_none());
        database.sql(end_all).unwrap();
        assert_eq!(store.outcome(Uuid::new_v4()).await, Ok(None));
    }
}
