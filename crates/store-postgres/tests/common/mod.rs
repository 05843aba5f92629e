//! A database of its own for each test, on the one server of the tests.

use std::sync::Arc;

use marketplace_contract_kit::ManualClock;
use marketplace_postgres_cluster::{Database, Template, shared};
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
pub fn database() -> Database {
    let fill = |url: &str| {
        apart(async { migrate(url).await.expect("it migrates") });
    };
    let template = Template { content: &schema(), fill: &fill };
    shared().database(template).expect("a database")
}

/// A store on it, with a clock that is moved by hand.
pub async fn open(database: &Database, clock: &ManualClock) -> PostgresStore {
    let clock = clock.clone();
    let given: marketplace_store_postgres::Clock = Arc::new(move || clock.now());
    let options = Options { clock: Some(given), ..Options::default() };
    PostgresStore::open(&database.url(), options).await.expect("it opens")
}
