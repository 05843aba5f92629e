//! The market at a glance: what was listed, traded, held, earned and disputed, day by day.
//!
//! Derived from the feed by each server for itself, beside the standings and from the same pages,
//! so that a look at it costs no query over orders. A note of the store keeps it for servers that
//! start, and for days whose history is put away.

mod book;
mod snapshot;

use std::sync::{Mutex, MutexGuard, PoisonError};

use marketplace_money::{Amount, Timestamp};
use marketplace_ports::{SealedEvent, StoreError};

pub use book::{Day, SETTLE_BOUNDS, SETTLE_CLASSES};

use crate::marketplace::Marketplace;
use crate::refusal::Error;
use book::Book;

/// Events that are read at once.
const PAGE: u32 = 2_000;

/// The market as one server knows it.
#[derive(Clone, Debug)]
pub struct Overview {
    /// Of which moment.
    pub at: Timestamp,
    /// Up to which event of the feed this is known.
    pub position: u64,
    /// Whether this server has read the feed to its end since it started.
    pub is_complete: bool,
    /// Listings that can be bought now.
    pub active_listings: usize,
    /// Orders that are not over.
    pub open_orders: u64,
    /// Disputes that are not over.
    pub open_disputes: u64,
    /// What open orders hold now.
    pub escrow: Amount,
    /// The last days, the oldest first, each with its begin.
    pub days: Vec<(Timestamp, Day)>,
}

#[derive(Debug, Default)]
struct Known {
    book: Book,
    /// Whether the last snapshot was looked for.
    is_begun: bool,
}

/// What this server has counted.
#[derive(Debug, Default)]
pub(crate) struct Counts(Mutex<Known>);

impl Counts {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in a page of the feed that begins behind `after`. A page that others have read
    /// already, or that leaves a hole, is not taken.
    pub(crate) fn hear(&self, after: u64, events: &[SealedEvent]) {
        let mut known = self.lock();
        if after > known.book.position {
            return;
        }
        for event in events {
            if event.position > known.book.position {
                known.book.hear(event);
            }
        }
    }
}

impl Marketplace {
    /// Brings the counts to where the standings are: these may begin with a newer snapshot.
    pub(crate) async fn count_up_to(&self, position: u64) -> Result<(), StoreError> {
        let counts = &self.inner.counts;
        if !counts.lock().is_begun {
            let kept = self.kept_counts().await?;
            let mut known = counts.lock();
            if let Some(book) = kept.filter(|book| book.position > known.book.position) {
                known.book = book;
            }
            known.is_begun = true;
        }
        loop {
            let after = counts.lock().book.position;
            if after >= position {
                return Ok(());
            }
            let events = self.store().events_after(after, PAGE).await?;
            counts.hear(after, &events);
            if events.is_empty() {
                // What lies between was put away.
                let mut known = counts.lock();
                known.book.position = known.book.position.max(position);
            }
        }
    }

    /// The market of the last `days` days, at most 400.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn overview(&self, days: u32) -> Result<Overview, Error> {
        let at = self.now().await?;
        let escrow = self.store().open_escrow().await?;
        self.count_up_to(0).await?;
        let known = self.inner.counts.lock();
        let book = &known.book;
        let days = book.last_days(at, days).into_iter();
        Ok(Overview {
            at,
            position: book.position,
            is_complete: self.inner.standings.is_complete(),
            active_listings: self.inner.publisher.catalog.len(),
            open_orders: book.open_orders,
            open_disputes: book.open_disputes,
            escrow,
            days: days.map(|(day, counted)| (book::begin_of(day), counted)).collect(),
        })
    }
}
