//! The store itself: what it owns, and which module does what.

use std::collections::HashSet;
use std::sync::Arc;

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
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::address::Address;
use crate::clock::{Clock, StoreClock};
use crate::connect::Connector;
use crate::failure::Failure;
use crate::readers::{Readers, on_reader};
use crate::sealer::Bell;
use crate::session::Writers;
use crate::straight::Glances;
use crate::{
    OpenError, audit, catalog, commit, edges, feed, forget, import, lasting, lease, listener,
    money, months, orders, sealer, servers, view,
};

/// How a store is opened.
#[derive(Clone)]
pub struct Options {
    /// Connections for views, commits and the sealer.
    pub writers: usize,
    /// Connections for everything else.
    pub readers: usize,
    /// In place of the database's clock: for tests.
    pub clock: Option<Clock>,
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { writers, readers, clock } = self;
        let clock = clock.as_ref().map(|_| "given");
        f.debug_struct("Options")
            .field("writers", writers)
            .field("readers", readers)
            .field("clock", &clock)
            .finish()
    }
}

impl Default for Options {
    fn default() -> Self {
        Self { writers: 4, readers: 8, clock: None }
    }
}

/// Brings the schema of a database up to date; waits while another process does.
///
/// # Errors
/// When the URL cannot be used or the database refuses.
pub async fn migrate(url: &str) -> Result<(), OpenError> {
    let connector = Connector::new(url.parse::<Address>()?)?;
    let client = connector.session().await.map_err(|failure| unopened(&failure))?;
    crate::migrate::run(&client).await
}

fn unopened(failure: &Failure) -> OpenError {
    OpenError::Database { reason: failure.to_string() }
}

/// A store that any number of processes share.
#[derive(Debug)]
pub struct PostgresStore {
    connector: Connector,
    pub(crate) readers: Readers,
    writers: Writers,
    clock: StoreClock,
    bell: Bell,
    glances: Glances,
    tasks: [JoinHandle<()>; 2],
}

impl PostgresStore {
    /// Opens the database of a `postgres://` URL, at the newest migration. Seals in the background
    /// until it is dropped.
    ///
    /// # Errors
    /// When the URL cannot be used or the database refuses.
    pub async fn open(url: &str, options: Options) -> Result<Self, OpenError> {
        let connector = Connector::new(url.parse::<Address>()?)?;
        let client = connector.session().await.map_err(|failure| unopened(&failure))?;
        crate::migrate::run(&client).await?;
        if import::is_unfinished(&client).await.map_err(|failure| unopened(&failure))? {
            return Err(OpenError::Unfinished);
        }
        drop(client);
        let readers = Readers::new(&connector, options.readers)?;
        let writers = Writers::new(connector.clone(), options.writers.max(2))?;
        let bell = Bell::new();
        bell.ring();
        let tasks = [
            tokio::spawn(sealer::serve(writers.clone(), bell.clone())),
            tokio::spawn(listener::serve(connector.clone(), bell.clone())),
        ];
        let clock = StoreClock::new(options.clock);
        let glances = Glances::default();
        let store = Self { connector, readers, writers, clock, bell, glances, tasks };
        let ready: Result<(), StoreError> = on_reader!(store.readers, connection => async {
            let now = servers::now(connection, &store.clock).await?;
            months::make_ahead(connection, now).await
        });
        ready.map_err(|error| OpenError::Database { reason: error.to_string() })?;
        Ok(store)
    }

    /// Seals what is committed, so that its events have their positions: for tests and tools.
    ///
    /// # Errors
    /// When the database cannot.
    pub async fn settle(&self) -> Result<(), StoreError> {
        sealer::settle(&self.writers, &self.bell).await
    }
}

impl Drop for PostgresStore {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
        self.readers.close();
        self.writers.close();
    }
}

#[async_trait]
impl Store for PostgresStore {
    async fn load(&self, keys: &HashSet<Key>) -> Result<View, StoreError> {
        view::load(&self.writers, &self.clock, &self.glances, keys).await
    }

    fn recall(&self, keys: &HashSet<Key>) -> Option<View> {
        view::recall(&self.clock, &self.glances, keys)
    }

    async fn commit(&self, batch: Batch) -> Result<Vec<CommitOutcome>, StoreError> {
        let outcomes = commit::commit(&self.writers, &self.clock, &self.glances, batch).await?;
        self.bell.ring();
        Ok(outcomes)
    }

    async fn outcome(&self, batch: Uuid) -> Result<Option<Vec<CommitOutcome>>, StoreError> {
        commit::outcome(&self.writers, batch).await
    }

    async fn now(&self) -> Result<Timestamp, StoreError> {
        on_reader!(self.readers, connection => servers::now(connection, &self.clock))
    }

    async fn clock(&self) -> Result<(Timestamp, Gaps), StoreError> {
        on_reader!(self.readers, connection => async {
            let now = servers::now(connection, &self.clock).await?;
            Ok((now, servers::gaps(connection).await?))
        })
    }

    async fn lease_timers(&self, lease: Lease, limit: u32) -> Result<Vec<Timer>, StoreError> {
        on_reader!(self.readers, connection => async {
            let now = servers::now(connection, &self.clock).await?;
            lease::timers(connection, lease, now, limit).await
        })
    }

    async fn lease_effects(&self, lease: Lease, limit: u32) -> Result<Vec<Effect>, StoreError> {
        on_reader!(self.readers, connection => async {
            let now = servers::now(connection, &self.clock).await?;
            lease::effects(connection, lease, now, limit).await
        })
    }

    async fn lease_job(&self, name: &str, lease: Lease) -> Result<bool, StoreError> {
        on_reader!(self.readers, connection => async {
            let now = servers::now(connection, &self.clock).await?;
            lease::job(connection, name, lease, now).await
        })
    }

    async fn release_leases(&self, owner: Uuid) -> Result<(), StoreError> {
        on_reader!(self.readers, connection => async {
            let now = servers::now(connection, &self.clock).await?;
            lease::release(connection, owner, now).await
        })
    }

    async fn dead_effects(&self, limit: u32) -> Result<Vec<DeadEffect>, StoreError> {
        on_reader!(self.readers, connection => lease::dead_effects(connection, limit))
    }

    async fn dues(&self) -> Result<Dues, StoreError> {
        on_reader!(self.readers, connection => async {
            let now = servers::now(connection, &self.clock).await?;
            lease::dues(connection, now).await
        })
    }

    async fn heartbeat(&self, server: Uuid) -> Result<(), StoreError> {
        on_reader!(self.readers, connection => async {
            let now = servers::now(connection, &self.clock).await?;
            servers::heartbeat(connection, server, now).await
        })
    }

    async fn last_heartbeat(&self) -> Result<Option<Timestamp>, StoreError> {
        on_reader!(self.readers, connection => servers::last_heartbeat(connection))
    }

    async fn secret(&self, name: &str, fresh: [u8; 32]) -> Result<[u8; 32], StoreError> {
        on_reader!(self.readers, connection => servers::secret(connection, name, fresh))
    }

    async fn note(&self, name: &str) -> Result<Option<String>, StoreError> {
        on_reader!(self.readers, connection => servers::note(connection, name))
    }

    async fn set_note(&self, name: &str, value: &str) -> Result<(), StoreError> {
        on_reader!(self.readers, connection => servers::set_note(connection, name, value))
    }

    async fn events_after(
        &self,
        position: u64,
        limit: u32,
    ) -> Result<Vec<SealedEvent>, StoreError> {
        on_reader!(self.readers, connection => feed::after(connection, position, limit))
    }

    async fn events_for(
        &self,
        did: &Did,
        position: u64,
        limit: u32,
    ) -> Result<Vec<SealedEvent>, StoreError> {
        on_reader!(self.readers, connection => feed::for_one(connection, did, position, limit))
    }

    async fn feed_head(&self) -> Result<u64, StoreError> {
        on_reader!(self.readers, connection => feed::head(connection))
    }

    async fn await_events(&self, position: u64) {
        self.bell.wait(position).await;
    }

    fn is_shared(&self) -> bool {
        true
    }

    async fn order(&self, id: OrderId) -> Result<Option<Arc<Order>>, StoreError> {
        on_reader!(self.readers, connection => orders::order(connection, id))
    }

    async fn orders(&self, filter: &OrderFilter) -> Result<Page<Arc<Order>>, StoreError> {
        on_reader!(self.readers, connection => orders::orders(connection, filter))
    }

    async fn all_orders(
        &self,
        status: Option<OrderStatus>,
        cursor: Option<u64>,
        limit: u32,
    ) -> Result<Page<Arc<Order>>, StoreError> {
        on_reader!(self.readers, connection => orders::all_orders(connection, status, cursor, limit))
    }

    async fn blob(
        &self,
        order: OrderId,
        sha256: [u8; 32],
    ) -> Result<Option<Arc<[u8]>>, StoreError> {
        on_reader!(self.readers, connection => catalog::blob(connection, order, &sha256))
    }

    async fn listing(&self, id: ListingId) -> Result<Option<Arc<Listing>>, StoreError> {
        on_reader!(self.readers, connection => catalog::listing(connection, id))
    }

    async fn active_listings(
        &self,
        cursor: Option<u64>,
        limit: u32,
    ) -> Result<Page<(Arc<Listing>, Arc<Agent>)>, StoreError> {
        on_reader!(self.readers, connection => catalog::active_listings(connection, cursor, limit))
    }

    async fn listings_of(
        &self,
        provider: &Did,
        cursor: Option<u64>,
        limit: u32,
    ) -> Result<Page<Arc<Listing>>, StoreError> {
        on_reader!(self.readers, connection => catalog::listings_of(connection, provider, cursor, limit))
    }

    async fn agent(&self, did: &Did) -> Result<Option<Arc<Agent>>, StoreError> {
        on_reader!(self.readers, connection => catalog::agent(connection, did))
    }

    async fn api_key(&self, sha256: &[u8; 32]) -> Result<Option<Arc<ApiKey>>, StoreError> {
        on_reader!(self.readers, connection => catalog::api_key(connection, sha256))
    }

    async fn api_keys(&self, agent: &Did, limit: u32) -> Result<Vec<Arc<ApiKey>>, StoreError> {
        on_reader!(self.readers, connection => catalog::api_keys(connection, agent, limit))
    }

    async fn motion(&self, id: Uuid) -> Result<Option<Arc<Motion>>, StoreError> {
        on_reader!(self.readers, connection => catalog::motion(connection, id))
    }

    async fn motions(
        &self,
        before: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<Arc<Motion>>, StoreError> {
        on_reader!(self.readers, connection => catalog::motions(connection, before, limit))
    }

    async fn task(&self, key: &TaskKey) -> Result<Option<Arc<Task>>, StoreError> {
        on_reader!(self.readers, connection => catalog::task(connection, key))
    }

    async fn tasks(
        &self,
        owner: &Did,
        after: Option<&Task>,
        limit: u32,
    ) -> Result<Vec<Arc<Task>>, StoreError> {
        on_reader!(self.readers, connection => catalog::tasks(connection, owner, after, limit))
    }

    async fn lasting_tasks(
        &self,
        owner: Option<&Did>,
        after: Option<&TaskKey>,
        limit: u32,
    ) -> Result<Vec<Arc<Task>>, StoreError> {
        on_reader!(self.readers, connection => lasting::tasks(connection, owner, after, limit))
    }

    async fn reviews_of(
        &self,
        agent: &Did,
        cursor: Option<u64>,
        limit: u32,
    ) -> Result<Page<Arc<OrderReviews>>, StoreError> {
        on_reader!(self.readers, connection => catalog::reviews_of(connection, agent, cursor, limit))
    }

    async fn reviews(&self, order: OrderId) -> Result<Option<Arc<OrderReviews>>, StoreError> {
        on_reader!(self.readers, connection => catalog::reviews(connection, order))
    }

    async fn exposure(&self, seller: &Did) -> Result<Amount, StoreError> {
        on_reader!(self.readers, connection => catalog::exposure(connection, seller))
    }

    async fn wallet(&self, did: &Did) -> Result<WalletSums, StoreError> {
        on_reader!(self.readers, connection => money::wallet(connection, did))
    }

    async fn statement(
        &self,
        did: &Did,
        cursor: Option<u64>,
        limit: u32,
    ) -> Result<Page<StatementLine>, StoreError> {
        on_reader!(self.readers, connection => money::statement(connection, did, cursor, limit))
    }

    async fn payouts_due(
        &self,
        limit: u32,
    ) -> Result<Vec<(Did, PayoutPolicy, Amount)>, StoreError> {
        on_reader!(self.readers, connection => money::payouts_due(connection, limit))
    }

    async fn account_sum(&self, account: &Account) -> Result<Amount, StoreError> {
        on_reader!(self.readers, connection => money::account_sum(connection, account))
    }

    async fn open_escrow(&self) -> Result<Amount, StoreError> {
        on_reader!(self.readers, connection => money::open_escrow(connection))
    }

    async fn teg_position(&self) -> Result<TegPosition, StoreError> {
        edges::teg_position(&self.writers).await
    }

    async fn open_withdrawals(
        &self,
        after: Option<WithdrawalId>,
        limit: u32,
    ) -> Result<Vec<Arc<Withdrawal>>, StoreError> {
        edges::open_withdrawals(&self.writers, after, limit).await
    }

    async fn liabilities(&self, sink: LiabilitySink) -> Result<LiabilitiesAt, StoreError> {
        edges::liabilities(&self.writers, &self.clock, sink).await
    }

    async fn forget(&self, limit: u32) -> Result<u64, StoreError> {
        on_reader!(self.readers, connection => async {
            let now = servers::now(connection, &self.clock).await?;
            months::make_ahead(connection, now).await?;
            forget::forget(connection, now, limit).await
        })
    }

    async fn retire(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        on_reader!(self.readers, connection => forget::retire(connection, before, limit))
    }

    async fn audit(&self) -> Result<Audit, StoreError> {
        let now = self.now().await?;
        // On a connection of its own, which nobody uses after it.
        let mut connection = self.connector.diesel().await?;
        Ok(audit::run(&mut connection, now).await?)
    }
}
