//! Figures of the whole house: what every server and worker says alike, for they read one store
//! and one feed. Over several of them these are the same figures again, not summands.

use marketplace_money::Amount;
use marketplace_ports::StoreError;

use crate::edge::EdgeStop;
use crate::escrow_limit::EscrowCover;
use crate::marketplace::Marketplace;
use crate::reconcile::Reconciliation;
use crate::reputation::Totals;

/// Beyond so many nobody counts what was given up.
const MOST_DEAD: u32 = 1_000;
const MICROS: i64 = 1_000_000;

/// What is known of the house now. What the store does not tell is not there: a figure that
/// nobody knows is no zero.
#[derive(Clone, Debug, Default)]
pub struct House {
    /// Listings that a search can find.
    pub active_listings: usize,
    /// What trade came to since the beginning; nothing until this process has read the feed.
    pub totals: Option<Totals>,
    /// What open orders hold, and what our stake covers.
    pub escrow: Option<EscrowCover>,
    /// Why withdrawals are stopped, where they are.
    pub stop: Option<Option<EdgeStop>>,
    /// The last look at the TEG.
    pub reserves: Option<Reconciliation>,
    /// How late the oldest work is that nobody is at.
    pub lag: Option<Lag>,
    /// Work of the outbox that was given up; at most a thousand.
    pub dead_effects: Option<usize>,
    /// Downtime so far, in seconds: by so much deadlines stood still.
    pub downtime_seconds: Option<i64>,
}

/// Whole seconds; 0 when nothing is late.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lag {
    /// Of the oldest timer.
    pub timer_seconds: i64,
    /// Of the oldest work in the outbox.
    pub outbox_seconds: i64,
}

impl EscrowCover {
    /// What orders hold beyond it.
    #[must_use]
    pub fn uncovered(&self) -> Amount {
        self.open.checked_sub(self.limit).unwrap_or_default().max(Amount::ZERO)
    }
}

impl Marketplace {
    /// Gathers them. A store that does not answer leaves out what only it knows.
    pub async fn house(&self) -> House {
        let standings = &self.inner.standings;
        let mut house = House {
            active_listings: self.listing_count(),
            totals: standings.is_complete().then(|| standings.totals()),
            ..House::default()
        };
        // One that is down would make a scrape wait for each of its questions.
        let Ok((now, gaps)) = self.store().clock().await else { return house };
        house.downtime_seconds =
            Some(gaps.as_slice().iter().map(|gap| gap.until.since(gap.from)).sum::<i64>() / MICROS);
        house.lag = self.lag(now).await.ok();
        house.escrow = self.escrow_cover().await.ok();
        house.stop = self.edge_stop().await.ok();
        house.reserves = self.last_reconciliation().await.ok().flatten();
        house.dead_effects = self.store().dead_effects(MOST_DEAD).await.ok().map(|dead| dead.len());
        house
    }

    async fn lag(&self, now: marketplace_money::Timestamp) -> Result<Lag, StoreError> {
        let dues = self.store().dues().await?;
        let late = |due: Option<marketplace_money::Timestamp>| {
            due.map_or(0, |due| now.since(due).max(0) / MICROS)
        };
        Ok(Lag { timer_seconds: late(dues.timer), outbox_seconds: late(dues.effect) })
    }

    /// What this process counts.
    #[must_use]
    pub fn measures(&self) -> &crate::Measures {
        &self.inner.measures
    }

    /// Commands that wait for their batch.
    #[must_use]
    pub fn queued_commands(&self) -> usize {
        self.inner.queued()
    }
}
