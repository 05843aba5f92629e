//! How often somebody may call.

use std::time::Duration;

use async_trait::async_trait;
use marketplace_money::Seconds;

/// A bucket of tokens, one for each request: full at first, and filled again evenly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// What the bucket holds; at least 1.
    pub requests: u32,
    /// In this time an empty bucket is filled.
    pub window: Seconds,
}

impl Quota {
    /// Microseconds in which one token comes back.
    #[must_use]
    pub fn step(&self) -> i64 {
        (self.window.micros() / i64::from(self.requests.max(1))).max(1)
    }

    /// What a caller is told when its bucket lacks so many microseconds of being full.
    #[must_use]
    pub fn taken(&self, allowed: bool, lacking: i64) -> Taken {
        let step = self.step();
        let room = (step * i64::from(self.requests.max(1)) - lacking).max(0);
        let wait = if allowed { 0 } else { (step - room).max(1) };
        let micros = |micros: i64| Duration::from_micros(u64::try_from(micros).unwrap_or(0));
        Taken {
            allowed,
            left: u32::try_from(room / step).unwrap_or(u32::MAX),
            full_in: micros(lacking.max(0)),
            next_in: micros(wait),
        }
    }
}

/// What became of asking for a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// There was one.
    pub allowed: bool,
    /// Tokens left.
    pub left: u32,
    /// Until the bucket is full, if nothing more is taken.
    pub full_in: Duration,
    /// Until there is a token again, where there was none.
    pub next_in: Duration,
}

/// How a limiter is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LimiterFigures {
    /// Whether buckets are shared with other servers now; nothing, where they never are.
    pub shared: Option<bool>,
    /// Requests that were counted here, because what is shared did not answer.
    pub fallbacks: u64,
}

/// Counts requests. It always answers, and soon: what it cannot share it counts by itself.
#[async_trait]
pub trait Limiter: Send + Sync {
    /// Takes a token from the bucket of this name.
    async fn take(&self, bucket: &str, quota: Quota) -> Taken;

    /// How it is.
    fn figures(&self) -> LimiterFigures;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_caller_is_told() {
        let quota = Quota { requests: 60, window: Seconds(60) };
        let second = 1_000_000;
        let check = |allowed, lacking: i64, left, full: u64, next: u64| {
            let taken = quota.taken(allowed, lacking);
            assert_eq!((taken.allowed, taken.left), (allowed, left));
            assert_eq!((taken.full_in.as_secs(), taken.next_in.as_millis()), (full, next.into()));
        };
        check(true, second, 59, 1, 0);
        check(true, 60 * second, 0, 60, 0);
        check(false, 60 * second, 0, 60, 1_000);
        check(false, 60 * second - 400_000, 0, 59, 600);
    }
}
