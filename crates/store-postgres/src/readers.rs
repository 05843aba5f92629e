//! Connections for everything but commits: queries, leases, signs of life. They never wait behind
//! a commit, and a commit never behind them.

use std::time::Duration;

use deadpool::Runtime;
use diesel_async::pooled_connection::deadpool::{Object, Pool};
use diesel_async::pooled_connection::{
    AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod,
};
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use futures::FutureExt;

use crate::OpenError;
use crate::connect::Connector;
use crate::failure::Failure;
use crate::only_postgres;

/// Who waits longer for a connection is told to come again.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection from the pool; goes back by itself.
pub(crate) type Reader = Object<AsyncPgConnection>;

/// The pool.
#[derive(Clone)]
pub(crate) struct Readers(Pool<AsyncPgConnection>);

impl std::fmt::Debug for Readers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Readers").field(&self.0.status()).finish()
    }
}

impl Readers {
    pub(crate) fn new(connector: &Connector, size: usize) -> Result<Self, OpenError> {
        let mut config = ManagerConfig::default();
        config.recycling_method = RecyclingMethod::Fast;
        let connector = connector.clone();
        config.custom_setup = Box::new(move |_| {
            let connector = connector.clone();
            async move {
                let opened = async {
                    let mut connection = connector.diesel().await?;
                    connection.batch_execute(only_postgres::PLAN_BY_KEYS).await?;
                    Ok(connection)
                };
                opened.await.map_err(|failure: Failure| {
                    diesel::ConnectionError::BadConnection(failure.to_string())
                })
            }
            .boxed()
        });
        // The address is the connector's: what the manager passes on is not read.
        let manager = AsyncDieselConnectionManager::new_with_config(String::new(), config);
        let pool = Pool::builder(manager)
            .max_size(size)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(PATIENCE))
            .build()
            .map_err(|error| OpenError::Database { reason: error.to_string() })?;
        Ok(Self(pool))
    }

    /// A connection; the database may have ended it since it was last used.
    pub(crate) async fn get(&self) -> Result<Reader, Failure> {
        self.0.get().await.map_err(|error| Failure::unavailable(error.to_string()))
    }

    pub(crate) fn close(&self) {
        self.0.close();
    }
}

/// Runs `$work`, an expression over the connection `$connection`, on a connection of the pool;
/// again on another when that one turns out to be gone. Only for what may be done twice.
macro_rules! on_reader {
    ($readers:expr, $connection:ident => $work:expr) => {{
        let mut gone = 0;
        loop {
            let mut reader = match $readers.get().await {
                Ok(reader) => reader,
                Err(failure) => break Err(marketplace_ports::StoreError::from(failure)),
            };
            let $connection: &mut diesel_async::AsyncPgConnection = &mut reader;
            let done: Result<_, $crate::failure::Failure> = $work.await;
            match done {
                Err(failure) if failure.is_lost() && gone < $crate::failure::MOST_GONE => gone += 1,
                done => break done.map_err(marketplace_ports::StoreError::from),
            }
        }
    }};
}
pub(crate) use on_reader;
