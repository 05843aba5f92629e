//! A clock that stands still until a test moves it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use marketplace_money::{Seconds, Timestamp};

/// The machine's clock as a test sees it: shared by all clones, moved by hand. Like a real one it
/// can be set back; a store on top of it must not show that.
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<AtomicI64>);

impl ManualClock {
    /// A day in 2026: far enough from zero that subtracting days stays positive.
    pub const START: Timestamp = Timestamp::from_micros(1_790_000_000_000_000);

    /// Stands at `at`.
    #[must_use]
    pub fn new(at: Timestamp) -> Self {
        Self(Arc::new(AtomicI64::new(at.micros())))
    }

    /// What it shows.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }

    /// Sets it, back as well as forward.
    pub fn set(&self, at: Timestamp) {
        self.0.store(at.micros(), Ordering::SeqCst);
    }

    /// Moves it forward.
    pub fn advance(&self, by: Seconds) {
        self.advance_micros(by.micros());
    }

    /// Moves it forward by microseconds.
    pub fn advance_micros(&self, micros: i64) {
        self.0.fetch_add(micros, Ordering::SeqCst);
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new(Self::START)
    }
}
