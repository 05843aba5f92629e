//! A database of its own for each test, on the one server of the tests.

use std::sync::Arc;

use async_trait::async_trait;
use marketplace_contract_kit::{ManualClock, StoreUnderTest};
use marketplace_ports::Store;
use marketplace_postgres_cluster::{Database, Server, Template, shared};
use marketplace_store_postgres::{Options, PostgresStore, migrate, schema};

/// Runs a future to its end on a thread and a runtime of its own.
fn apart(work: impl Future<Output = ()> + Send) {
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(work);
        });
    });
}

/// An empty, migrated database.
pub(crate) fn database() -> Database {
    database_in(&shared())
}

/// An empty, migrated database in this server.
pub(crate) fn database_in(server: &Arc<Server>) -> Database {
    let fill = |url: &str| {
        apart(async { migrate(url).await.expect("it migrates") });
    };
    let template = Template { content: &schema(), fill: &fill };
    server.database(template).expect("a database")
}

/// A store on it, with a clock that is moved by hand.
pub(crate) async fn open(database: &Database, clock: &ManualClock) -> PostgresStore {
    let clock = clock.clone();
    let given: marketplace_store_postgres::Clock = Arc::new(move || clock.now());
    let options = Options { clock: Some(given), ..Options::default() };
    PostgresStore::open(&database.url(), options).await.expect("it opens")
}

/// A store on a database of its own, for the contract suite.
pub(crate) struct Subject {
    // Dropped before its database.
    store: Option<Arc<PostgresStore>>,
    clock: ManualClock,
    database: Arc<Database>,
}

#[async_trait]
impl StoreUnderTest for Subject {
    fn store(&self) -> Arc<dyn Store> {
        self.store.clone().expect("open but in the middle of a restart")
    }

    fn clock(&self) -> ManualClock {
        self.clock.clone()
    }

    async fn reopen(&mut self) {
        let store = self.store.take().map(Arc::into_inner);
        assert!(store.flatten().is_some(), "somebody keeps the store over a restart");
        self.store = Some(Arc::new(open(&self.database, &self.clock).await));
    }

    async fn settle(&mut self) {
        self.store.as_ref().expect("open").settle().await.expect("it seals");
    }
}

impl Subject {
    pub(crate) async fn on(database: impl Into<Arc<Database>>) -> Self {
        let database = database.into();
        let clock = ManualClock::default();
        let store = Arc::new(open(&database, &clock).await);
        Self { store: Some(store), clock, database }
    }
}
