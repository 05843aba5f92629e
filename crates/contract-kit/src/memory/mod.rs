//! The in-memory store: the same contract as the stores on disk, for tests and the simulator.

mod audit;
mod disputes;
mod edges;
mod journal;
mod queries;
mod queue;
mod shelf;
mod state;
#[cfg(test)]
mod tests;
mod text;

use std::collections::HashSet;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use marketplace_escrow::{Order, OrderStatus};
use marketplace_ledger::Account;
use marketplace_listings::Listing;
use marketplace_money::{Amount, Did, Gaps, ListingId, OrderId, Timestamp, WithdrawalId};
use marketplace_ports::{
    Agent, ApiKey, Audit, Batch, CommitOutcome, DeadEffect, Dues, Effect, Key, Lease,
    LiabilitiesAt, LiabilitySink, Motion, OrderFilter, OrderReviews, Page, PayoutPolicy,
    SealedEvent, StatementLine, Store, StoreError, Task, TaskKey, TegPosition, Timer, View,
    WalletSums, Withdrawal,
};
use tokio::sync::watch;
use uuid::Uuid;

use crate::faults::{FaultPlan, lock};
use crate::{FaultPoint, ManualClock, StoreFault};
use state::State;

/// A store in memory. Clones are handles to the same state: what holds it may be dropped, as in a
/// crash, and another may go on with it.
///
/// It refuses text with U+0000, as PostgreSQL does.
#[derive(Clone, Debug)]
pub struct MemoryStore {
    state: Arc<Mutex<State>>,
    clock: ManualClock,
    faults: FaultPlan<StoreFault>,
    /// The position of the last event, for those who wait for the next one.
    head: Arc<watch::Sender<u64>>,
}

impl MemoryStore {
    /// An empty store that reads its time from `clock`, but never goes back with it.
    #[must_use]
    pub fn new(clock: ManualClock) -> Self {
        Self { state: Arc::default(), clock, faults: FaultPlan::default(), head: Arc::default() }
    }

    /// Asks `decide` at each call from now on what shall go wrong; replaces an earlier plan.
    pub fn plan_faults(&self, decide: impl FnMut(&FaultPoint) -> StoreFault + Send + 'static) {
        self.faults.set(Some(Box::new(decide)));
    }

    /// Nothing goes wrong from now on.
    pub fn clear_faults(&self) {
        self.faults.set(None);
    }

    /// How often a method was called, such as `commit`.
    #[must_use]
    pub fn calls(&self, call: &'static str) -> u64 {
        self.faults.calls(call)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        let mut state = lock(&self.state);
        state.tick(self.clock.now());
        state
    }

    async fn call<T>(
        &self,
        call: &'static str,
        work: impl FnOnce(&mut State) -> Result<T, StoreError> + Send,
    ) -> Result<T, StoreError> {
        match self.faults.at(call) {
            StoreFault::None => work(&mut self.state()),
            StoreFault::FailBefore => {
                Err(StoreError::Unavailable(format!("planned: no answer to {call}")))
            }
            StoreFault::FailAfter => {
                work(&mut self.state())?;
                Err(StoreError::Unknown(format!("planned: the answer to {call} was lost")))
            }
            StoreFault::HangBefore => pending().await,
            StoreFault::HangAfter => {
                let _ = work(&mut self.state());
                pending().await
            }
        }
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn load(&self, keys: &HashSet<Key>) -> Result<View, StoreError> {
        self.call("load", |state| Ok(state.load(keys))).await
    }

    async fn commit(&self, batch: Batch) -> Result<Vec<CommitOutcome>, StoreError> {
        let commit = |state: &mut State| {
            let outcomes = state.commit(batch);
            self.head.send_replace(state.journal.events.len() as u64);
            outcomes
        };
        self.call("commit", commit).await
    }

    async fn outcome(&self, batch: Uuid) -> Result<Option<Vec<CommitOutcome>>, StoreError> {
        self.call("outcome", |state| Ok(state.outcome(batch))).await
    }

    async fn now(&self) -> Result<Timestamp, StoreError> {
        self.call("now", |state| Ok(state.now)).await
    }

    async fn clock(&self) -> Result<(Timestamp, Gaps), StoreError> {
        self.call("clock", |state| Ok((state.now, state.gaps.clone()))).await
    }

    async fn lease_timers(&self, lease: Lease, limit: u32) -> Result<Vec<Timer>, StoreError> {
        self.call("lease_timers", |state| Ok(state.lease_timers(lease, limit))).await
    }

    async fn lease_effects(&self, lease: Lease, limit: u32) -> Result<Vec<Effect>, StoreError> {
        self.call("lease_effects", |state| Ok(state.lease_effects(lease, limit))).await
    }

    async fn lease_job(&self, name: &str, lease: Lease) -> Result<bool, StoreError> {
        self.call("lease_job", |state| Ok(state.lease_job(name, lease))).await
    }

    async fn release_leases(&self, owner: Uuid) -> Result<(), StoreError> {
        let release = |state: &mut State| {
            state.release_leases(owner);
            Ok(())
        };
        self.call("release_leases", release).await
    }

    async fn dead_effects(&self, limit: u32) -> Result<Vec<DeadEffect>, StoreError> {
        self.call("dead_effects", |state| Ok(state.dead_effects(limit))).await
    }

    async fn dues(&self) -> Result<Dues, StoreError> {
        self.call("dues", |state| Ok(state.dues())).await
    }

    async fn heartbeat(&self, _server: Uuid) -> Result<(), StoreError> {
        let beat = |state: &mut State| {
            state.heartbeat();
            Ok(())
        };
        self.call("heartbeat", beat).await
    }

    async fn last_heartbeat(&self) -> Result<Option<Timestamp>, StoreError> {
        self.call("last_heartbeat", |state| Ok(state.last_heartbeat)).await
    }

    async fn forget(&self, limit: u32) -> Result<u64, StoreError> {
        self.call("forget", |state| Ok(state.forget(limit))).await
    }

    async fn secret(&self, name: &str, fresh: [u8; 32]) -> Result<[u8; 32], StoreError> {
        let secret = |state: &mut State| Ok(*state.secrets.entry(name.to_owned()).or_insert(fresh));
        self.call("secret", secret).await
    }

    async fn note(&self, name: &str) -> Result<Option<String>, StoreError> {
        self.call("note", |state| Ok(state.notes.get(name).cloned())).await
    }

    async fn set_note(&self, name: &str, value: &str) -> Result<(), StoreError> {
        let set = |state: &mut State| {
            state.notes.insert(name.to_owned(), value.to_owned());
            Ok(())
        };
        self.call("set_note", set).await
    }

    async fn events_after(
        &self,
        position: u64,
        limit: u32,
    ) -> Result<Vec<SealedEvent>, StoreError> {
        self.call("events_after", |state| Ok(state.events_after(position, limit))).await
    }

    async fn events_for(
        &self,
        did: &Did,
        position: u64,
        limit: u32,
    ) -> Result<Vec<SealedEvent>, StoreError> {
        self.call("events_for", |state| Ok(state.events_for(did, position, limit))).await
    }

    async fn feed_head(&self) -> Result<u64, StoreError> {
        self.call("feed_head", |state| Ok(state.journal.events.len() as u64)).await
    }

    async fn await_events(&self, position: u64) {
        // The sender is ours, so it is there as long as we wait.
        let _ = self.head.subscribe().wait_for(|head| *head > position).await;
    }

    /// Clones may be in the hands of several servers.
    fn is_shared(&self) -> bool {
        true
    }

    async fn order(&self, id: OrderId) -> Result<Option<Arc<Order>>, StoreError> {
        self.call("order", |state| Ok(state.orders.get(&id).cloned())).await
    }

    async fn orders(&self, filter: &OrderFilter) -> Result<Page<Arc<Order>>, StoreError> {
        self.call("orders", |state| Ok(state.orders(filter))).await
    }

    async fn all_orders(
        &self,
        status: Option<OrderStatus>,
        cursor: Option<u64>,
        limit: u32,
    ) -> Result<Page<Arc<Order>>, StoreError> {
        self.call("all_orders", |state| Ok(state.all_orders(status, cursor, limit))).await
    }

    async fn blob(
        &self,
        order: OrderId,
        sha256: [u8; 32],
    ) -> Result<Option<Arc<[u8]>>, StoreError> {
        self.call("blob", |state| Ok(state.blobs.get(&(order, sha256)).cloned())).await
    }

    async fn listing(&self, id: ListingId) -> Result<Option<Arc<Listing>>, StoreError> {
        self.call("listing", |state| Ok(state.listings.get(&id).cloned())).await
    }

    async fn active_listings(
        &self,
        cursor: Option<u64>,
        limit: u32,
    ) -> Result<Page<(Arc<Listing>, Arc<Agent>)>, StoreError> {
        self.call("active_listings", |state| Ok(state.active_listings(cursor, limit))).await
    }

    async fn listings_of(
        &self,
        provider: &Did,
        cursor: Option<u64>,
        limit: u32,
    ) -> Result<Page<Arc<Listing>>, StoreError> {
        self.call("listings_of", |state| Ok(state.listings_of(provider, cursor, limit))).await
    }

    async fn agent(&self, did: &Did) -> Result<Option<Arc<Agent>>, StoreError> {
        self.call("agent", |state| Ok(state.agents.get(did).cloned())).await
    }

    async fn api_key(&self, sha256: &[u8; 32]) -> Result<Option<Arc<ApiKey>>, StoreError> {
        self.call("api_key", |state| Ok(state.api_keys.get(sha256).cloned())).await
    }

    async fn api_keys(&self, agent: &Did, limit: u32) -> Result<Vec<Arc<ApiKey>>, StoreError> {
        let of_agent = |state: &mut State| {
            let keys = state.api_keys.values().filter(|key| key.agent == *agent);
            keys.take(limit as usize).cloned().collect()
        };
        self.call("api_keys", |state| Ok(of_agent(state))).await
    }

    async fn motion(&self, id: Uuid) -> Result<Option<Arc<Motion>>, StoreError> {
        self.call("motion", |state| Ok(state.motions.get(&id).cloned())).await
    }

    async fn motions(
        &self,
        before: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<Arc<Motion>>, StoreError> {
        let below = |state: &mut State| {
            let motions = state.motions.values().rev();
            let below = motions.filter(|motion| before.is_none_or(|before| motion.id < before));
            below.take(limit as usize).cloned().collect()
        };
        self.call("motions", |state| Ok(below(state))).await
    }

    async fn task(&self, key: &TaskKey) -> Result<Option<Arc<Task>>, StoreError> {
        self.call("task", |state| Ok(state.tasks.get(key).cloned())).await
    }

    async fn tasks(
        &self,
        owner: &Did,
        after: Option<&Task>,
        limit: u32,
    ) -> Result<Vec<Arc<Task>>, StoreError> {
        let of_owner = |state: &mut State| {
            let tasks = state.tasks.values().filter(|task| task.key.owner == *owner);
            let mut tasks: Vec<Arc<Task>> = tasks.cloned().collect();
            let place = |task: &Task| (std::cmp::Reverse(task.changed_at), task.key.to_string());
            tasks.retain(|task| after.is_none_or(|after| place(task) > place(after)));
            tasks.sort_by_key(|task| place(task));
            tasks.truncate(limit as usize);
            tasks
        };
        self.call("tasks", |state| Ok(of_owner(state))).await
    }

    async fn lasting_tasks(
        &self,
        owner: Option<&Did>,
        after: Option<&TaskKey>,
        limit: u32,
    ) -> Result<Vec<Arc<Task>>, StoreError> {
        let lasting = |state: &mut State| {
            let tasks = state.tasks.values().filter(|task| task.expires_at == Task::FOR_EVER);
            let tasks = tasks.filter(|task| owner.is_none_or(|owner| task.key.owner == *owner));
            let name = |task: &Arc<Task>| task.key.to_string();
            let mut tasks: Vec<Arc<Task>> = tasks.cloned().collect();
            tasks.sort_by_key(name);
            let first = after.map(ToString::to_string);
            tasks.retain(|task| first.as_ref().is_none_or(|first| name(task) > *first));
            tasks.truncate(limit as usize);
            tasks
        };
        self.call("lasting_tasks", |state| Ok(lasting(state))).await
    }

    async fn reviews_of(
        &self,
        agent: &Did,
        cursor: Option<u64>,
        limit: u32,
    ) -> Result<Page<Arc<OrderReviews>>, StoreError> {
        self.call("reviews_of", |state| Ok(state.reviews_of(agent, cursor, limit))).await
    }

    async fn reviews(&self, order: OrderId) -> Result<Option<Arc<OrderReviews>>, StoreError> {
        self.call("reviews", |state| Ok(state.reviews.get(&order).cloned())).await
    }

    async fn exposure(&self, seller: &Did) -> Result<Amount, StoreError> {
        self.call("exposure", |state| Ok(state.exposures.get(seller).copied().unwrap_or_default()))
            .await
    }

    async fn wallet(&self, did: &Did) -> Result<WalletSums, StoreError> {
        self.call("wallet", |state| state.wallet(did)).await
    }

    async fn statement(
        &self,
        did: &Did,
        cursor: Option<u64>,
        limit: u32,
    ) -> Result<Page<StatementLine>, StoreError> {
        self.call("statement", |state| state.statement(did, cursor, limit)).await
    }

    async fn payouts_due(
        &self,
        limit: u32,
    ) -> Result<Vec<(Did, PayoutPolicy, Amount)>, StoreError> {
        self.call("payouts_due", |state| Ok(state.payouts_due(limit))).await
    }

    async fn account_sum(&self, account: &Account) -> Result<Amount, StoreError> {
        self.call("account_sum", |state| state.journal.sum(account)).await
    }

    async fn open_escrow(&self) -> Result<Amount, StoreError> {
        self.call("open_escrow", |state| state.journal.open_escrow()).await
    }

    async fn teg_position(&self) -> Result<TegPosition, StoreError> {
        self.call("teg_position", |state| state.teg_position()).await
    }

    async fn open_withdrawals(
        &self,
        after: Option<WithdrawalId>,
        limit: u32,
    ) -> Result<Vec<Arc<Withdrawal>>, StoreError> {
        self.call("open_withdrawals", |state| Ok(state.open_withdrawals(after, limit))).await
    }

    async fn liabilities(&self, sink: LiabilitySink) -> Result<LiabilitiesAt, StoreError> {
        self.call("liabilities", |state| state.liabilities(&sink)).await
    }

    async fn audit(&self) -> Result<Audit, StoreError> {
        self.call("audit", |state| state.audit()).await
    }
}
