//! The whole state of the in-memory store, and how a commit changes it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use marketplace_escrow::Order;
use marketplace_ledger::Account;
use marketplace_listings::Listing;
use marketplace_money::{
    Amount, DepositId, Did, Gap, Gaps, ListingId, OrderId, Seconds, Timestamp, WithdrawalId,
};
use marketplace_ports::{
    Agent, ApiKey, Batch, CommitOutcome, Current, DeadEffect, Deposit, Dues, Effect, EffectChange,
    IdempotencyKey, IdempotencyRecord, Key, Lease, Motion, Nonce, OrderReviews, Snapshot,
    StoreError, Subject, Task, TaskKey, TegRecord, TegTransactionId, Timer, View, Withdrawal,
    Writes, admit,
};
use uuid::Uuid;

use super::disputes::Disputes;
use super::journal::Journal;
use super::queue::{Held, Queue};
use super::shelf::Shelf;
use super::text;

/// A silence of all servers from here on is a gap.
const SHORTEST_GAP: Seconds = Seconds(30);

pub(crate) type TimerKey = (Subject, &'static str);

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) now: Timestamp,
    pub(crate) gaps: Gaps,
    pub(crate) last_heartbeat: Option<Timestamp>,
    pub(crate) orders: Shelf<OrderId, Order>,
    pub(crate) orders_of: HashMap<(Did, Party), Vec<u64>>,
    pub(crate) listings: Shelf<ListingId, Listing>,
    pub(crate) agents: BTreeMap<Did, Arc<Agent>>,
    pub(crate) withdrawals: BTreeMap<WithdrawalId, Arc<Withdrawal>>,
    pub(crate) deposits: BTreeMap<DepositId, Arc<Deposit>>,
    pub(crate) api_keys: BTreeMap<[u8; 32], Arc<ApiKey>>,
    pub(crate) tasks: BTreeMap<TaskKey, Arc<Task>>,
    pub(crate) motions: BTreeMap<Uuid, Arc<Motion>>,
    pub(crate) disputes: Disputes,
    pub(crate) reviews: Shelf<OrderId, OrderReviews>,
    pub(crate) exposures: BTreeMap<Did, Amount>,
    pub(crate) balances: BTreeMap<Account, Amount>,
    pub(crate) listing_count: i64,
    pub(crate) journal: Journal,
    pub(crate) timers: Queue<TimerKey, Timer>,
    pub(crate) effects: Queue<Uuid, Effect>,
    errors: BTreeMap<Uuid, String>,
    idempotency: HashMap<IdempotencyKey, IdempotencyRecord>,
    nonces: HashMap<Nonce, Timestamp>,
    pub(crate) teg_records: BTreeMap<TegTransactionId, Arc<TegRecord>>,
    pub(crate) blobs: HashMap<(OrderId, [u8; 32]), Arc<[u8]>>,
    pub(crate) secrets: HashMap<String, [u8; 32]>,
    pub(crate) notes: HashMap<String, String>,
    jobs: HashMap<String, Held>,
    /// Batches that were asked for before they came: they are not written any more.
    abandoned: HashSet<Uuid>,
}

/// Which side of an order an agent is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Party {
    Buyer,
    Seller,
}

impl State {
    /// Takes over what the clock shows, unless it was set back.
    pub(crate) fn tick(&mut self, clock: Timestamp) {
        self.now = self.now.max(clock);
    }

    pub(crate) fn load(&self, keys: &HashSet<Key>) -> View {
        let mut view = View {
            now: self.now,
            gaps: self.gaps.clone(),
            snapshot: Snapshot(self.journal.length()),
            ..View::default()
        };
        for key in keys {
            self.load_key(key, &mut view);
        }
        view
    }

    fn load_key(&self, key: &Key, view: &mut View) {
        match key {
            Key::Order(id) => view.orders.extend(self.orders.get(id).map(|row| (*id, row.clone()))),
            Key::Listing(id) => {
                view.listings.extend(self.listings.get(id).map(|row| (*id, row.clone())));
            }
            Key::Agent(did) => {
                view.agents.extend(self.agents.get(did).map(|row| (did.clone(), row.clone())));
            }
            Key::Withdrawal(id) => {
                view.withdrawals.extend(self.withdrawals.get(id).map(|row| (*id, row.clone())));
            }
            Key::Deposit(id) => {
                view.deposits.extend(self.deposits.get(id).map(|row| (*id, row.clone())));
            }
            Key::ApiKey(sha256) => {
                view.api_keys.extend(self.api_keys.get(sha256).map(|row| (*sha256, row.clone())));
            }
            Key::Motion(id) => {
                view.motions.extend(self.motions.get(id).map(|row| (*id, row.clone())));
            }
            Key::Dispute(_) | Key::Juror(_) => self.disputes.load(key, view),
            Key::Task(key) => {
                view.tasks.extend(self.tasks.get(key).map(|row| (key.clone(), row.clone())));
            }
            Key::Balance(account) => {
                let balance = self.balances.get(account);
                view.balances.extend(balance.map(|balance| (account.clone(), *balance)));
                if let Account::Agent(did) = account {
                    let open = self.exposures.get(did);
                    view.exposures.extend(open.map(|open| (did.clone(), *open)));
                }
            }
            Key::Idempotency(key) => {
                let record = self.idempotency.get(key);
                view.idempotency.extend(record.map(|record| (key.clone(), record.clone())));
            }
            Key::Nonce(nonce) => {
                view.nonces.extend(self.nonces.contains_key(nonce).then(|| nonce.clone()));
            }
            Key::TegTransaction(id) => {
                let record = self.teg_records.get(id);
                view.teg_records.extend(record.map(|record| (id.clone(), record.clone())));
            }
            Key::Reviews(id) => {
                view.reviews.extend(self.reviews.get(id).map(|row| (*id, row.clone())));
            }
            Key::ListingCount => view.listing_count = self.listing_count,
        }
    }

    /// Writes what still holds. A batch that was written before is not written again: its answer
    /// is repeated. A batch of which nothing holds leaves no trace.
    pub(crate) fn commit(&mut self, batch: Batch) -> Result<Vec<CommitOutcome>, StoreError> {
        if let Some(before) = self.journal.batch(batch.id) {
            return Ok(before.outcomes.clone());
        }
        if self.abandoned.contains(&batch.id) {
            return Ok(vec![CommitOutcome::Conflict; batch.sets.len()]);
        }
        let keys: HashSet<Key> = batch.sets.iter().flat_map(|(_, set)| set.keys()).collect();
        let mut current = Current::from_view(&self.load(&keys));
        current.listing_count = self.listing_count;
        let outcomes = admit(current, &batch.sets);
        let mut admitted = batch.sets.iter().zip(&outcomes);
        if admitted.any(|((_, set), outcome)| {
            *outcome == CommitOutcome::Committed && text::is_poisoned(set)
        }) {
            return Err(StoreError::Rejected("a text has U+0000 in it".to_owned()));
        }
        if outcomes.contains(&CommitOutcome::Committed) {
            self.write(batch.id, Writes::merge(batch.sets, &outcomes), outcomes.clone());
        }
        Ok(outcomes)
    }

    /// What became of a batch; one that was not written is not written later either.
    pub(crate) fn outcome(&mut self, batch: Uuid) -> Option<Vec<CommitOutcome>> {
        let outcomes = self.journal.batch(batch).map(|known| known.outcomes.clone());
        if outcomes.is_none() {
            self.abandoned.insert(batch);
        }
        outcomes
    }

    /// From here on it must succeed.
    fn write(&mut self, id: Uuid, mut writes: Writes, outcomes: Vec<CommitOutcome>) {
        self.disputes.write(&mut writes, self.journal.batches.len());
        for (id, write) in writes.orders {
            let (buyer, seller) = (write.row.buyer.clone(), write.row.seller.clone());
            if let Some(number) = self.orders.put(id, write.row) {
                self.orders_of.entry((buyer, Party::Buyer)).or_default().push(number);
                self.orders_of.entry((seller, Party::Seller)).or_default().push(number);
            }
        }
        for (id, write) in writes.listings {
            self.listings.put(id, write.row);
        }
        self.agents.extend(writes.agents.into_iter().map(|(did, write)| (did, write.row)));
        self.withdrawals.extend(writes.withdrawals.into_iter().map(|(id, write)| (id, write.row)));
        self.deposits.extend(writes.deposits.into_iter().map(|(id, write)| (id, write.row)));
        self.api_keys.extend(writes.api_keys.into_iter().map(|(id, write)| (id, write.row)));
        self.motions.extend(writes.motions.into_iter().map(|(id, write)| (id, write.row)));
        self.tasks.extend(writes.tasks.into_iter().map(|(key, write)| (key, write.row)));
        for (account, delta) in writes.balances {
            let balance = self.balances.entry(account).or_default();
            // The admission has checked the sum.
            *balance = balance.checked_add(delta).unwrap_or(*balance);
        }
        for (id, write) in writes.reviews {
            self.reviews.put(id, write.row);
        }
        for (seller, delta) in writes.exposures {
            let open = self.exposures.entry(seller).or_default();
            // So it has of this.
            *open = open.checked_add(delta).unwrap_or(*open);
        }
        self.listing_count += writes.listing_count;
        for (key, timer) in writes.timers {
            match timer {
                Some(timer) => self.timers.set(key, timer.due, timer),
                None => drop(self.timers.remove(&key)),
            }
        }
        for (id, effect) in writes.effects {
            self.effects.set(id, effect.due, effect);
        }
        for id in &writes.effects_done {
            self.effects.remove(id);
            self.errors.remove(id);
        }
        for change in &writes.effects_retried {
            self.retry(change);
        }
        self.idempotency.extend(writes.idempotency);
        self.nonces.extend(writes.nonces);
        self.teg_records.extend(writes.teg_records.into_iter().map(|(id, w)| (id, w.row)));
        for blob in writes.blobs {
            self.blobs.insert((blob.order, blob.sha256), blob.bytes);
        }
        self.journal.seal(id, outcomes, &writes.entries, writes.events, self.now);
    }

    fn retry(&mut self, change: &EffectChange) {
        let EffectChange::Retry { id, due, attempts, error } = change else { return };
        if let Some(effect) = self.effects.remove(id) {
            self.errors.insert(*id, error.clone());
            self.effects.set(*id, *due, Effect { due: *due, attempts: *attempts, ..effect });
        }
    }

    /// Work that was given up.
    pub(crate) fn dead_effects(&self, limit: u32) -> Vec<DeadEffect> {
        let dead = self.effects.due_from(Effect::NEVER).take(limit as usize);
        let dead = dead.map(|effect| DeadEffect {
            effect: effect.clone(),
            error: self.errors.get(&effect.id).cloned().unwrap_or_default(),
        });
        dead.collect()
    }

    pub(crate) fn lease_timers(&mut self, lease: Lease, limit: u32) -> Vec<Timer> {
        let held = self.held(lease);
        self.timers.lease(self.now, held, limit)
    }

    pub(crate) fn lease_effects(&mut self, lease: Lease, limit: u32) -> Vec<Effect> {
        let held = self.held(lease);
        self.effects.lease(self.now, held, limit)
    }

    fn held(&self, lease: Lease) -> Held {
        Held { owner: lease.owner, until: self.now.plus(lease.duration) }
    }

    pub(crate) fn lease_job(&mut self, name: &str, lease: Lease) -> bool {
        let is_taken = |held: &Held| held.owner != lease.owner && held.until > self.now;
        if self.jobs.get(name).is_some_and(is_taken) {
            return false;
        }
        let held = self.held(lease);
        self.jobs.insert(name.to_owned(), held);
        true
    }

    pub(crate) fn release_leases(&mut self, owner: Uuid) {
        self.timers.release(owner);
        self.effects.release(owner);
        self.jobs.retain(|_, held| held.owner != owner);
    }

    /// Forgets answers, nonces and tasks whose time is over.
    pub(crate) fn forget(&mut self, limit: u32) -> u64 {
        let (now, mut left) = (self.now, limit);
        let mut is_over = |expires_at: Timestamp| {
            let over = expires_at <= now && left > 0;
            left -= u32::from(over);
            over
        };
        self.idempotency.retain(|_, record| !is_over(record.expires_at));
        self.nonces.retain(|_, until| !is_over(*until));
        self.tasks.retain(|_, task| !is_over(task.expires_at));
        u64::from(limit - left)
    }

    pub(crate) fn dues(&self) -> Dues {
        // What was given up is never due.
        let effect = self.effects.next_due(self.now).filter(|due| *due < Effect::NEVER);
        Dues { timer: self.timers.next_due(self.now), effect }
    }

    pub(crate) fn heartbeat(&mut self) {
        if let Some(last) = self.last_heartbeat
            && self.now.since(last) >= SHORTEST_GAP.micros()
        {
            let mut gaps = self.gaps.as_slice().to_vec();
            gaps.push(Gap { from: last, until: self.now });
            self.gaps = Gaps::new(gaps);
        }
        self.last_heartbeat = Some(self.now);
    }
}
