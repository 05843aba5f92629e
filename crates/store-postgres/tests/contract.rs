//! The contract that every store keeps.

mod common;

use std::sync::Arc;

use async_trait::async_trait;
use marketplace_contract_kit::{ManualClock, StoreUnderTest, store_contract};
use marketplace_ports::Store;
use marketplace_postgres_cluster::Database;
use marketplace_store_postgres::PostgresStore;

struct Subject {
    // Dropped before its database.
    store: Option<Arc<PostgresStore>>,
    clock: ManualClock,
    database: Database,
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
        self.store = Some(Arc::new(common::open(&self.database, &self.clock).await));
    }

    async fn settle(&mut self) {
        self.store.as_ref().expect("open").settle().await.expect("it seals");
    }
}

async fn fresh() -> Subject {
    let (database, clock) = (common::database(), ManualClock::default());
    let store = Some(Arc::new(common::open(&database, &clock).await));
    Subject { store, clock, database }
}

store_contract!(fresh);
