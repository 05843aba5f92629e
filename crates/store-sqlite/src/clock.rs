//! The store's clock: the machine's, but never back.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use marketplace_money::Timestamp;

/// Tells the machine's time.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

pub(crate) struct StoreClock {
    machine: Clock,
    last: AtomicI64,
}

impl StoreClock {
    pub(crate) fn new(machine: Clock) -> Self {
        Self { machine, last: AtomicI64::new(i64::MIN) }
    }

    /// What the machine shows, or the latest time that was ever told or found in the database.
    pub(crate) fn now(&self) -> Timestamp {
        self.not_before((self.machine)())
    }

    /// No time before this one is told from now on.
    pub(crate) fn not_before(&self, seen: Timestamp) -> Timestamp {
        let before = self.last.fetch_max(seen.micros(), Ordering::Relaxed);
        Timestamp::from_micros(before.max(seen.micros()))
    }
}

impl fmt::Debug for StoreClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreClock").field("last", &self.last).finish_non_exhaustive()
    }
}
