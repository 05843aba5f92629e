//! The contract that every store keeps.

use std::sync::Arc;

use async_trait::async_trait;
use marketplace_contract_kit::{ManualClock, StoreUnderTest, store_contract};
use marketplace_ports::Store;
use marketplace_store_sqlite::SqliteStore;
use tempfile::TempDir;

struct Subject {
    // Dropped before its folder.
    store: Option<Arc<SqliteStore>>,
    clock: ManualClock,
    folder: TempDir,
}

impl Subject {
    fn open(&self) -> Option<Arc<SqliteStore>> {
        let clock = self.clock.clone();
        let path = self.folder.path().join("data").join("marketplace.db");
        let store = SqliteStore::open(path, Arc::new(move || clock.now())).expect("it opens");
        Some(Arc::new(store))
    }
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
        self.store = self.open();
    }
}

async fn fresh() -> Subject {
    let folder = tempfile::tempdir().expect("a folder");
    let mut subject = Subject { store: None, clock: ManualClock::default(), folder };
    subject.store = subject.open();
    subject
}

store_contract!(fresh);
