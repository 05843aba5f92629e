//! The first hits after a cursor, picked from matches that come in any order.
//!
//! By relevance the best matches make way for one another: no seller has more than three of them
//! before every other seller that is among the best has had its turn. The rest follows as it is.

use std::collections::{BTreeMap, BinaryHeap};

use marketplace_money::ListingId;

use crate::cursor::{Checksum, Cursor, Kept, OUTSIDE, Place, SortKey};
use crate::index::Index;
use crate::page::{Facets, Hit, Page};
use crate::peers::Peers;
use crate::query::{Query, QueryWords, Sort};
use crate::score::{NEWCOMER_DAYS, day};
use crate::slots::Slot;

/// How many of the best matches make way for one another.
pub(crate) const BEST: usize = 200;
/// Of one seller, so many stand together.
const TOGETHER: u16 = 3;
/// Where a newcomer stands, and the shortest page that has a place for one.
const NEWCOMER_PLACE: usize = 4;
const NEWCOMER_PAGE: usize = 10;
/// Newcomers that are remembered, because some of them may be on the page anyway.
const NEWCOMERS: usize = 16;

/// A query whose bounds were checked, as the two ways of answering it need it.
pub(crate) struct Plan<'a> {
    pub(crate) query: &'a Query,
    pub(crate) words: QueryWords,
    /// The number of the seller that the query names.
    pub(crate) seller: Option<u32>,
    /// Only what comes after this place.
    pub(crate) after: Option<Place>,
    pub(crate) kept: Kept,
}

impl Plan<'_> {
    fn ranks(&self) -> bool {
        self.query.sort == Sort::Relevance && self.query.spread
    }

    /// Whether the first page has a place for a newcomer.
    pub(crate) fn explores(&self) -> bool {
        let query = self.query;
        query.explore
            && query.sort == Sort::Relevance
            && query.provider.is_none()
            && query.limit >= NEWCOMER_PAGE
            && self.after.is_none()
    }

    /// The lot of a newcomer: another one each day and for each question.
    fn lot(&self, id: ListingId) -> u64 {
        let mut sum = Checksum(Checksum::START);
        self.words.whole.iter().chain(&self.words.beginning).for_each(|w| sum.bytes(w.as_bytes()));
        sum.number(self.kept.today);
        sum.bytes(id.uuid().as_bytes());
        sum.0
    }
}

/// A match: where it would stand by itself, and how well its words fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    pub(crate) key: SortKey,
    pub(crate) number: u32,
    /// Share of a million.
    pub(crate) text: u32,
}

/// Keeps the best of what it is offered, never more than two pages.
pub(crate) struct Selection<'a> {
    index: &'a Index,
    plan: &'a Plan<'a>,
    /// The best of all matches, the worst of them on top; nothing where nobody makes way.
    best: BinaryHeap<Entry>,
    /// The first of the others after the cursor, the last of them on top.
    others: BinaryHeap<Entry>,
    /// Others after the cursor.
    later: usize,
    total: usize,
    facets: Option<Facets>,
    newcomers: BinaryHeap<(u64, u32)>,
}

impl<'a> Selection<'a> {
    pub(crate) fn new(index: &'a Index, plan: &'a Plan<'a>) -> Self {
        Self {
            index,
            plan,
            best: BinaryHeap::new(),
            others: BinaryHeap::new(),
            later: 0,
            total: 0,
            facets: plan.query.facets.then(Facets::default),
            newcomers: BinaryHeap::new(),
        }
    }

    /// Takes it as known how many matches there are: not all of them will be offered.
    pub(crate) fn with_total(self, total: usize) -> Self {
        Self { total, ..self }
    }

    /// Counts a match and keeps it if it may be on the page.
    pub(crate) fn offer(&mut self, entry: Entry, slot: &Slot) {
        self.total += 1;
        if let Some(facets) = &mut self.facets {
            facets.count(slot);
        }
        if self.plan.explores() {
            self.note_newcomer(entry.number, slot);
        }
        self.place(entry);
    }

    /// Remembers a newcomer that might be tried.
    pub(crate) fn note_newcomer(&mut self, number: u32, slot: &Slot) {
        let age = self.plan.kept.today - day(slot.created_at);
        if !slot.is_newcomer || age > NEWCOMER_DAYS || slot.reputation.is_negative() {
            return;
        }
        self.newcomers.push((self.plan.lot(slot.id), number));
        if self.newcomers.len() > NEWCOMERS {
            self.newcomers.pop();
        }
    }

    /// Keeps a match if it may be on the page.
    pub(crate) fn place(&mut self, entry: Entry) {
        if !self.plan.ranks() {
            return self.place_other(entry);
        }
        if self.best.len() < BEST {
            return self.best.push(entry);
        }
        let pushed_out = match self.best.peek_mut() {
            Some(mut worst) if entry < *worst => std::mem::replace(&mut *worst, entry),
            _ => entry,
        };
        self.place_other(pushed_out);
    }

    fn place_other(&mut self, entry: Entry) {
        let tier = if self.plan.ranks() { OUTSIDE } else { 0 };
        let passed = self.plan.after.is_some_and(|after| Place { tier, key: entry.key } <= after);
        if passed || self.plan.kept.explored == Some(entry.key.id) {
            return;
        }
        self.later += 1;
        if self.others.len() < self.plan.query.limit {
            self.others.push(entry);
        } else if let Some(mut last) = self.others.peek_mut()
            && entry < *last
        {
            *last = entry;
        }
    }

    /// The page. `peers` explain the prices, where they count.
    pub(crate) fn into_page(mut self, peers: Option<&Peers>) -> Page {
        let mut placed = self.spread();
        let (after, limit) = (self.plan.after, self.plan.query.limit);
        placed.retain(|(place, _)| {
            after.is_none_or(|after| *place > after)
                && self.plan.kept.explored != Some(place.key.id)
        });
        let later = placed.len() + self.later;
        let tier = if self.plan.ranks() { OUTSIDE } else { 0 };
        let others = std::mem::take(&mut self.others).into_sorted_vec();
        placed.extend(others.into_iter().map(|entry| (Place { tier, key: entry.key }, entry)));
        placed.truncate(limit);
        let mut more = later > placed.len();
        let newcomer = if more { self.newcomer(&placed) } else { None };
        if newcomer.is_some() {
            placed.pop();
            more = true;
        }
        let kept = Kept {
            explored: newcomer.map(|entry| entry.key.id).or(self.plan.kept.explored),
            ..self.plan.kept
        };
        let next = placed
            .last()
            .filter(|_| more)
            .map(|&(place, _)| Cursor::new(place, kept, self.plan.query, &self.plan.words));
        let mut hits: Vec<Hit> = placed
            .iter()
            .map(|&(place, entry)| self.hit(entry, place.tier, false, peers))
            .collect();
        if let Some(entry) = newcomer {
            hits.insert(NEWCOMER_PLACE, self.hit(entry, 0, true, peers));
        }
        let is_partial = self.plan.kept.is_partial;
        Page { hits, total: self.total, is_partial, facets: self.facets, next }
    }

    /// The best matches in the order in which sellers make way for one another.
    fn spread(&mut self) -> Vec<(Place, Entry)> {
        let mut together: BTreeMap<u32, u16> = BTreeMap::new();
        let best = std::mem::take(&mut self.best).into_sorted_vec();
        let mut placed: Vec<(Place, Entry)> = best
            .into_iter()
            .map(|entry| {
                let seller = self.index.slots.get(entry.number).map_or(0, |slot| slot.seller);
                let before = together.entry(seller).or_default();
                let tier = *before / TOGETHER;
                *before += 1;
                (Place { tier, key: entry.key }, entry)
            })
            .collect();
        placed.sort_unstable();
        placed
    }

    /// The newcomer with the smallest lot that is not on the page anyway.
    fn newcomer(&mut self, placed: &[(Place, Entry)]) -> Option<Entry> {
        let lots = std::mem::take(&mut self.newcomers).into_sorted_vec();
        let mut others = lots.into_iter().map(|(_, number)| number);
        let number =
            others.find(|number| placed.iter().all(|(_, entry)| entry.number != *number))?;
        let slot = self.index.slots.get(number)?;
        Some(Entry { key: slot.place(Sort::Newest), number, text: 0 })
    }

    fn hit(&self, entry: Entry, tier: u16, is_newcomer: bool, peers: Option<&Peers>) -> Hit {
        let slot = self.index.slots.get(entry.number);
        let score =
            slot.map(|slot| self.index.score(slot, entry.text, self.plan.kept.today, peers));
        let tier = if tier == OUTSIDE { 0 } else { tier };
        Hit { id: entry.key.id, score: score.unwrap_or_default(), tier, is_newcomer }
    }
}
