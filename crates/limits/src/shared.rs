//! Buckets in a Redis, for all servers together.

use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use marketplace_ports::{Limiter, LimiterFigures, Quota, Taken};
use redis::Script;

use crate::link::{Link, LinkError};
use crate::local::LocalLimiter;

/// The same as [`LocalLimiter`], at once and by the Redis' own clock: servers' clocks differ. One
/// key, so that it works in a cluster. A full bucket is as good as none, so keys end by themselves.
const TAKE: &str = "
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local window, step = tonumber(ARGV[1]), tonumber(ARGV[2])
local full_at = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now)
local after = full_at + step
if after - now > window then return {0, full_at - now} end
redis.call('SET', KEYS[1], string.format('%.0f', after), 'PX', math.ceil((after - now) / 1000))
return {1, after - now}";

/// Before each key: the Redis may hold others' keys too.
const PREFIX: &str = "marketplace:limit:";

/// A limiter that servers share. Without an answer it counts in this process, where every bucket is
/// full at first: callers may have more then, never less.
pub struct SharedLimiter {
    link: Link,
    script: Script,
    local: LocalLimiter,
    fallbacks: AtomicU64,
}

impl SharedLimiter {
    /// Begins to look for the Redis, and counts by itself until it is reached.
    ///
    /// # Errors
    /// When the address makes no sense.
    pub fn open(url: &str) -> Result<Self, LinkError> {
        Ok(Self {
            link: Link::open(url)?,
            script: Script::new(TAKE),
            local: LocalLimiter::default(),
            fallbacks: AtomicU64::new(0),
        })
    }
}

#[async_trait]
impl Limiter for SharedLimiter {
    async fn take(&self, bucket: &str, quota: Quota) -> Taken {
        let key = format!("{PREFIX}{bucket}");
        let step = quota.step();
        let window = step * i64::from(quota.requests.max(1));
        if let Some([allowed, lacking]) = self.link.run(&self.script, &key, [window, step]).await {
            return quota.taken(allowed == 1, lacking);
        }
        self.fallbacks.fetch_add(1, Ordering::Relaxed);
        self.local.take_one(bucket, quota)
    }

    fn figures(&self) -> LimiterFigures {
        LimiterFigures {
            shared: Some(self.link.is_up()),
            fallbacks: self.fallbacks.load(Ordering::Relaxed),
        }
    }
}
