//! Rows in the order of their making, found by id as well.

use std::collections::BTreeMap;
use std::sync::Arc;

use marketplace_ports::Page;

/// Rows with a number each, from 1, that never changes: what page cursors count.
#[derive(Debug)]
pub(crate) struct Shelf<K, T> {
    rows: BTreeMap<K, (u64, Arc<T>)>,
    by_number: BTreeMap<u64, K>,
}

impl<K, T> Default for Shelf<K, T> {
    fn default() -> Self {
        Self { rows: BTreeMap::new(), by_number: BTreeMap::new() }
    }
}

impl<K: Ord + Copy, T> Shelf<K, T> {
    /// Adds the row, or replaces it in its place. Says the number of a new one.
    pub(crate) fn put(&mut self, key: K, row: Arc<T>) -> Option<u64> {
        if let Some((_, old)) = self.rows.get_mut(&key) {
            *old = row;
            return None;
        }
        let number = self.by_number.last_key_value().map_or(0, |(last, _)| *last) + 1;
        self.rows.insert(key, (number, row));
        self.by_number.insert(number, key);
        Some(number)
    }

    pub(crate) fn get(&self, key: &K) -> Option<&Arc<T>> {
        self.rows.get(key).map(|(_, row)| row)
    }

    pub(crate) fn at(&self, number: u64) -> Option<&Arc<T>> {
        self.by_number.get(&number).and_then(|key| self.get(key))
    }

    /// By key.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &Arc<T>> {
        self.rows.values().map(|(_, row)| row)
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Numbers before `cursor`, newest first.
    pub(crate) fn newest_first(&self, cursor: Option<u64>) -> impl Iterator<Item = u64> + '_ {
        let end = cursor.unwrap_or(u64::MAX);
        self.by_number.range(..end).rev().map(|(number, _)| *number)
    }

    /// Numbers after `cursor`, oldest first.
    pub(crate) fn oldest_first(&self, cursor: Option<u64>) -> impl Iterator<Item = u64> + '_ {
        self.by_number.range(cursor.unwrap_or(0) + 1..).map(|(number, _)| *number)
    }
}

/// The first `limit` of `found`, with the number of the last one as the cursor when more follow.
pub(crate) fn page<T>(found: impl Iterator<Item = (u64, T)>, limit: u32) -> Page<T> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut page = Page { items: Vec::new(), next: None };
    let mut last = None;
    for (number, item) in found {
        if page.items.len() == limit {
            page.next = last;
            break;
        }
        last = Some(number);
        page.items.push(item);
    }
    page
}
