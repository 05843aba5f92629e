//! This server's copy of all standings. Derived: the feed is the truth.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use marketplace_money::{Amount, Did, Timestamp};
use marketplace_ports::{SealedEvent, StoreError};
use marketplace_reputation::{Book, Explanation, Settlement, Standing};
use tokio::sync::{Mutex, MutexGuard, OnceCell};

use super::settled::{Said, said};
use super::totals::Totals;

/// So much must have been said of an agent before our own score replaces the TEG's.
const LEAST_WEIGHT: i64 = Amount::from_avt(1).nano();

/// Everything that follows from the feed up to a position.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    pub(super) book: Book,
    pub(super) stakes: BTreeMap<Did, Amount>,
    pub(super) position: u64,
    /// What trade came to.
    pub(super) totals: Totals,
    /// Settlements so far.
    pub(super) settled: u64,
    /// Whose standing changed since somebody last asked.
    pub(super) changed: BTreeSet<Did>,
}

impl Known {
    pub(super) fn stake(&self, did: &Did) -> Amount {
        self.stakes.get(did).copied().unwrap_or_default()
    }

    /// Takes in the next event of the feed.
    fn hear(&mut self, event: &SealedEvent) {
        self.position = event.position;
        self.totals.hear(event);
        match said(event) {
            None => {}
            Some(Said::Staked { agent, stake }) => {
                self.changed.insert(agent.clone());
                self.stakes.insert(agent, stake);
            }
            Some(Said::Settled { buyer, seller, value, fee, outcome }) => {
                let (buyer_stake, seller_stake) = (self.stake(&buyer), self.stake(&seller));
                self.changed.extend([buyer.clone(), seller.clone()]);
                self.settled += 1;
                self.book.record(&Settlement {
                    buyer,
                    seller,
                    buyer_stake,
                    seller_stake,
                    value,
                    fee,
                    outcome,
                    at: event.at,
                });
            }
        }
    }
}

/// Whether enough was said of an agent for a score of its own.
pub(super) fn has_weight(standing: &Standing, now: Timestamp) -> bool {
    let weight = standing.positive.at(now).saturating_add(standing.negative.at(now));
    weight >= LEAST_WEIGHT
}

/// The standings as this server knows them.
#[derive(Debug, Default)]
pub(crate) struct Standings {
    known: RwLock<Known>,
    /// Whether the last snapshot was looked for.
    begun: OnceCell<()>,
    /// Whether the end of the feed was reached once.
    complete: AtomicBool,
    /// Held by who reads the feed: a page is read once, however many want it.
    reading: Mutex<()>,
}

impl Standings {
    fn read(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Known> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.complete.load(Ordering::Acquire)
    }

    pub(super) fn completed(&self) {
        self.complete.store(true, Ordering::Release);
    }

    pub(crate) fn position(&self) -> u64 {
        self.read().position
    }

    pub(crate) fn totals(&self) -> Totals {
        self.read().totals
    }

    pub(super) fn of(&self, did: &Did) -> (Standing, Amount) {
        let known = self.read();
        (known.book.standing(did), known.stake(did))
    }

    pub(super) fn explain(&self, did: &Did, now: Timestamp) -> Explanation {
        let known = self.read();
        known.book.explain(did, known.stake(did), now)
    }

    pub(super) fn hear(&self, events: &[SealedEvent]) {
        let mut known = self.write();
        for event in events {
            // Somebody may have read the same page at the same time.
            if event.position > known.position {
                known.hear(event);
            }
        }
    }

    /// Agents whose standing changed since the last call.
    pub(crate) fn take_changed(&self) -> BTreeSet<Did> {
        std::mem::take(&mut self.write().changed)
    }

    /// The turn to read the next page.
    pub(super) async fn one_reads(&self) -> MutexGuard<'_, ()> {
        self.reading.lock().await
    }

    /// Begins with what `restored` finds, once.
    pub(super) async fn begin<F>(&self, restored: impl FnOnce() -> F) -> Result<(), StoreError>
    where
        F: Future<Output = Result<Option<Known>, StoreError>>,
    {
        let begin = async || {
            if let Some(known) = restored().await? {
                *self.write() = known;
            }
            Ok(())
        };
        self.begun.get_or_try_init(begin).await.map(|_| ())
    }

    pub(super) fn with<T>(&self, look: impl FnOnce(&Known) -> T) -> T {
        look(&self.read())
    }
}
