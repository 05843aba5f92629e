//! What was read or written lately, bounded in memory.

use std::collections::HashMap;
use std::hash::Hash;

#[derive(Debug)]
struct Weighed<V> {
    value: V,
    weight: usize,
}

/// Two generations of entries: what is used moves to the young one; when that is full, the old one
/// is forgotten. Holds at most twice its budget, in constant time for each use.
#[derive(Debug)]
pub struct Recent<K, V> {
    young: HashMap<K, Weighed<V>>,
    old: HashMap<K, Weighed<V>>,
    weight: usize,
    budget: usize,
    weigh: fn(&K, &V) -> usize,
}

impl<K: Eq + Hash, V> Recent<K, V> {
    /// Keeps entries of about `budget` bytes in each generation, by the estimate of `weigh`.
    pub fn new(budget: usize, weigh: fn(&K, &V) -> usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), weight: 0, budget, weigh }
    }

    /// What is known under a key; it is kept longer for that.
    pub fn get(&mut self, key: &K) -> Option<&V> {
        if !self.young.contains_key(key) {
            let (key, known) = self.old.remove_entry(key)?;
            self.keep(key, known);
        }
        self.young.get(key).map(|known| &known.value)
    }

    /// What is known from now on.
    pub fn put(&mut self, key: K, value: V) {
        let weight = (self.weigh)(&key, &value);
        self.old.remove(&key);
        self.keep(key, Weighed { value, weight });
    }

    fn keep(&mut self, key: K, entry: Weighed<V>) {
        if self.weight + entry.weight > self.budget {
            self.old = std::mem::take(&mut self.young);
            self.old.remove(&key);
            self.weight = 0;
        }
        self.weight += entry.weight;
        if let Some(before) = self.young.insert(key, entry) {
            self.weight -= before.weight;
        }
    }

    /// Nothing is known under the key any more.
    pub fn forget(&mut self, key: &K) {
        if let Some(before) = self.young.remove(key) {
            self.weight -= before.weight;
        }
        self.old.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays_and_the_rest_is_bounded() {
        let mut recent = Recent::new(100, |_, weight: &usize| *weight);
        for key in 0..1_000 {
            recent.put(key, 10);
            assert_eq!(recent.get(&0), Some(&10), "used all the time, gone at {key}");
            assert!(recent.young.len() + recent.old.len() <= 20);
        }
        assert_eq!(recent.get(&500), None);
        assert_eq!(recent.get(&999), Some(&10));
    }

    #[test]
    fn a_later_value_replaces_an_earlier_one() {
        let mut recent = Recent::new(100, |_, weight: &usize| *weight);
        for weight in [10, 30, 20] {
            recent.put("a", weight);
            assert_eq!(recent.get(&"a"), Some(&weight));
            assert_eq!(recent.weight, weight);
        }
        recent.put("b", 90);
        assert_eq!(recent.get(&"a"), Some(&20));
        recent.put("a", 1);
        assert_eq!(recent.get(&"a"), Some(&1));
        recent.forget(&"a");
        assert_eq!(recent.get(&"a"), None);
    }
}
