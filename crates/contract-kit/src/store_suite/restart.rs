//! What was committed is there after a crash, and time goes on from where it was.

use std::sync::Arc;

use marketplace_escrow::{Actor, Command};
use marketplace_ledger::{Account, EntryKind};
use marketplace_money::{Did, Gap, OrderId, Seconds};
use marketplace_ports::{
    Blob, ChangeSet, CommitOutcome, CountChange, Deposit, DepositState, Effect, EffectChange,
    EffectKind, IdempotencyKey, IdempotencyRecord, Nonce, Subject, Timer, TimerChange,
};

use super::World;
use super::fixtures::{agent, agent_account, did, insert, listing, nano, teg_record, with_agent};
use super::flow::{act, delivery, purchase, total};

/// Something for each table that has no case of its own here.
async fn something_of_each(world: &mut World, owner: &Did, order: OrderId) -> ChangeSet {
    let now = world.now().await;
    let expires_at = now.plus(Seconds(900));
    let key = IdempotencyKey { caller: owner.clone(), route: "r".into(), key: "k".into() };
    let record = IdempotencyRecord { body_sha256: [1; 32], reply: "yes".into(), expires_at };
    let nonce = Nonce { signer: owner.clone(), value: "n".into() };
    let deposit = Deposit {
        id: world.deposit_id(),
        version: 1,
        agent: owner.clone(),
        amount: nano(8),
        at: now,
        state: DepositState::Asked,
    };
    let transfer = world.entry(EntryKind::Deposit, [(Account::Teg, -8), (agent_account(owner), 8)]);
    ChangeSet {
        listings: vec![insert(listing(world.listing_id(), owner, now))],
        agents: vec![insert(agent(owner))],
        deposits: vec![insert(deposit)],
        listing_count: Some(CountChange { delta: 1, limit: 1 }),
        teg_records: vec![insert(teg_record("t", transfer.id))],
        entries: vec![transfer],
        idempotency: Some((key, record)),
        nonce: Some((nonce, expires_at)),
        blobs: vec![Blob { order, sha256: [4; 32], bytes: Arc::from([1, 2, 3]) }],
        ..ChangeSet::default()
    }
}

/// Rows, money, keys, events, and what became of each batch.
pub(crate) async fn everything_survives_a_restart(mut world: World) {
    let (buyer, seller) = (did("buyer"), did("seller"));
    world.fund(&buyer, 5 * total()).await;
    let (order, set) = purchase(&mut world, &buyer, &seller).await;
    world.write(set).await;
    let set = something_of_each(&mut world, &buyer, order).await;
    let batch = world.batch(vec![set.clone()]).await;
    let batch_id = batch.id;
    world.store().commit(batch).await.expect("commit");
    let before = Before::take(&mut world).await;

    world.reopen().await;
    let outcome = world.store().outcome(batch_id).await;
    assert_eq!(outcome, Ok(Some(vec![CommitOutcome::Committed])));
    let view = world.load(set.keys()).await;
    let (listing, agent, deposit) =
        (&set.listings[0].row, &set.agents[0].row, &set.deposits[0].row);
    assert_eq!(&view.listings[&listing.id], listing);
    assert_eq!(&view.agents[&agent.did], agent);
    assert_eq!(&view.deposits[&deposit.id], deposit);
    assert_eq!(view.listing_count, 1);
    assert_eq!(view.idempotency.into_iter().next(), set.idempotency);
    assert_eq!(view.nonces.into_iter().next(), set.nonce.map(|(nonce, _)| nonce));
    let records: Vec<_> = view.teg_records.into_values().collect();
    assert_eq!(records, [set.teg_records[0].row.clone()]);
    let bytes = world.store().blob(order, [4; 32]).await.expect("blob");
    assert_eq!(bytes.as_deref(), Some(&[1, 2, 3][..]));
    assert_eq!(world.balance(&buyer).await, nano(4 * total() + 8));
    before.compare(&mut world).await;

    // The log goes on where it stopped, and so does the order.
    let set = act(&mut world, order, Actor::Seller, &delivery()).await;
    world.write(set).await;
    let set = act(&mut world, order, Actor::Buyer, &Command::Accept).await;
    world.write(set).await;
    world.settle().await;
    let events = store_events(&world).await;
    let positions: Vec<u64> = events.iter().map(|event| event.position).collect();
    assert_eq!(positions, (1..=u64::try_from(events.len()).unwrap_or(0)).collect::<Vec<_>>());
    assert!(events.len() >= 3, "{events:?}");
    assert_eq!(world.audit().await.breaches(), [""; 0]);
}

async fn store_events(world: &World) -> Vec<marketplace_ports::SealedEvent> {
    world.store().events_after(0, 1_000).await.expect("events_after")
}

/// What readers see, before and after.
struct Before {
    events: Vec<marketplace_ports::SealedEvent>,
    orders: Vec<Arc<marketplace_escrow::Order>>,
    statement: Vec<marketplace_ports::StatementLine>,
    audit: marketplace_ports::Audit,
}

impl Before {
    async fn take(world: &mut World) -> Self {
        world.settle().await;
        let store = world.store();
        Self {
            events: store_events(world).await,
            orders: store.all_orders(None, None, 100).await.expect("all_orders").items,
            statement: store.statement(&did("buyer"), None, 100).await.expect("statement").items,
            audit: world.audit().await,
        }
    }

    async fn compare(&self, world: &mut World) {
        let after = Self::take(world).await;
        assert_eq!(after.events, self.events);
        assert_eq!(after.orders, self.orders);
        assert_eq!(after.statement, self.statement);
        assert_eq!(after.audit, self.audit);
    }
}

/// Timers and outbox wait for the next server; what the dead one had leased comes again.
pub(crate) async fn open_work_survives_a_restart(mut world: World) {
    let now = world.now().await;
    let in_seconds = |seconds| now.plus(Seconds(seconds));
    let mut timers = Vec::new();
    for due in [0, 100] {
        let subject = Subject::Order(world.order_id());
        timers.push(Timer { subject, kind: "review", sequence: 3, due: in_seconds(due) });
    }
    let mut effects = Vec::new();
    for due in [0, 100, 0] {
        let kind = EffectKind::SendWithdrawal(world.withdrawal_id());
        effects.push(Effect { id: world.id(), kind, due: in_seconds(due), attempts: 2 });
    }
    let mut set = ChangeSet::default();
    set.timers.extend(timers.iter().cloned().map(TimerChange::Set));
    set.effects.extend(effects.iter().cloned().map(EffectChange::Add));
    world.write(set).await;
    let lease = world.lease(50);
    assert_eq!(world.store().lease_timers(lease, 10).await, Ok(vec![timers[0].clone()]));
    assert_eq!(world.store().lease_effects(lease, 10).await.expect("lease_effects").len(), 2);
    let done = vec![EffectChange::Done(effects[2].id)];
    world.write(ChangeSet { effects: done, ..ChangeSet::default() }).await;

    world.reopen().await;
    world.advance(51);
    let lease = world.lease(500);
    assert_eq!(world.store().lease_timers(lease, 10).await, Ok(vec![timers[0].clone()]));
    assert_eq!(world.store().lease_effects(lease, 10).await, Ok(vec![effects[0].clone()]));
    assert_eq!(world.store().dues().await.map(|dues| dues.next()), Ok(Some(in_seconds(100))));
    world.advance(50);
    assert_eq!(world.store().lease_timers(lease, 10).await, Ok(vec![timers[1].clone()]));
    assert_eq!(world.store().lease_effects(lease, 10).await, Ok(vec![effects[1].clone()]));
}

/// Keys that servers share, and what jobs remember.
pub(crate) async fn secrets_and_notes_survive_a_restart(mut world: World) {
    world.store().secret("token", [1; 32]).await.expect("secret");
    world.store().set_note("cursor", "seven").await.expect("set_note");
    world.reopen().await;
    assert_eq!(world.store().secret("token", [2; 32]).await, Ok([1; 32]));
    assert_eq!(world.store().note("cursor").await, Ok(Some("seven".to_owned())));
}

/// The machine may come up with its clock wrong: what was booked is not later than now.
pub(crate) async fn the_clock_never_goes_back_over_a_restart(mut world: World) {
    world.advance(100);
    world.fund(&did("a"), 1).await;
    let line = world.store().statement(&did("a"), None, 1).await.expect("statement");
    let booked = line.items[0].at;
    world.clock().set(booked.minus(Seconds(3_600)));
    world.reopen().await;
    let now = world.now().await;
    assert!(now >= booked, "{now} is before {booked}");
    let view = world.load([]).await;
    assert!(view.now >= booked, "{} is before {booked}", view.now);
}

/// The time between the last sign of life before a crash and the first one after it.
pub(crate) async fn a_silence_over_a_restart_is_a_gap(mut world: World) {
    let (first, second) = (world.id(), world.id());
    let from = world.now().await;
    world.store().heartbeat(first).await.expect("heartbeat");
    world.reopen().await;
    world.advance(500);
    world.store().heartbeat(second).await.expect("heartbeat");
    let gap = Gap { from, until: from.plus(Seconds(500)) };
    assert_eq!(world.load([]).await.gaps.as_slice(), [gap]);
    world.reopen().await;
    world.advance(29);
    world.store().heartbeat(second).await.expect("heartbeat");
    assert_eq!(world.load([]).await.gaps.as_slice(), [gap]);
    world.write(with_agent(insert(agent(&did("a"))))).await;
    assert_eq!(world.load([]).await.gaps.as_slice(), [gap]);
}
