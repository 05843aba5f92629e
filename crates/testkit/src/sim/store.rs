//! The in-memory store behind the gate, with a second set of books beside it.

use std::collections::HashSet;
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use async_trait::async_trait;
use marketplace_contract_kit::MemoryStore;
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
use uuid::Uuid;

use super::gate::{Fate, Gate, Port};
use super::ids::SeededIds;
use super::lock;
use super::memory::Memory;
use super::shadow::Shadow;

/// The store as one life of one replica sees it.
#[derive(Clone, Debug)]
pub(crate) struct SimStore {
    pub(crate) inner: MemoryStore,
    pub(crate) gate: Gate,
    pub(crate) shadow: Arc<Mutex<Shadow>>,
    pub(crate) ids: Arc<SeededIds>,
    pub(crate) life: u32,
    pub(crate) memory: Arc<Mutex<Memory>>,
}

impl SimStore {
    pub(crate) async fn call<T>(
        &self,
        call: &'static str,
        work: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        match self.gate.pass(self.life, Port::Store, call).await {
            Fate::Pass | Fate::Duplicate => work.await,
            Fate::Unavailable | Fate::Throttled | Fate::Expired | Fate::Refuse => {
                Err(StoreError::Unavailable(format!("simulated: no answer to {call}")))
            }
            Fate::LostBefore | Fate::LostLate => {
                Err(StoreError::Unknown(format!("simulated: {call} was lost")))
            }
            Fate::LostAfter => {
                work.await?;
                Err(StoreError::Unknown(format!("simulated: the answer to {call} was lost")))
            }
            Fate::DieAfter => {
                let _ = work.await;
                pending().await
            }
        }
    }

    async fn write(&self, batch: Batch) -> Result<Vec<CommitOutcome>, StoreError> {
        let (id, sets) = (batch.id, batch.sets.clone());
        let outcomes = self.inner.commit(batch).await?;
        let mut shadow = lock(&self.shadow);
        if outcomes.contains(&CommitOutcome::Committed) && shadow.opens(id) {
            for ((command, set), outcome) in sets.into_iter().zip(&outcomes) {
                if *outcome == CommitOutcome::Committed {
                    shadow.apply(set, self.ids.cause(command));
                }
            }
        }
        Ok(outcomes)
    }
}

#[async_trait]
impl Store for SimStore {
    async fn load(&self, keys: &HashSet<Key>) -> Result<View, StoreError> {
        let view = self.call("load", self.inner.load(keys)).await?;
        lock(&self.memory).read(&view);
        Ok(view)
    }

    fn recall(&self, keys: &HashSet<Key>) -> Option<View> {
        // In memory it is there at once.
        let mut asked = self.inner.clock();
        let told = asked.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        let Poll::Ready(Ok((now, gaps))) = told else { return None };
        lock(&self.memory).recall(keys, now, gaps)
    }

    async fn commit(&self, batch: Batch) -> Result<Vec<CommitOutcome>, StoreError> {
        self.call("commit", self.write(batch)).await
    }

    async fn outcome(&self, batch: Uuid) -> Result<Option<Vec<CommitOutcome>>, StoreError> {
        self.call("outcome", self.inner.outcome(batch)).await
    }

    async fn now(&self) -> Result<Timestamp, StoreError> {
        self.call("now", self.inner.now()).await
    }

    async fn clock(&self) -> Result<(Timestamp, Gaps), StoreError> {
        self.call("clock", self.inner.clock()).await
    }

    async fn lease_timers(&self, lease: Lease, limit: u32) -> Result<Vec<Timer>, StoreError> {
        self.call("lease_timers", self.inner.lease_timers(lease, limit)).await
    }

    async fn lease_effects(&self, lease: Lease, limit: u32) -> Result<Vec<Effect>, StoreError> {
        self.call("lease_effects", self.inner.lease_effects(lease, limit)).await
    }

    async fn lease_job(&self, name: &str, lease: Lease) -> Result<bool, StoreError> {
        self.call("lease_job", self.inner.lease_job(name, lease)).await
    }

    async fn release_leases(&self, owner: Uuid) -> Result<(), StoreError> {
        self.call("release_leases", self.inner.release_leases(owner)).await
    }

    async fn dead_effects(&self, limit: u32) -> Result<Vec<DeadEffect>, StoreError> {
        self.call("dead_effects", self.inner.dead_effects(limit)).await
    }

    async fn dues(&self) -> Result<Dues, StoreError> {
        self.call("dues", self.inner.dues()).await
    }

    async fn heartbeat(&self, server: Uuid) -> Result<(), StoreError> {
        self.call("heartbeat", self.inner.heartbeat(server)).await
    }

    async fn last_heartbeat(&self) -> Result<Option<Timestamp>, StoreError> {
        self.call("last_heartbeat", self.inner.last_heartbeat()).await
    }

    async fn forget(&self, limit: u32) -> Result<u64, StoreError> {
        self.call("forget", self.inner.forget(limit)).await
    }

    async fn secret(&self, name: &str, fresh: [u8; 32]) -> Result<[u8; 32], StoreError> {
        self.call("secret", self.inner.secret(name, fresh)).await
    }

    async fn note(&self, name: &str) -> Result<Option<String>, StoreError> {
        self.call("note", self.inner.note(name)).await
    }

    async fn set_note(&self, name: &str, value: &str) -> Result<(), StoreError> {
        self.call("set_note", self.inner.set_note(name, value)).await
    }

    async fn events_after(
        &self,
        position: u64,
        limit: u32,
    ) -> Result<Vec<SealedEvent>, StoreError> {
        self.call("events_after", self.inner.events_after(position, limit)).await
    }

    async fn events_for(
        &self,
        did: &Did,
        position: u64,
        limit: u32,
    ) -> Result<Vec<SealedEvent>, StoreError> {
        self.call("events_for", self.inner.events_for(did, position, limit)).await
    }

    async fn feed_head(&self) -> Result<u64, StoreError> {
        self.call("feed_head", self.inner.feed_head()).await
    }

    async fn await_events(&self, position: u64) {
        self.inner.await_events(position).await;
    }

    fn is_shared(&self) -> bool {
        true
    }

    async fn order(&self, id: OrderId) -> Result<Option<Arc<Order>>, StoreError> {
        self.call("order", self.inner.order(id)).await
    }

    async fn orders(&self, filter: &OrderFilter) -> Result<Page<Arc<Order>>, StoreError> {
        self.call("orders", self.inner.orders(filter)).await
    }

    async fn all_orders(
        &self,
        status: Option<OrderStatus>,
        cursor: Option<u64>,
        limit: u32,
    ) -> Result<Page<Arc<Order>>, StoreError> {
        self.call("all_orders", self.inner.all_orders(status, cursor, limit)).await
    }

    async fn blob(
        &self,
        order: OrderId,
        sha256: [u8; 32],
    ) -> Result<Option<Arc<[u8]>>, StoreError> {
        self.call("blob", self.inner.blob(order, sha256)).await
    }

    async fn listing(&self, id: ListingId) -> Result<Option<Arc<Listing>>, StoreError> {
        self.call("listing", self.inner.listing(id)).await
    }

    async fn active_listings(
        &self,
        cursor: Option<u64>,
        limit: u32,
    ) -> Result<Page<(Arc<Listing>, Arc<Agent>)>, StoreError> {
        self.call("active_listings", self.inner.active_listings(cursor, limit)).await
    }

    async fn listings_of(
        &self,
        provider: &Did,
        cursor: Option<u64>,
        limit: u32,
    ) -> Result<Page<Arc<Listing>>, StoreError> {
        self.call("listings_of", self.inner.listings_of(provider, cursor, limit)).await
    }

    async fn agent(&self, did: &Did) -> Result<Option<Arc<Agent>>, StoreError> {
        self.call("agent", self.inner.agent(did)).await
    }

    async fn api_key(&self, sha256: &[u8; 32]) -> Result<Option<Arc<ApiKey>>, StoreError> {
        self.call("api_key", self.inner.api_key(sha256)).await
    }

    async fn api_keys(&self, agent: &Did, limit: u32) -> Result<Vec<Arc<ApiKey>>, StoreError> {
        self.call("api_keys", self.inner.api_keys(agent, limit)).await
    }

    async fn motion(&self, id: Uuid) -> Result<Option<Arc<Motion>>, StoreError> {
        self.call("motion", self.inner.motion(id)).await
    }

    async fn motions(
        &self,
        before: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<Arc<Motion>>, StoreError> {
        self.call("motions", self.inner.motions(before, limit)).await
    }

    async fn task(&self, key: &TaskKey) -> Result<Option<Arc<Task>>, StoreError> {
        self.call("task", self.inner.task(key)).await
    }

    async fn tasks(
        &self,
        owner: &Did,
        after: Option<&Task>,
        limit: u32,
    ) -> Result<Vec<Arc<Task>>, StoreError> {
        self.call("tasks", self.inner.tasks(owner, after, limit)).await
    }

    async fn lasting_tasks(
        &self,
        owner: Option<&Did>,
        after: Option<&TaskKey>,
        limit: u32,
    ) -> Result<Vec<Arc<Task>>, StoreError> {
        self.call("lasting_tasks", self.inner.lasting_tasks(owner, after, limit)).await
    }

    async fn reviews_of(
        &self,
        agent: &Did,
        cursor: Option<u64>,
        limit: u32,
    ) -> Result<Page<Arc<OrderReviews>>, StoreError> {
        self.call("reviews_of", self.inner.reviews_of(agent, cursor, limit)).await
    }

    async fn reviews(&self, order: OrderId) -> Result<Option<Arc<OrderReviews>>, StoreError> {
        self.call("reviews", self.inner.reviews(order)).await
    }

    async fn exposure(&self, seller: &Did) -> Result<Amount, StoreError> {
        self.call("exposure", self.inner.exposure(seller)).await
    }

    async fn wallet(&self, did: &Did) -> Result<WalletSums, StoreError> {
        self.call("wallet", self.inner.wallet(did)).await
    }

    async fn statement(
        &self,
        did: &Did,
        cursor: Option<u64>,
        limit: u32,
    ) -> Result<Page<StatementLine>, StoreError> {
        self.call("statement", self.inner.statement(did, cursor, limit)).await
    }

    async fn payouts_due(
        &self,
        limit: u32,
    ) -> Result<Vec<(Did, PayoutPolicy, Amount)>, StoreError> {
        self.call("payouts_due", self.inner.payouts_due(limit)).await
    }

    async fn account_sum(&self, account: &Account) -> Result<Amount, StoreError> {
        self.call("account_sum", self.inner.account_sum(account)).await
    }

    async fn open_escrow(&self) -> Result<Amount, StoreError> {
        self.call("open_escrow", self.inner.open_escrow()).await
    }

    async fn teg_position(&self) -> Result<TegPosition, StoreError> {
        self.call("teg_position", self.inner.teg_position()).await
    }

    async fn open_withdrawals(
        &self,
        after: Option<WithdrawalId>,
        limit: u32,
    ) -> Result<Vec<Arc<Withdrawal>>, StoreError> {
        self.call("open_withdrawals", self.inner.open_withdrawals(after, limit)).await
    }

    async fn liabilities(&self, sink: LiabilitySink) -> Result<LiabilitiesAt, StoreError> {
        self.call("liabilities", self.inner.liabilities(sink)).await
    }

    async fn audit(&self) -> Result<Audit, StoreError> {
        self.call("audit", self.inner.audit()).await
    }
}
