//! Buckets in this process.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use async_trait::async_trait;
use marketplace_ports::{Limiter, LimiterFigures, Quota, Taken};

/// Buckets are kept in so many parts, so that callers seldom wait for each other.
const PARTS: usize = 16;
/// Buckets in a part before those that are full are thrown away: a full one is as good as none.
const CROWDED: usize = 8_192;

/// Each bucket is one number: when it will be full again, in microseconds since the start. (The
/// generic cell rate algorithm: a token bucket without a counter that must be refilled.)
#[derive(Default)]
struct Part {
    full_at: HashMap<Box<str>, i64>,
    /// How many there were after throwing away: the next time is at twice as many.
    kept: usize,
}

/// A limiter for one server.
pub struct LocalLimiter {
    begun: Instant,
    hasher: RandomState,
    parts: [Mutex<Part>; PARTS],
}

impl Default for LocalLimiter {
    fn default() -> Self {
        Self {
            begun: Instant::now(),
            hasher: RandomState::new(),
            parts: std::array::from_fn(|_| Mutex::default()),
        }
    }
}

impl LocalLimiter {
    /// Takes a token now.
    pub fn take_one(&self, bucket: &str, quota: Quota) -> Taken {
        let now = i64::try_from(self.begun.elapsed().as_micros()).unwrap_or(i64::MAX);
        self.take_at(bucket, quota, now)
    }

    fn take_at(&self, bucket: &str, quota: Quota, now: i64) -> Taken {
        let at = usize::try_from(self.hasher.hash_one(bucket) % PARTS as u64).unwrap_or(0);
        let mut part = self.parts[at].lock().unwrap_or_else(PoisonError::into_inner);
        let full_at = part.full_at.get(bucket).copied().unwrap_or(now).max(now);
        let after = full_at + quota.step();
        if after - now > quota.step() * i64::from(quota.requests.max(1)) {
            return quota.taken(false, full_at - now);
        }
        if part.full_at.len() >= CROWDED.max(2 * part.kept) {
            part.full_at.retain(|_, full_at| *full_at > now);
            part.kept = part.full_at.len();
        }
        match part.full_at.get_mut(bucket) {
            Some(known) => *known = after,
            None => drop(part.full_at.insert(bucket.into(), after)),
        }
        quota.taken(true, after - now)
    }

    #[cfg(test)]
    fn buckets(&self) -> usize {
        let part = |part: &Mutex<Part>| part.lock().unwrap().full_at.len();
        self.parts.iter().map(part).sum()
    }
}

#[async_trait]
impl Limiter for LocalLimiter {
    async fn take(&self, bucket: &str, quota: Quota) -> Taken {
        self.take_one(bucket, quota)
    }

    fn figures(&self) -> LimiterFigures {
        LimiterFigures::default()
    }
}

#[cfg(test)]
mod tests {
    use marketplace_money::Seconds;
    use proptest::prelude::*;

    use super::*;

    const SECOND: i64 = 1_000_000;

    #[test]
    fn a_burst_then_one_by_one() {
        let limiter = LocalLimiter::default();
        let quota = Quota { requests: 3, window: Seconds(30) };
        let left: Vec<_> = (0..4).map(|_| limiter.take_at("a", quota, 0)).collect();
        assert_eq!(left.iter().map(|taken| taken.left).collect::<Vec<_>>(), [2, 1, 0, 0]);
        assert_eq!(left.iter().filter(|taken| taken.allowed).count(), 3);
        assert_eq!(left[3].next_in.as_secs(), 10);
        assert!(limiter.take_at("b", quota, 0).allowed, "another's bucket is another's");
        assert!(!limiter.take_at("a", quota, 10 * SECOND - 1).allowed);
        assert!(limiter.take_at("a", quota, 10 * SECOND).allowed);
        assert!(!limiter.take_at("a", quota, 10 * SECOND).allowed);
        let later = limiter.take_at("a", quota, 1_000 * SECOND);
        assert_eq!((later.allowed, later.left), (true, 2), "it never holds more than it can");
    }

    #[test]
    fn names_that_nobody_uses_any_more_are_forgotten() {
        let limiter = LocalLimiter::default();
        let quota = Quota { requests: 10, window: Seconds(1) };
        for name in 0..1_000_000_i64 {
            limiter.take_at(&name.to_string(), quota, name * 1_000);
        }
        assert!(limiter.buckets() <= PARTS * CROWDED, "{}", limiter.buckets());
    }

    proptest! {
        /// In no window is more allowed than the bucket holds and what came back meanwhile.
        #[test]
        fn never_more_than_was_there(
            requests in 1_u32..50,
            pauses in proptest::collection::vec(0_i64..3 * SECOND, 1..300),
        ) {
            let limiter = LocalLimiter::default();
            let quota = Quota { requests, window: Seconds(60) };
            let (mut now, mut allowed) = (0, Vec::new());
            for pause in pauses {
                now += pause;
                if limiter.take_at("a", quota, now).allowed {
                    allowed.push(now);
                }
            }
            for (first, begin) in allowed.iter().enumerate() {
                for (last, end) in allowed.iter().enumerate().skip(first) {
                    let most = i64::from(requests) + (end - begin) / quota.step() + 1;
                    prop_assert!(((last - first + 1) as i64) <= most);
                }
            }
        }
    }
}
