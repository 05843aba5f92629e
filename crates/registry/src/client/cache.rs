//! Answers of the registry, kept for a while: bounded in number, and never thrown away before
//! there is a newer one, so that the last good one can be served while the registry is down.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

struct Kept<V> {
    value: V,
    at: Instant,
    fresh_for: Duration,
}

/// What is known, by whom it is about.
pub(crate) struct Cache<K, V> {
    kept: Mutex<HashMap<K, Kept<V>>>,
    most: usize,
}

impl<K: Clone + Eq + Hash, V: Clone> Cache<K, V> {
    pub(crate) fn new(most: usize) -> Self {
        Self { kept: Mutex::default(), most: most.max(4) }
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<K, Kept<V>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known and young enough.
    pub(crate) fn fresh(&self, key: &K) -> Option<V> {
        let kept = self.kept();
        kept.get(key).filter(|kept| kept.at.elapsed() < kept.fresh_for).map(|k| k.value.clone())
    }

    /// What is known, however old, up to `oldest`.
    pub(crate) fn last(&self, key: &K, oldest: Duration) -> Option<V> {
        let kept = self.kept();
        kept.get(key).filter(|kept| kept.at.elapsed() < oldest).map(|kept| kept.value.clone())
    }

    /// Keeps an answer. When there are too many, the oldest quarter goes at once: so that a flood
    /// of names costs little for each.
    pub(crate) fn put(&self, key: K, value: V, fresh_for: Duration) {
        let mut kept = self.kept();
        if kept.len() >= self.most && !kept.contains_key(&key) {
            let mut ages: Vec<Instant> = kept.values().map(|kept| kept.at).collect();
            ages.sort_unstable();
            let youngest_to_go = ages[ages.len() / 4];
            kept.retain(|_, kept| kept.at > youngest_to_go);
        }
        kept.insert(key, Kept { value, at: Instant::now(), fresh_for });
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.kept().len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn fresh_then_last_then_gone() {
        let cache = Cache::new(10);
        let (second, hour) = (Duration::from_secs(1), Duration::from_secs(3_600));
        cache.put("a", 1, second * 5);
        assert_eq!((cache.fresh(&"a"), cache.fresh(&"b")), (Some(1), None));
        tokio::time::advance(second * 5).await;
        assert_eq!((cache.fresh(&"a"), cache.last(&"a", hour)), (None, Some(1)));
        tokio::time::advance(hour).await;
        assert_eq!(cache.last(&"a", hour), None);
    }

    #[tokio::test(start_paused = true)]
    async fn the_oldest_go_and_the_size_is_bounded() {
        let cache = Cache::new(8);
        for key in 0..100 {
            cache.put(key, key, Duration::from_secs(60));
            tokio::time::advance(Duration::from_millis(1)).await;
            assert!(cache.len() <= 8);
            assert_eq!(cache.fresh(&key), Some(key));
        }
        assert_eq!(cache.fresh(&0), None);
    }
}
