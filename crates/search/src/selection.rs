//! The first hits after a cursor, picked from matches that come in any order.

use std::collections::BinaryHeap;

use crate::cursor::{Cursor, SortKey};
use crate::query::{Page, Query, QueryWords, Sort};

/// A query whose bounds were checked, as the two ways of answering it need it.
pub(crate) struct Plan<'a> {
    pub(crate) query: &'a Query,
    pub(crate) words: QueryWords,
    /// As asked for; without words, relevance has become standing.
    pub(crate) sort: Sort,
    /// Only what comes after this place.
    pub(crate) after: Option<SortKey>,
}

impl Plan<'_> {
    /// The page of these hits. `more` tells whether others come after them.
    pub(crate) fn page(&self, hits: &[SortKey], total: usize, more: bool) -> Page {
        let next =
            hits.last().filter(|_| more).map(|&last| Cursor::new(last, self.query, &self.words));
        Page { hits: hits.iter().map(|key| key.id).collect(), total, next }
    }
}

/// Keeps the best of what it is offered, never more than a page.
pub(crate) struct Selection<'a> {
    plan: &'a Plan<'a>,
    /// The worst of the kept is on top.
    kept: BinaryHeap<SortKey>,
    total: usize,
    later: usize,
}

impl<'a> Selection<'a> {
    pub(crate) fn new(plan: &'a Plan<'a>) -> Self {
        Self { plan, kept: BinaryHeap::new(), total: 0, later: 0 }
    }

    /// Counts a match and keeps it if it may be on the page.
    pub(crate) fn offer(&mut self, key: SortKey) {
        self.total += 1;
        if self.plan.after.is_some_and(|after| key <= after) {
            return;
        }
        self.later += 1;
        if self.kept.len() < self.plan.query.limit {
            self.kept.push(key);
        } else if let Some(mut worst) = self.kept.peek_mut()
            && key < *worst
        {
            *worst = key;
        }
    }

    pub(crate) fn into_page(self) -> Page {
        let more = self.later > self.kept.len();
        let total = self.total;
        self.plan.page(&self.kept.into_sorted_vec(), total, more)
    }
}
