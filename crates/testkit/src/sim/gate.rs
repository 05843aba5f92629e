//! Every call of the engine to the outside stops at a gate; the scheduler opens one at a time and
//! decides what happens to it. So every interleaving of commands, workers, replicas and crashes
//! can happen, and the seed alone says which one does.

use std::collections::BTreeSet;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fate {
    /// Nothing unusual.
    Pass,
    /// Refused for good; nothing is done.
    Refuse,
    /// Nothing is done, and the answer says so.
    Unavailable,
    /// The same: too many requests, with the time to come back.
    Throttled,
    /// The same: our token was too old, and no new one was to be had.
    Expired,
    /// Nothing is done, and the answer is lost.
    LostBefore,
    /// It is done, and the answer is lost.
    LostAfter,
    /// The answer is lost, and it is done later.
    LostLate,
    /// It is done twice.
    Duplicate,
    /// It is done, and its caller dies before it hears of it.
    DieAfter,
}

/// Whom a call goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Port {
    Store,
    Teg,
    Web,
}

/// A call at the gate.
#[derive(Debug)]
pub(crate) struct Waiting {
    /// Which life of which replica made it.
    pub(crate) life: u32,
    pub(crate) port: Port,
    pub(crate) call: &'static str,
    /// It waits at least until this turn: somebody is slow.
    pub(crate) not_before: u32,
    answer: oneshot::Sender<Fate>,
}

impl Waiting {
    pub(crate) fn release(self, fate: Fate) {
        // The caller may have been cancelled meanwhile.
        let _ = self.answer.send(fate);
    }
}

#[derive(Debug, Default)]
struct Inner {
    waiting: Vec<Waiting>,
    dead: BTreeSet<u32>,
}

/// Shared by all edges of all replicas.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gate(Arc<Mutex<Inner>>);

impl Gate {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the scheduler. Calls of the dead wait for ever.
    pub(crate) async fn pass(&self, life: u32, port: Port, call: &'static str) -> Fate {
        let (answer, fate) = oneshot::channel();
        {
            let mut inner = self.inner();
            if !inner.dead.contains(&life) {
                inner.waiting.push(Waiting { life, port, call, not_before: 0, answer });
            }
        }
        match fate.await {
            Ok(fate) => fate,
            Err(_) => pending().await,
        }
    }

    /// How many calls wait that nobody holds up in this turn.
    pub(crate) fn ready(&self, turn: u32) -> usize {
        let mut inner = self.inner();
        inner.waiting.retain(|waiting| !waiting.answer.is_closed());
        inner.waiting.iter().filter(|waiting| waiting.not_before <= turn).count()
    }

    /// Takes one of those, by its place in the order of arrival.
    pub(crate) fn take(&self, turn: u32, index: usize) -> Option<Waiting> {
        let mut inner = self.inner();
        let mut ready = inner.waiting.iter().enumerate().filter(|(_, w)| w.not_before <= turn);
        let place = ready.nth(index)?.0;
        Some(inner.waiting.remove(place))
    }

    /// Puts one back that shall wait.
    pub(crate) fn hold(&self, waiting: Waiting, until: u32) {
        let waiting = Waiting { not_before: until, ..waiting };
        self.inner().waiting.push(waiting);
    }

    /// A whole server stands still: everything that it called for has to wait.
    pub(crate) fn freeze(&self, life: u32, until: u32) {
        let mut inner = self.inner();
        let own = inner.waiting.iter_mut().filter(|waiting| waiting.life == life);
        own.for_each(|waiting| waiting.not_before = until);
    }

    /// Ends a life: its calls so far are handed over, later ones never return.
    pub(crate) fn kill(&self, life: u32) -> Vec<Waiting> {
        let mut inner = self.inner();
        inner.dead.insert(life);
        let waiting = std::mem::take(&mut inner.waiting);
        let (of_life, others) = waiting.into_iter().partition(|waiting| waiting.life == life);
        inner.waiting = others;
        of_life
    }
}
