//! The port: what changes goes to the writer, what reads goes to the readers.

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, PoisonError};

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

use crate::books::{Books, SharedGaps};
use crate::cache::SharedCache;
use crate::clock::{Clock, StoreClock};
use crate::database::Place;
use crate::readers::Readers;
use crate::writer::Writer;
use crate::{
    OpenError, api_keys, audit, edges, event_lists, lease, money, motions, orders, reviews,
    servers, tasks,
};

/// A marketplace's state in one SQLite file.
///
/// Dropping it ends the queued work and closes the file; killing the process loses nothing that
/// was answered.
#[derive(Debug)]
pub struct SqliteStore {
    writer: Writer,
    pub(crate) readers: Readers,
    clock: Arc<StoreClock>,
    gaps: SharedGaps,
    cache: SharedCache,
    feed: watch::Receiver<u64>,
    place: Arc<Place>,
}

impl SqliteStore {
    /// Opens the database file, or makes it with its folder, and brings it to the newest
    /// migration. Blocks while it does.
    ///
    /// # Errors
    /// When another server has the file, or it cannot be used.
    pub fn open(path: impl AsRef<Path>, clock: Clock) -> Result<Self, OpenError> {
        let place = Arc::new(Place::prepare(path.as_ref())?);
        let clock = Arc::new(StoreClock::new(clock));
        let books = Books::open(Arc::clone(&place), Arc::clone(&clock))?;
        let gaps = Arc::clone(&books.gaps);
        let cache = books.cache.clone();
        let feed = books.feed.subscribe();
        let readers = Readers::start(&place)?;
        let writer = Writer::start(books)?;
        Ok(Self { writer, readers, clock, gaps, cache, feed, place })
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn load(&self, keys: &HashSet<Key>) -> Result<View, StoreError> {
        let keys = keys.clone();
        self.writer.call(move |books| books.view(&keys)).await
    }

    fn recall(&self, keys: &HashSet<Key>) -> Option<View> {
        let view = self.cache.lock().recall_all(keys)?;
        let gaps = self.gaps.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Some(View { now: self.clock.now(), gaps, ..view })
    }

    async fn commit(&self, batch: Batch) -> Result<Vec<CommitOutcome>, StoreError> {
        self.writer.call(move |books| books.commit(batch)).await
    }

    async fn outcome(&self, batch: Uuid) -> Result<Option<Vec<CommitOutcome>>, StoreError> {
        // Behind the commit in the queue: an answer of nothing is final.
        self.writer.call(move |books| books.outcome(batch)).await
    }

    async fn now(&self) -> Result<Timestamp, StoreError> {
        Ok(self.clock.now())
    }

    async fn clock(&self) -> Result<(Timestamp, Gaps), StoreError> {
        let gaps = self.gaps.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok((self.clock.now(), gaps))
    }

    async fn lease_timers(&self, lease: Lease, limit: u32) -> Result<Vec<Timer>, StoreError> {
        self.writer.call(move |books| books.lease_timers(lease, limit)).await
    }

    async fn lease_effects(&self, lease: Lease, limit: u32) -> Result<Vec<Effect>, StoreError> {
        self.writer.call(move |books| books.lease_effects(lease, limit)).await
    }

    async fn dead_effects(&self, limit: u32) -> Result<Vec<DeadEffect>, StoreError> {
        self.readers.read(move |connection| lease::dead_effects(connection, limit)).await
    }

    async fn lease_job(&self, name: &str, lease: Lease) -> Result<bool, StoreError> {
        let name = name.to_owned();
        self.writer.call(move |books| Ok(books.lease_job(&name, lease))).await
    }

    async fn release_leases(&self, owner: Uuid) -> Result<(), StoreError> {
        self.writer.call(move |books| books.release_leases(owner)).await
    }

    async fn dues(&self) -> Result<Dues, StoreError> {
        let now = self.clock.now();
        self.readers.read(move |connection| lease::dues(connection, now)).await
    }

    async fn heartbeat(&self, server: Uuid) -> Result<(), StoreError> {
        self.writer.call(move |books| books.heartbeat(server)).await
    }

    async fn last_heartbeat(&self) -> Result<Option<Timestamp>, StoreError> {
        self.writer.call(|books| books.heard_of()).await
    }

    /// Every commit forgets a few.
    async fn forget(&self, _limit: u32) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn secret(&self, name: &str, fresh: [u8; 32]) -> Result<[u8; 32], StoreError> {
        let name = name.to_owned();
        self.writer.call(move |books| books.secret(&name, fresh)).await
    }

    async fn note(&self, name: &str) -> Result<Option<String>, StoreError> {
        let name = name.to_owned();
        self.readers.read(move |connection| servers::note(connection, &name)).await
    }

    async fn set_note(&self, name: &str, value: &str) -> Result<(), StoreError> {
        let (name, value) = (name.to_owned(), value.to_owned());
        self.writer.call(move |books| books.set_note(&name, &value)).await
    }

    async fn events_after(
        &self,
        position: u64,
        limit: u32,
    ) -> Result<Vec<SealedEvent>, StoreError> {
        self.readers.read(move |connection| orders::events_after(connection, position, limit)).await
    }

    async fn events_for(
        &self,
        did: &Did,
        position: u64,
        limit: u32,
    ) -> Result<Vec<SealedEvent>, StoreError> {
        let did = did.clone();
        let query =
            move |connection: &mut _| event_lists::events_for(connection, &did, position, limit);
        self.readers.read(query).await
    }

    async fn feed_head(&self) -> Result<u64, StoreError> {
        self.readers.read(orders::feed_head).await
    }

    async fn await_events(&self, position: u64) {
        // The sender lives in the writer: should it be gone, nothing will come any more.
        if self.feed.clone().wait_for(|head| *head > position).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// The file belongs to one server.
    fn is_shared(&self) -> bool {
        false
    }

    async fn order(&self, id: OrderId) -> Result<Option<Arc<Order>>, StoreError> {
        self.readers.read(move |connection| orders::order(connection, id)).await
    }

    async fn orders(&self, filter: &OrderFilter) -> Result<Page<Arc<Order>>, StoreError> {
        let filter = filter.clone();
        self.readers.read(move |connection| orders::orders(connection, &filter)).await
    }

    async fn all_orders(
        &self,
        status: Option<OrderStatus>,
        cursor: Option<u64>,
        limit: u32,
    ) -> Result<Page<Arc<Order>>, StoreError> {
        let query = move |connection: &mut _| orders::all_orders(connection, status, cursor, limit);
        self.readers.read(query).await
    }

    async fn blob(
        &self,
        order: OrderId,
        sha256: [u8; 32],
    ) -> Result<Option<Arc<[u8]>>, StoreError> {
        self.readers.read(move |connection| orders::blob(connection, order, &sha256)).await
    }

    async fn listing(&self, id: ListingId) -> Result<Option<Arc<Listing>>, StoreError> {
        self.readers.read(move |connection| orders::listing(connection, id)).await
    }

    async fn active_listings(
        &self,
        cursor: Option<u64>,
        limit: u32,
    ) -> Result<Page<(Arc<Listing>, Arc<Agent>)>, StoreError> {
        self.readers
            .read(move |connection| orders::active_listings(connection, cursor, limit))
            .await
    }

    async fn listings_of(
        &self,
        provider: &Did,
        cursor: Option<u64>,
        limit: u32,
    ) -> Result<Page<Arc<Listing>>, StoreError> {
        let did = provider.clone();
        let query = move |connection: &mut _| orders::listings_of(connection, &did, cursor, limit);
        self.readers.read(query).await
    }

    async fn agent(&self, did: &Did) -> Result<Option<Arc<Agent>>, StoreError> {
        let did = did.clone();
        self.readers.read(move |connection| orders::agent(connection, &did)).await
    }

    async fn api_key(&self, sha256: &[u8; 32]) -> Result<Option<Arc<ApiKey>>, StoreError> {
        let sha256 = *sha256;
        self.readers.read(move |connection| api_keys::by_secret(connection, &sha256)).await
    }

    async fn api_keys(&self, agent: &Did, limit: u32) -> Result<Vec<Arc<ApiKey>>, StoreError> {
        let agent = agent.clone();
        self.readers.read(move |connection| api_keys::of_agent(connection, &agent, limit)).await
    }

    async fn motion(&self, id: Uuid) -> Result<Option<Arc<Motion>>, StoreError> {
        self.readers.read(move |connection| motions::by_id(connection, id)).await
    }

    async fn motions(
        &self,
        before: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<Arc<Motion>>, StoreError> {
        self.readers.read(move |connection| motions::before(connection, before, limit)).await
    }

    async fn task(&self, key: &TaskKey) -> Result<Option<Arc<Task>>, StoreError> {
        let key = key.clone();
        self.readers.read(move |connection| tasks::by_key(connection, &key)).await
    }

    async fn tasks(
        &self,
        owner: &Did,
        after: Option<&Task>,
        limit: u32,
    ) -> Result<Vec<Arc<Task>>, StoreError> {
        let (owner, after) = (owner.clone(), after.cloned());
        let read =
            move |connection: &mut _| tasks::of_owner(connection, &owner, after.as_ref(), limit);
        self.readers.read(read).await
    }

    async fn lasting_tasks(
        &self,
        owner: Option<&Did>,
        after: Option<&TaskKey>,
        limit: u32,
    ) -> Result<Vec<Arc<Task>>, StoreError> {
        let (owner, after) = (owner.cloned(), after.cloned());
        let read = move |connection: &mut _| {
            tasks::lasting(connection, owner.as_ref(), after.as_ref(), limit)
        };
        self.readers.read(read).await
    }

    async fn reviews_of(
        &self,
        agent: &Did,
        cursor: Option<u64>,
        limit: u32,
    ) -> Result<Page<Arc<OrderReviews>>, StoreError> {
        let agent = agent.clone();
        let query = move |connection: &mut _| reviews::of_agent(connection, &agent, cursor, limit);
        self.readers.read(query).await
    }

    async fn reviews(&self, order: OrderId) -> Result<Option<Arc<OrderReviews>>, StoreError> {
        self.readers.read(move |connection| reviews::of_order(connection, order)).await
    }

    async fn exposure(&self, seller: &Did) -> Result<Amount, StoreError> {
        let seller = seller.clone();
        self.readers.read(move |connection| money::exposure(connection, &seller)).await
    }

    async fn wallet(&self, did: &Did) -> Result<WalletSums, StoreError> {
        let did = did.clone();
        self.readers.read(move |connection| money::wallet(connection, &did)).await
    }

    async fn statement(
        &self,
        did: &Did,
        cursor: Option<u64>,
        limit: u32,
    ) -> Result<Page<StatementLine>, StoreError> {
        let did = did.clone();
        self.readers.read(move |connection| money::statement(connection, &did, cursor, limit)).await
    }

    async fn payouts_due(
        &self,
        limit: u32,
    ) -> Result<Vec<(Did, PayoutPolicy, Amount)>, StoreError> {
        self.readers.read(move |connection| money::payouts_due(connection, limit)).await
    }

    async fn account_sum(&self, account: &Account) -> Result<Amount, StoreError> {
        let account = account.clone();
        self.readers.read(move |connection| money::account_sum(connection, &account)).await
    }

    async fn open_escrow(&self) -> Result<Amount, StoreError> {
        self.readers.read(money::open_escrow).await
    }

    async fn teg_position(&self) -> Result<TegPosition, StoreError> {
        self.readers.read(edges::teg_position).await
    }

    async fn open_withdrawals(
        &self,
        after: Option<WithdrawalId>,
        limit: u32,
    ) -> Result<Vec<Arc<Withdrawal>>, StoreError> {
        self.readers.read(move |connection| edges::open_withdrawals(connection, after, limit)).await
    }

    async fn liabilities(&self, sink: LiabilitySink) -> Result<LiabilitiesAt, StoreError> {
        edges::liabilities(Arc::clone(&self.place), Arc::clone(&self.clock), sink).await
    }

    async fn retire(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.writer.call(move |books| books.retire(before, limit)).await
    }

    async fn audit(&self) -> Result<Audit, StoreError> {
        audit::run(Arc::clone(&self.place), self.clock.now()).await
    }
}
