//! What a server tells its own readers after a commit, its own or another server's: the catalog
//! follows, and who waits for news wakes up. Derived and lossy by design: the store is the truth.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use marketplace_listings::{Listing, ListingStatus};
use marketplace_money::{Did, Timestamp};
use marketplace_ports::{Agent, ChangeSet, EffectChange, Motion, SealedEvent, Subject};
use marketplace_search::{Blend, Dealings};
use tokio::sync::Notify;

use crate::catalog::Catalog;
use crate::dealing::Dealing;
use crate::feed::Feed;
use crate::in_force::InForce;
use crate::worker::Worked;

/// What of a change set readers want to know.
pub(crate) struct Notice {
    audience: Vec<Did>,
    listings: Vec<Arc<Listing>>,
    agents: Vec<Arc<Agent>>,
    motions: Vec<Arc<Motion>>,
    ended: Vec<Dealing>,
    work: bool,
}

impl Notice {
    pub(crate) fn of(set: &ChangeSet) -> Self {
        let mut audience: Vec<Did> = Vec::with_capacity(2);
        for did in set.events.iter().flat_map(|event| &event.audience) {
            if !audience.contains(did) {
                audience.push(did.clone());
            }
        }
        Self {
            audience,
            listings: set.listings.iter().map(|change| change.row.clone()).collect(),
            agents: set.agents.iter().map(|change| change.row.clone()).collect(),
            motions: set.motions.iter().map(|change| change.row.clone()).collect(),
            ended: set.orders.iter().filter_map(|change| Dealing::of_order(&change.row)).collect(),
            // A timer is set by every purchase, and is due in hours: the worker finds it in time.
            work: set.effects.iter().any(|change| matches!(change, EffectChange::Add(_))),
        }
    }
}

/// What the workers of this process did since its start.
#[derive(Default)]
pub(crate) struct Figures {
    timers: AtomicU64,
    effects: AtomicU64,
    transfers: AtomicU64,
    payouts: AtomicU64,
}

impl Figures {
    pub(crate) fn count(&self, worked: &Worked) {
        for (counter, count) in [
            (&self.timers, worked.timers),
            (&self.effects, worked.effects),
            (&self.transfers, worked.transfers),
            (&self.payouts, worked.payouts),
        ] {
            counter.fetch_add(u64::try_from(count).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
    }

    /// Names and counts.
    pub(crate) fn read(&self) -> [(&'static str, u64); 4] {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        [
            ("timers", read(&self.timers)),
            ("effects", read(&self.effects)),
            ("transfers", read(&self.transfers)),
            ("payouts", read(&self.payouts)),
        ]
    }
}

/// Tells readers of this server what was committed.
#[derive(Default)]
pub(crate) struct Publisher {
    pub(crate) catalog: Catalog,
    /// What operators decided.
    pub(crate) in_force: InForce,
    /// Wakes the worker: there is new work in the outbox.
    pub(crate) work: Notify,
    /// Events that have their position.
    pub(crate) feed: Arc<Feed>,
    /// From where on the feed is to be followed is known.
    pub(crate) is_marked: AtomicBool,
    pub(crate) figures: Figures,
    /// What ended orders said.
    dealings: Mutex<Dealings>,
    /// Other servers write too: what ends is heard from the feed, once for all.
    is_shared: bool,
    waiting: Mutex<HashMap<Did, Waiting>>,
    last_time: AtomicI64,
}

struct Waiting {
    notify: Arc<Notify>,
    readers: usize,
}

impl Publisher {
    pub(crate) fn new(blend: Blend, is_shared: bool) -> Self {
        Self { catalog: Catalog::new(blend), is_shared, ..Self::default() }
    }

    pub(crate) fn dealings(&self) -> MutexGuard<'_, Dealings> {
        self.dealings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The store's clock when it was last seen: good enough to order ids by.
    pub(crate) fn last_time(&self) -> Timestamp {
        Timestamp::from_micros(self.last_time.load(Ordering::Relaxed))
    }

    pub(crate) fn see_time(&self, now: Timestamp) {
        self.last_time.fetch_max(now.micros(), Ordering::Relaxed);
    }

    /// Follows a listing.
    pub(crate) fn put(&self, listing: Arc<Listing>) {
        if listing.status == ListingStatus::Delisted {
            self.dealings().forget(listing.id);
        }
        self.catalog.put(listing);
    }

    pub(crate) fn publish(&self, notice: Notice) {
        for agent in &notice.agents {
            self.catalog.set_reputation(&agent.did, agent.reputation);
        }
        for motion in &notice.motions {
            self.in_force.put(motion);
        }
        for listing in notice.listings {
            self.put(listing);
        }
        if !self.is_shared {
            notice.ended.iter().for_each(|dealing| self.learn(dealing));
        }
        if notice.work {
            self.work.notify_one();
        }
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.is_empty() {
            return;
        }
        for did in &notice.audience {
            if let Some(entry) = waiting.get(did) {
                entry.notify.notify_waiters();
            }
        }
    }

    /// The next events of the feed, whoever committed them.
    pub(crate) fn hear(&self, events: Vec<Arc<SealedEvent>>) {
        let work = |event: &Arc<SealedEvent>| {
            matches!(event.subject, Subject::Withdrawal(_) | Subject::Deposit(_))
        };
        if events.iter().any(work) {
            self.work.notify_one();
        }
        let audiences: Vec<Arc<SealedEvent>> = events.clone();
        self.feed.push(events);
        self.feed.moved.notify_waiters();
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.is_empty() {
            return;
        }
        for did in audiences.iter().flat_map(|event| &event.audience) {
            if let Some(entry) = waiting.get(did) {
                entry.notify.notify_waiters();
            }
        }
    }

    /// Everybody looks again.
    pub(crate) fn wake_everybody(&self) {
        self.feed.moved.notify_waiters();
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.values().for_each(|entry| entry.notify.notify_waiters());
    }

    /// Registers a reader for news of an agent; it is told from now until it is dropped.
    pub(crate) fn watch(self: &Arc<Self>, did: &Did) -> Watch {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = waiting
            .entry(did.clone())
            .or_insert_with(|| Waiting { notify: Arc::default(), readers: 0 });
        entry.readers += 1;
        Watch { publisher: self.clone(), did: did.clone(), notify: entry.notify.clone() }
    }
}

/// A reader that waits for news of one agent.
pub(crate) struct Watch {
    publisher: Arc<Publisher>,
    did: Did,
    pub(crate) notify: Arc<Notify>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut waiting = self.publisher.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = waiting.get_mut(&self.did) {
            entry.readers -= 1;
            if entry.readers == 0 {
                waiting.remove(&self.did);
            }
        }
    }
}
