//! Planned faults: a closure of the test decides at each call what goes wrong. Nothing in here is
//! random, so the same decisions give the same run.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A call of a port that is about to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultPoint {
    /// The method's name, such as `commit`.
    pub call: &'static str,
    /// Which call of this method it is since the fake was made, counted from 1.
    pub number: u64,
}

/// What happens to a call of a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StoreFault {
    /// Nothing unusual.
    #[default]
    None,
    /// Nothing is written, and the answer says so: `Unavailable`.
    FailBefore,
    /// It is written, but the answer is lost: `Unknown`.
    FailAfter,
    /// Nothing is written and the call never ends: drop the caller here, as a crash would.
    HangBefore,
    /// It is written and the call never ends: drop the caller here, as a crash would.
    HangAfter,
}

/// What happens to a call of the TEG.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TegFault {
    /// Nothing unusual.
    #[default]
    None,
    /// Refused for good; nothing moved.
    Refuse,
    /// `Unavailable`; nothing moved.
    UnavailableBefore,
    /// `Unknown`, though nothing moved.
    LostBefore,
    /// `Unknown`, and it moved.
    LostAfter,
    /// It is done and answered, and the same request arrives a second time before the next call.
    Duplicate,
    /// Nothing moved and the call never ends: drop the caller here, as a crash would.
    HangBefore,
    /// It moved and the call never ends: drop the caller here, as a crash would.
    HangAfter,
}

type Decide<F> = Box<dyn FnMut(&FaultPoint) -> F + Send>;

struct Plan<F> {
    decide: Option<Decide<F>>,
    calls: BTreeMap<&'static str, u64>,
}

/// Asks the test's closure; shared by all clones of a fake.
pub(crate) struct FaultPlan<F>(Arc<Mutex<Plan<F>>>);

impl<F> Clone for FaultPlan<F> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<F> fmt::Debug for FaultPlan<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FaultPlan")
    }
}

impl<F> Default for FaultPlan<F> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Plan { decide: None, calls: BTreeMap::new() })))
    }
}

impl<F: Default> FaultPlan<F> {
    pub(crate) fn set(&self, decide: Option<Decide<F>>) {
        lock(&self.0).decide = decide;
    }

    pub(crate) fn at(&self, call: &'static str) -> F {
        let mut plan = lock(&self.0);
        let number = plan.calls.entry(call).or_default();
        *number += 1;
        let point = FaultPoint { call, number: *number };
        plan.decide.as_mut().map_or_else(F::default, |decide| decide(&point))
    }

    pub(crate) fn calls(&self, call: &'static str) -> u64 {
        lock(&self.0).calls.get(call).copied().unwrap_or_default()
    }
}

/// A test that panicked inside a fake has failed already; the others may go on.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
