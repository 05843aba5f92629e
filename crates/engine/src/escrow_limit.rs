//! What open orders hold, against our stake: what strangers trust us with shall be backed by what
//! we could lose.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use marketplace_money::Amount;
use tokio::time::Instant;

use crate::marketplace::Marketplace;
use crate::refusal::Error;

/// No purchase is decided on a sum that is older.
const FRESH: Duration = Duration::from_secs(1);
const THOUSAND: i128 = 1_000;

/// What follows when open orders hold more than the stake covers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EscrowPolicy {
    /// Nothing.
    Off,
    /// The log says so, and the metrics.
    #[default]
    Warn,
    /// No order is taken that would not be covered.
    Enforce,
}

/// How far the stake goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EscrowLimit {
    /// What follows when it does not.
    pub policy: EscrowPolicy,
    /// So many thousandths of our stake may be in escrow.
    pub thousandths: u32,
}

impl EscrowLimit {
    /// The original's figure.
    pub const ORIGINAL: Self = Self { policy: EscrowPolicy::Warn, thousandths: 1_500 };

    fn of(self, stake: Amount) -> Amount {
        let nano = i128::from(stake.nano()) * i128::from(self.thousandths) / THOUSAND;
        Amount::from_nano(i64::try_from(nano).unwrap_or(i64::MAX))
    }
}

/// What open orders hold, and what they may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EscrowCover {
    /// They hold this.
    pub open: Amount,
    /// Our stake covers this.
    pub limit: Amount,
}

impl EscrowCover {
    fn room(self) -> Amount {
        self.limit.checked_sub(self.open).unwrap_or(Amount::ZERO)
    }
}

/// The last look.
#[derive(Debug, Default)]
pub(crate) struct EscrowWatch(Mutex<Option<(Instant, EscrowCover)>>);

impl Marketplace {
    /// What open orders hold and what our stake covers. The stake is the one that the TEG showed at
    /// the last look at the reserves; before the first, the one that is wanted.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn escrow_cover(&self) -> Result<EscrowCover, Error> {
        let open = self.store().open_escrow().await?;
        let last = self.last_reconciliation().await?;
        let stake = last.map_or(self.config().stake, |last| last.staked);
        Ok(EscrowCover { open, limit: self.config().escrow.of(stake) })
    }

    /// What another order may hold at most, where that is a rule.
    pub(crate) async fn escrow_room(&self) -> Result<Option<Amount>, Error> {
        if self.config().escrow.policy != EscrowPolicy::Enforce {
            return Ok(None);
        }
        let watch = &self.inner.escrow.0;
        let known = *watch.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, cover)) = known.filter(|(at, _)| at.elapsed() < FRESH) {
            return Ok(Some(cover.room()));
        }
        // Its age counts from before it was asked for.
        let at = Instant::now();
        let cover = self.escrow_cover().await?;
        *watch.lock().unwrap_or_else(PoisonError::into_inner) = Some((at, cover));
        Ok(Some(cover.room()))
    }

    /// Says in the log that more is held than the stake covers.
    pub(crate) async fn warn_of_escrow(&self) -> Result<(), Error> {
        if self.config().escrow.policy == EscrowPolicy::Off {
            return Ok(());
        }
        let EscrowCover { open, limit } = self.escrow_cover().await?;
        if open > limit {
            tracing::warn!(%open, %limit, "open orders hold more than our stake covers");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_the_stake() {
        let check = |thousandths: u32, stake: &str, expect: &str| {
            let limit = EscrowLimit { thousandths, ..EscrowLimit::ORIGINAL };
            assert_eq!(limit.of(stake.parse().unwrap()).to_string(), expect);
        };
        check(1_500, "1000", "1500");
        check(1_500, "0.000000001", "0.000000001");
        check(0, "1000", "0");
        check(4_000_000_000, "9000000000", "9223372036.854775807");
    }
}
