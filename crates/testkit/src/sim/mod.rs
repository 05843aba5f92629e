//! The deterministic simulator: the real engine over the in-memory store and the fake TEG, with
//! agents that behave well and badly, servers that crash at every call, and a clock that leaps.
//!
//! One seed determines a run, down to the last line of its trace. Three things make it so:
//!
//! * Chance comes from one generator ([`rng`]), time from one clock, ids from one stream.
//! * Everything runs on one thread. Every call of the engine to the outside stops at a [`gate`];
//!   the scheduler opens one at a time, says what becomes of it, and goes on when nobody can move
//!   any more. tokio's own clock is paused: sleeping is how the scheduler waits for that.
//! * What it finds is judged by books that share no code with engine and stores: [`shadow`] keeps
//!   money and rows from the admitted change sets, [`attempts`] keeps what clients were told,
//!   [`life`] knows which end an order may come to, and [`judge`] counts every token in the end.

mod agents;
mod attempts;
mod coverage;
mod dispute_store;
mod edges;
mod gate;
mod ids;
mod judge;
mod life;
mod many;
mod memory;
mod ops;
mod options;
mod quarrels;
mod rng;
mod schedule;
mod shadow;
mod store;
mod trace;
mod world;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use coverage::Coverage;
pub use many::{Sums, run_many};
pub use options::Options;
pub(crate) use rng::Rng;

/// What a run found.
#[derive(Clone, Debug)]
pub struct Report {
    /// What it was asked to do.
    pub options: Options,
    /// Over every line of the trace: the same seed gives the same hash.
    pub hash: u64,
    /// Lines of the trace.
    pub lines: u64,
    /// Change sets that were committed.
    pub commands: u64,
    /// What happened how often.
    pub coverage: Coverage,
    /// One line for each order: how it ended.
    pub orders: Vec<String>,
    /// What is wrong, with the last lines before it was found.
    pub failure: Option<Failure>,
}

/// A broken promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What is wrong.
    pub what: String,
    /// The last lines of the trace.
    pub trace: Vec<String>,
}

/// Runs one seed, on a runtime of its own.
///
/// # Panics
/// When no runtime can be made.
#[must_use]
pub fn run(options: Options) -> Report {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime of one thread needs nothing");
    runtime.block_on(schedule::Run::new(options).whole())
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Who panicked with the lock is reported by its own task.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
