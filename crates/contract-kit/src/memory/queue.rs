//! Things that become due and are set aside for one worker at a time: timers, and the outbox.

use std::collections::{BTreeMap, BTreeSet};

use marketplace_money::Timestamp;

#[derive(Clone, Debug)]
struct Waiting<T> {
    item: T,
    due: Timestamp,
    leased_until: Option<Timestamp>,
}

/// Items by key, and by when they are due.
#[derive(Debug)]
pub(crate) struct Queue<K, T> {
    items: BTreeMap<K, Waiting<T>>,
    by_due: BTreeSet<(Timestamp, K)>,
}

impl<K: Ord, T> Default for Queue<K, T> {
    fn default() -> Self {
        Self { items: BTreeMap::new(), by_due: BTreeSet::new() }
    }
}

impl<K: Ord + Copy, T: Clone> Queue<K, T> {
    /// Puts it in, or puts it in anew: a lease on the old one says nothing about the new one.
    pub(crate) fn set(&mut self, key: K, due: Timestamp, item: T) {
        self.remove(&key);
        self.items.insert(key, Waiting { item, due, leased_until: None });
        self.by_due.insert((due, key));
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<T> {
        let waiting = self.items.remove(key)?;
        self.by_due.remove(&(waiting.due, *key));
        Some(waiting.item)
    }

    pub(crate) fn contains(&self, key: &K) -> bool {
        self.items.contains_key(key)
    }

    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    /// What is due and free, oldest first, now taken until `until`.
    pub(crate) fn lease(&mut self, now: Timestamp, until: Timestamp, limit: u32) -> Vec<T> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut leased = Vec::new();
        for (due, key) in &self.by_due {
            if *due > now || leased.len() >= limit {
                break;
            }
            if let Some(waiting) = self.items.get_mut(key)
                && waiting.leased_until.is_none_or(|until| until <= now)
            {
                waiting.leased_until = Some(until);
                leased.push(waiting.item.clone());
            }
        }
        leased
    }

    /// When the first one that nobody holds is due.
    pub(crate) fn next_due(&self, now: Timestamp) -> Option<Timestamp> {
        let free = |key: &K| {
            let leased_until = self.items.get(key).and_then(|waiting| waiting.leased_until);
            leased_until.is_none_or(|until| until <= now)
        };
        self.by_due.iter().find(|(_, key)| free(key)).map(|(due, _)| *due)
    }

    /// How many are due before `then`.
    pub(crate) fn due_before(&self, then: Timestamp) -> usize {
        self.by_due.iter().take_while(|(due, _)| *due < then).count()
    }
}
