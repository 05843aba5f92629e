//! Things that become due and are set aside for one worker at a time: timers, and the outbox.

use std::collections::{BTreeMap, BTreeSet};

use marketplace_money::Timestamp;
use uuid::Uuid;

#[derive(Clone, Debug)]
struct Waiting<T> {
    item: T,
    due: Timestamp,
    leased: Option<Held>,
}

/// Who holds something, and until when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    pub(crate) owner: Uuid,
    pub(crate) until: Timestamp,
}

fn is_free(held: Option<Held>, now: Timestamp) -> bool {
    held.is_none_or(|held| held.until <= now)
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
        self.items.insert(key, Waiting { item, due, leased: None });
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

    /// What is due and free, oldest first, now taken.
    pub(crate) fn lease(&mut self, now: Timestamp, held: Held, limit: u32) -> Vec<T> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut leased = Vec::new();
        for (due, key) in &self.by_due {
            if *due > now || leased.len() >= limit {
                break;
            }
            if let Some(waiting) = self.items.get_mut(key)
                && is_free(waiting.leased, now)
            {
                waiting.leased = Some(held);
                leased.push(waiting.item.clone());
            }
        }
        leased
    }

    /// Gives back what an owner holds.
    pub(crate) fn release(&mut self, owner: Uuid) {
        for waiting in self.items.values_mut() {
            waiting.leased = waiting.leased.filter(|held| held.owner != owner);
        }
    }

    /// When the first one that nobody holds is due.
    pub(crate) fn next_due(&self, now: Timestamp) -> Option<Timestamp> {
        let free = |key: &K| is_free(self.items.get(key).and_then(|waiting| waiting.leased), now);
        self.by_due.iter().find(|(_, key)| free(key)).map(|(due, _)| *due)
    }

    /// What is due at `then` or later, leased or not.
    pub(crate) fn due_from(&self, then: Timestamp) -> impl Iterator<Item = &T> {
        let late = self.by_due.iter().rev().take_while(move |(due, _)| *due >= then);
        late.filter_map(|(_, key)| self.items.get(key).map(|waiting| &waiting.item))
    }

    /// How many are due before `then`.
    pub(crate) fn due_before(&self, then: Timestamp) -> usize {
        self.by_due.iter().take_while(|(due, _)| *due < then).count()
    }
}
