//! What moved since it was read is not overwritten, and nothing built on a refused set is written.

use std::sync::Arc;

use marketplace_escrow::Order;
use marketplace_ledger::{Account, EntryKind};
use marketplace_money::{Did, Seconds};
use marketplace_ports::{
    Blob, ChangeSet, CommitOutcome, CountChange, Deposit, DepositState, Dues, Effect, EffectChange,
    EffectKind, Event, IdempotencyKey, IdempotencyRecord, Key, Nonce, Snapshot, Subject, Timer,
    TimerChange, Withdrawal, WithdrawalState,
};

use super::World;
use super::fixtures::{
    agent, agent_account, did, insert, listing, nano, order, order_reviews, teg_record, update,
    with_agent, with_listing, with_order,
};

use CommitOutcome::{Committed, Conflict};

/// Makes the set that writes the version of a row after this one.
type Write = Box<dyn Fn(u64) -> ChangeSet>;

/// One row of each kind.
struct Rows {
    kinds: Vec<(Key, Write)>,
}

impl Rows {
    async fn new(world: &mut World) -> Self {
        let now = world.now().await;
        let owner = did("owner");
        let order = order(world.order_id(), &owner, &did("seller"), now);
        let listing = listing(world.listing_id(), &owner, now);
        let withdrawal = Withdrawal {
            id: world.withdrawal_id(),
            version: 1,
            agent: owner.clone(),
            amount: nano(1),
            fee: nano(0),
            at: now,
            sent_at: None,
            state: WithdrawalState::Returned { reason: String::new() },
        };
        let deposit = Deposit {
            id: world.deposit_id(),
            version: 1,
            agent: owner.clone(),
            amount: nano(1),
            at: now,
            state: DepositState::Asked,
        };
        let mut kinds: Vec<(Key, Write)> = Vec::new();
        let key = Key::Withdrawal(withdrawal.id);
        let set = move |read| {
            let row = Withdrawal { version: read + 1, ..withdrawal.clone() };
            ChangeSet { withdrawals: vec![update(read, row)], ..ChangeSet::default() }
        };
        kinds.push((key, Box::new(set)));
        let key = Key::Deposit(deposit.id);
        let set = move |read| {
            let row = Deposit { version: read + 1, ..deposit.clone() };
            ChangeSet { deposits: vec![update(read, row)], ..ChangeSet::default() }
        };
        kinds.push((key, Box::new(set)));
        let order_id = order.id;
        let key = Key::Order(order.id);
        let set =
            move |read| with_order(update(read, Order { version: read + 1, ..order.clone() }));
        kinds.push((key, Box::new(set)));
        let key = Key::Listing(listing.id);
        let set = move |read| {
            let row = marketplace_listings::Listing { version: read + 1, ..listing.clone() };
            with_listing(update(read, row))
        };
        kinds.push((key, Box::new(set)));
        kinds.push(reviewing(order_reviews(order_id, &owner, &did("seller"), now)));
        let agent = agent(&owner);
        let set = move |read| {
            let row = marketplace_ports::Agent { version: read + 1, ..agent.clone() };
            with_agent(update(read, row))
        };
        kinds.push((Key::Agent(owner), Box::new(set)));
        Self { kinds }
    }
}

fn reviewing(reviews: marketplace_ports::OrderReviews) -> (Key, Write) {
    let key = Key::Reviews(reviews.reviews.order);
    let set = move |read| {
        let row = marketplace_ports::OrderReviews { version: read + 1, ..reviews.clone() };
        ChangeSet { reviews: vec![update(read, row)], ..ChangeSet::default() }
    };
    (key, Box::new(set))
}

async fn version(world: &World, key: &Key) -> u64 {
    let view = world.load([key.clone()]).await;
    marketplace_ports::Current::from_view(&view).versions.get(key).copied().unwrap_or(0)
}

/// For each kind of row: a version that is not the stored one, above or below, is a conflict.
pub(crate) async fn a_row_that_moved_is_a_conflict(mut world: World) {
    for (key, set) in Rows::new(&mut world).await.kinds {
        world.conflict(set(1)).await;
        assert_eq!(version(&world, &key).await, 0, "{key:?}");
        world.write(set(0)).await;
        world.conflict(set(0)).await;
        world.conflict(set(2)).await;
        assert_eq!(version(&world, &key).await, 1, "{key:?}");
        world.write(set(1)).await;
        world.conflict(set(1)).await;
        world.conflict(set(0)).await;
        assert_eq!(version(&world, &key).await, 2, "{key:?}");
    }
}

/// A decision that relied on a row falls when that row moved, appeared, or was never there.
pub(crate) async fn a_moved_row_that_was_only_read_is_a_conflict(mut world: World) {
    let other = agent(&did("other"));
    let mut read = 0;
    for (key, set) in Rows::new(&mut world).await.kinds {
        let relying = |seen: u64, own: u64| {
            let row = marketplace_ports::Agent { version: own + 1, ..other.clone() };
            let reads = vec![(key.clone(), seen)];
            ChangeSet { reads, ..with_agent(update(own, row)) }
        };
        world.conflict(relying(1, read)).await;
        world.write(relying(0, read)).await;
        world.write(set(0)).await;
        world.conflict(relying(0, read + 1)).await;
        world.write(relying(1, read + 1)).await;
        world.write(set(1)).await;
        world.conflict(relying(1, read + 2)).await;
        world.conflict(relying(3, read + 2)).await;
        // Reading alone moves nothing.
        assert_eq!(version(&world, &key).await, 2, "{key:?}");
        read += 2;
    }
}

/// A falls; B and C, which built on A's result, fall with it; D, which did not, is written.
pub(crate) async fn what_was_decided_on_a_refused_set_falls_with_it(mut world: World) {
    let moved = did("moved");
    world.write(with_agent(insert(agent(&moved)))).await;
    for (key, set) in Rows::new(&mut world).await.kinds {
        for before in 0..2 {
            let now = world.now().await;
            let bystander = order(world.order_id(), &did("buyer"), &did("seller"), now);
            let bystander_id = bystander.id;
            let refused = |mut a: ChangeSet| {
                a.reads.push((Key::Agent(moved.clone()), 7));
                a
            };
            let relying = |version| {
                let reads = vec![(key.clone(), version)];
                ChangeSet { reads, ..ChangeSet::default() }
            };
            let a = refused(set(before));
            let sets = vec![a, set(before + 1), relying(before + 1), with_order(insert(bystander))];
            let outcomes = world.commit(sets).await;
            assert_eq!(outcomes, [Conflict, Conflict, Conflict, Committed], "{key:?}");
            assert_eq!(version(&world, &key).await, before, "{key:?}");
            assert!(world.store().order(bystander_id).await.expect("order").is_some());
            // Without the refused one in front, a chain is written.
            if before == 0 {
                let outcomes = world.commit(vec![set(0), relying(1), relying(0)]).await;
                assert_eq!(outcomes, [Committed, Committed, Conflict], "{key:?}");
            }
        }
        let outcomes = world.commit(vec![set(1), set(2)]).await;
        assert_eq!(outcomes, [Committed, Committed], "{key:?}");
        // Others were faster, and the row is by chance in the version that the refused set would
        // have made: what was decided on that set was decided on a row that never was.
        let outcomes = world.commit(vec![set(2), set(3), set(4)]).await;
        assert_eq!(outcomes, [Conflict, Conflict, Conflict], "{key:?}");
        let outcomes = world.commit(vec![set(3), set(4), set(3), set(5)]).await;
        assert_eq!(outcomes, [Committed, Committed, Conflict, Conflict], "{key:?}");
        assert_eq!(version(&world, &key).await, 5, "{key:?}");
    }
}

fn everything(world: &mut World, owner: &Did, now: marketplace_money::Timestamp) -> ChangeSet {
    let order = order(world.order_id(), owner, &did("seller"), now);
    let subject = Subject::Order(order.id);
    let deposit = world.entry(EntryKind::Deposit, [(Account::Teg, -7), (agent_account(owner), 7)]);
    let event = Event {
        id: world.event_id(),
        subject,
        name: "order.funded",
        audience: vec![owner.clone()],
        at: now,
        data: "{}".into(),
    };
    let effect = Effect {
        id: world.id(),
        kind: EffectKind::ResolveDeposit(world.deposit_id()),
        due: now,
        attempts: 0,
    };
    let key = IdempotencyKey { caller: owner.clone(), route: "r".into(), key: "k".into() };
    let record = IdempotencyRecord {
        body_sha256: [1; 32],
        reply: "x".into(),
        expires_at: now.plus(Seconds(9)),
    };
    let nonce = Nonce { signer: owner.clone(), value: "n".into() };
    let order_id = order.id;
    ChangeSet {
        reads: Vec::new(),
        blobs: vec![Blob { order: order.id, sha256: [1; 32], bytes: Arc::from([1]) }],
        orders: vec![insert(order)],
        listings: vec![insert(listing(world.listing_id(), owner, now))],
        agents: vec![insert(agent(owner))],
        withdrawals: Vec::new(),
        deposits: Vec::new(),
        api_keys: Vec::new(),
        tasks: Vec::new(),
        motions: Vec::new(),
        disputes: Vec::new(),
        jurors: Vec::new(),
        exhibits: Vec::new(),
        reviews: vec![insert(order_reviews(order_id, owner, &did("seller"), now))],
        exposures: Vec::new(),
        listing_count: Some(CountChange { delta: 1, limit: 10 }),
        teg_records: vec![insert(teg_record("t", deposit.id))],
        entries: vec![deposit],
        events: vec![event],
        timers: vec![TimerChange::Set(Timer { subject, kind: "payment", sequence: 1, due: now })],
        effects: vec![EffectChange::Add(effect)],
        idempotency: Some((key, record)),
        nonce: Some((nonce, now.plus(Seconds(9)))),
    }
}

/// A set that does not hold leaves no trace in any table, whatever its neighbours do.
pub(crate) async fn a_refused_set_leaves_nothing(mut world: World) {
    let (owner, now) = (did("owner"), world.now().await);
    let mut set = everything(&mut world, &owner, now);
    set.reads.push((Key::Agent(did("never")), 1));
    let neighbour = with_agent(insert(agent(&did("neighbour"))));
    let keys: Vec<Key> = set.keys().collect();
    let (order, blob) = (set.orders[0].row.id, set.blobs[0].sha256);
    assert_eq!(world.commit(vec![set.clone(), neighbour]).await, [Conflict, Committed]);
    world.settle().await;
    let view = world.load(keys).await;
    let found = view.orders.len() + view.listings.len() + view.agents.len();
    let taken = view.idempotency.len() + view.nonces.len() + view.teg_records.len();
    assert_eq!((found, taken, view.listing_count), (0, 0, 0), "{view:?}");
    let store = world.store();
    assert_eq!(world.balance(&owner).await, nano(0));
    assert_eq!(store.blob(order, blob).await, Ok(None));
    assert_eq!(store.events_after(0, 10).await, Ok(vec![]));
    assert_eq!(store.dues().await, Ok(Dues::default()));
    let statement = store.statement(&owner, None, 10).await.expect("statement");
    assert_eq!(statement.items, []);
    let audit = world.audit().await;
    assert_eq!((audit.orders, audit.postings, audit.open_effects), (0, 0, 0));
    // Nothing of it is in the way of the same set, decided again.
    set.reads.clear();
    world.write(set).await;
    assert_eq!(world.balance(&owner).await, nano(7));
}

/// A snapshot that says "nothing was written since" is no licence to overwrite what was.
pub(crate) async fn an_old_snapshot_is_checked(mut world: World) {
    let owner = did("owner");
    let old = world.load([Key::Agent(owner.clone())]).await.snapshot;
    world.write(with_agent(insert(agent(&owner)))).await;
    let batch = world.batch_on(old, vec![with_agent(insert(agent(&owner)))]);
    assert_eq!(world.store().commit(batch).await, Ok(vec![Conflict]));
    let next = marketplace_ports::Agent { version: 2, ..agent(&owner) };
    let batch = world.batch_on(old, vec![with_agent(update(1, next))]);
    assert_eq!(world.store().commit(batch).await, Ok(vec![Committed]));
    let batch = world.batch_on(Snapshot::default(), vec![with_agent(insert(agent(&owner)))]);
    assert_eq!(world.store().commit(batch).await, Ok(vec![Conflict]));
}

/// What a set touches is checked although nobody loaded it.
pub(crate) async fn what_was_never_loaded_is_checked(mut world: World) {
    let owner = did("owner");
    world.write(with_agent(insert(agent(&owner)))).await;
    world.fund(&owner, 10).await;
    let fresh = world.load([]).await.snapshot;
    let batch = world.batch_on(fresh, vec![with_agent(insert(agent(&owner)))]);
    assert_eq!(world.store().commit(batch).await, Ok(vec![Conflict]));
    let spend = |world: &mut World, amount: i64| {
        let moves = [(agent_account(&owner), -amount), (agent_account(&did("payee")), amount)];
        let entries = vec![world.entry(EntryKind::Transfer, moves)];
        ChangeSet { entries, ..ChangeSet::default() }
    };
    let sets = vec![spend(&mut world, 11), spend(&mut world, 10)];
    let fresh = world.load([]).await.snapshot;
    let batch = world.batch_on(fresh, sets);
    assert_eq!(world.store().commit(batch).await, Ok(vec![Conflict, Committed]));
    assert_eq!(world.balance(&owner).await, nano(0));
}

/// Many write the same row at the same time, each on what it read: no change is lost.
pub(crate) async fn of_many_at_once_no_change_is_lost(mut world: World) {
    const WRITERS: u32 = 8;
    const CHANGES: u32 = 5;
    let counter = did("counter");
    let start = marketplace_ports::Agent { listings: 0, ..agent(&counter) };
    world.write(with_agent(insert(start))).await;
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..WRITERS {
        let (store, counter) = (world.store(), counter.clone());
        writers.spawn(async move {
            let mut written = 0;
            for attempt in 0..10_000_u128 {
                let keys = [Key::Agent(counter.clone())].into();
                let view = store.load(&keys).await.expect("load");
                let mut next = view.agents[&counter].as_ref().clone();
                let read = next.version;
                next.version += 1;
                next.listings += 1;
                let id = uuid::Uuid::from_u128((u128::from(writer + 1) << 64) + attempt);
                let command = marketplace_money::CommandId::new(id);
                let sets = vec![(command, with_agent(update(read, next)))];
                let batch = marketplace_ports::Batch { id, snapshot: view.snapshot, sets };
                let outcome = store.commit(batch).await.expect("commit");
                written += u32::from(outcome == [Committed]);
                if written == CHANGES {
                    break;
                }
                tokio::task::yield_now().await;
            }
        });
    }
    writers.join_all().await;
    let view = world.load([Key::Agent(counter.clone())]).await;
    assert_eq!(view.agents[&counter].listings, WRITERS * CHANGES);
    assert_eq!(view.agents[&counter].version, u64::from(WRITERS * CHANGES) + 1);
}
