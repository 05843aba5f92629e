//! The store of a world, by one switch: `MARKETPLACE_TEST_STORE` is `memory` (as without it),
//! `sqlite` or `postgres`. Worlds with planned faults, and those in which tokio's time stands
//! still, are always in memory.

use std::sync::Arc;

use marketplace_contract_kit::{ManualClock, MemoryStore};
use marketplace_ports::Store;
use marketplace_postgres_cluster::{Database, Template, shared};
use marketplace_store_postgres::{Options, PostgresStore, migrate, schema};
use marketplace_store_sqlite::SqliteStore;
use tempfile::TempDir;

const SWITCH: &str = "MARKETPLACE_TEST_STORE";

/// A store, and what it is in; that goes last.
pub(crate) struct Kept {
    memory: Option<MemoryStore>,
    store: Arc<dyn Store>,
    _place: Place,
}

enum Place {
    Nowhere,
    Folder { _folder: TempDir },
    Server { _database: Database },
}

impl Kept {
    pub(crate) fn in_memory(clock: &ManualClock) -> Self {
        let memory = MemoryStore::new(clock.clone());
        let store = Arc::new(memory.clone());
        Self { memory: Some(memory), store, _place: Place::Nowhere }
    }

    /// As the switch says.
    pub(crate) async fn by_switch(clock: &ManualClock) -> Self {
        match std::env::var(SWITCH).unwrap_or_default().as_str() {
            "" | "memory" => Self::in_memory(clock),
            "sqlite" => Self::in_sqlite(clock),
            "postgres" => Self::in_postgres(clock).await,
            other => panic!("{SWITCH}={other}: memory, sqlite or postgres"),
        }
    }

    fn in_sqlite(clock: &ManualClock) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = clock.clone();
        let store =
            SqliteStore::open(folder.path().join("market.db"), Arc::new(move || clock.now()));
        let store = Arc::new(store.unwrap());
        Self { memory: None, store, _place: Place::Folder { _folder: folder } }
    }

    async fn in_postgres(clock: &ManualClock) -> Self {
        let database = tokio::task::spawn_blocking(|| {
            let fill = |url: &str| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.unwrap().block_on(migrate(url)).unwrap();
            };
            shared().database(Template { content: &schema(), fill: &fill }).unwrap()
        });
        let database = database.await.unwrap();
        let clock = clock.clone();
        let options = Options { clock: Some(Arc::new(move || clock.now())), ..Options::default() };
        let store = Arc::new(PostgresStore::open(&database.url(), options).await.unwrap());
        Self { memory: None, store, _place: Place::Server { _database: database } }
    }

    pub(crate) fn store(&self) -> Arc<dyn Store> {
        self.store.clone()
    }

    /// To plan faults.
    pub(crate) fn memory(&self) -> &MemoryStore {
        self.memory.as_ref().expect("a world in memory: World::in_memory")
    }
}
