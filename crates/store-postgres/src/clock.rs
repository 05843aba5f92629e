//! The store's clock: the database's, which all servers share, but never back.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use marketplace_money::Timestamp;

/// Tells the time in place of the database's clock: for tests.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Selects the database's clock and the latest commit's time, both in microseconds: a database
/// that took over may have a clock that is behind.
pub(crate) const CLOCK: &str = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, \
     (SELECT at FROM batches ORDER BY number DESC LIMIT 1)";

/// Remembers the latest time that this process has told.
#[derive(Clone)]
pub(crate) struct StoreClock(Arc<Inner>);

struct Inner {
    given: Option<Clock>,
    last: AtomicI64,
}

impl StoreClock {
    pub(crate) fn new(given: Option<Clock>) -> Self {
        Self(Arc::new(Inner { given, last: AtomicI64::new(i64::MIN) }))
    }

    /// The time, after the database's clock was read with `latest`, the newest time in it.
    pub(crate) fn tell(&self, database: i64, latest: Option<i64>) -> Timestamp {
        let shown = self.0.given.as_ref().map_or(database, |given| given().micros());
        let seen = latest.map_or(shown, |latest| latest.max(shown));
        let before = self.0.last.fetch_max(seen, Ordering::Relaxed);
        Timestamp::from_micros(before.max(seen))
    }
}

impl fmt::Debug for StoreClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreClock").field("last", &self.0.last).finish_non_exhaustive()
    }
}
