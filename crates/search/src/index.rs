//! The index: everything that is known about the active listings, and how it changes.

use std::collections::BTreeMap;
use std::fmt;

use marketplace_money::{Did, ListingId, Reputation};

use crate::document::{Document, ServiceKind};
use crate::order::Order;
use crate::query::{MAX_LIMIT, Page, Query, QueryWords, SearchError, Sort};
use crate::score::{DESCRIPTION_WEIGHT, METADATA_WEIGHT, NAME_WEIGHT, impact};
use crate::selection::Plan;
use crate::shelf::Shelf;
use crate::slots::{Slot, Slots};
use crate::vocabulary::{MAX_SLOTS, Posting, Vocabulary};
use crate::words::words;
use crate::{browse, text};

/// Words of a listing that are read: name first, then description, then metadata. A listing is
/// not found by what comes behind.
const MAX_DOCUMENT_WORDS: usize = 2_048;

/// Removals for which the words are swept once, at least; from then on a share of the listings.
const SWEEP_AFTER: usize = 256;

/// A full-text index over active listings. One writer or many readers: callers lock around it.
///
/// Invariant: every listing with a filled slot stands once in `by_id`, in `offers`, on the market
/// shelf and on the shelf of its kind, and has one posting for each of its words. Listings of one
/// agent have one standing.
pub struct Index {
    pub(crate) slots: Slots,
    pub(crate) words: Vocabulary,
    by_id: Order,
    /// The listings of each agent that has some.
    pub(crate) offers: BTreeMap<Did, Vec<u32>>,
    pub(crate) market: Shelf,
    pub(crate) kinds: [Shelf; ServiceKind::ALL.len()],
    capacity: u32,
}

/// There are more listings than the index has numbers for (about 16.7 million).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexFull;

impl fmt::Display for IndexFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the search index is full, it holds at most {MAX_SLOTS} listings")
    }
}

impl std::error::Error for IndexFull {}

impl Default for Index {
    fn default() -> Self {
        Self::new()
    }
}

impl Index {
    /// An index of nothing.
    #[must_use]
    pub fn new() -> Self {
        Self {
            slots: Slots::default(),
            words: Vocabulary::default(),
            by_id: Order::default(),
            offers: BTreeMap::new(),
            market: Shelf::default(),
            kinds: Default::default(),
            capacity: MAX_SLOTS,
        }
    }

    /// How many listings can be found.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether nothing can be found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Makes a listing findable, in place of its former version if there was one. The standing in
    /// the document becomes that of all listings of its provider.
    ///
    /// # Errors
    /// When the index is full. The former version is gone then, too: an edit never leaves the old
    /// text on show.
    pub fn upsert(&mut self, document: Document) -> Result<(), IndexFull> {
        self.remove(document.id);
        self.set_reputation(&document.provider, document.reputation);
        let weighed = weigh(&document);
        let Document { id, provider, service_type, price, reputation, created_at, .. } = document;
        // One copy of the name for all listings of an agent.
        let provider =
            self.offers.get_key_value(&provider).map_or(provider, |(did, _)| did.clone());
        let slot = Slot { id, provider, price, created_at, reputation, service_type };
        let number = self.number_for(&slot).ok_or(IndexFull)?;

        let mut new_words = 0;
        for (word, impact) in weighed {
            new_words += usize::from(self.words.add(&word, Posting::new(number, impact)));
        }
        self.by_id.insert(number, |other| self.slots.get(other).is_some_and(|s| s.id < id));
        self.market.add(number, &slot, &self.slots);
        self.kinds[service_type.place()].add(number, &slot, &self.slots);
        self.offers.entry(slot.provider).or_default().push(number);
        if self.slots.wants_sweep() {
            // As many as came in addition, or a round would not end while new words keep coming.
            self.sweep_words(new_words);
        }
        Ok(())
    }

    /// Makes a listing unfindable. Nothing happens when it was not findable.
    pub fn remove(&mut self, id: ListingId) {
        let Some(number) = self.number_of(id) else { return };
        let Some(slot) = self.slots.get(number).cloned() else { return };
        self.by_id.remove(number, |other| self.slots.get(other).is_some_and(|s| s.id < id));
        self.market.remove(number, &slot, &self.slots);
        self.kinds[slot.service_type.place()].remove(number, &slot, &self.slots);
        if let Some(offers) = self.offers.get_mut(&slot.provider) {
            offers.retain(|&other| other != number);
            if offers.is_empty() {
                self.offers.remove(&slot.provider);
            }
        }
        self.slots.remove(number);
        // So few that no removal takes long, so many that a round ends before a quarter of the
        // listings is removed.
        self.sweep_words(self.words.len() / (SWEEP_AFTER + self.len() / 4) + 1);
    }

    /// Changes the standing of an agent, and with it the places of all its listings.
    pub fn set_reputation(&mut self, provider: &Did, reputation: Reputation) {
        let Some(offers) = self.offers.get(provider) else { return };
        let known = offers.first().and_then(|&first| self.slots.get(first));
        if known.is_some_and(|slot| slot.reputation == reputation) {
            return;
        }
        for &number in offers {
            let Some(slot) = self.slots.get(number).cloned() else { continue };
            let kind = &mut self.kinds[slot.service_type.place()];
            self.market.remove_standing(number, &slot, &self.slots);
            kind.remove_standing(number, &slot, &self.slots);
            let slot = Slot { reputation, ..slot };
            if let Some(place) = self.slots.get_mut(number) {
                *place = slot.clone();
            }
            self.market.add_standing(number, &slot, &self.slots);
            kind.add_standing(number, &slot, &self.slots);
        }
    }

    /// Answers a query.
    ///
    /// # Errors
    /// When the query exceeds a bound, or its cursor was given out for another one.
    pub fn search(&self, query: &Query) -> Result<Page, SearchError> {
        let words = QueryWords::read(query.text.as_deref().unwrap_or_default())?;
        if !(1..=MAX_LIMIT).contains(&query.limit) {
            return Err(SearchError::LimitOutOfRange);
        }
        let after = match &query.after {
            Some(cursor) => Some(cursor.place(query, &words).ok_or(SearchError::ForeignCursor)?),
            None => None,
        };
        let sort = match query.sort {
            Sort::Relevance if words.is_empty() => Sort::Reputation,
            sort => sort,
        };
        let plan = Plan { query, words, sort, after };
        if plan.words.is_empty() {
            Ok(browse::browse(self, &plan))
        } else {
            Ok(text::search(self, &plan))
        }
    }

    fn number_of(&self, id: ListingId) -> Option<u32> {
        let number = self.by_id.find(|other| self.slots.get(other).is_some_and(|s| s.id < id))?;
        self.slots.get(number).filter(|slot| slot.id == id)?;
        Some(number)
    }

    /// A number for a new listing, even if everything must be swept to get one back.
    fn number_for(&mut self, slot: &Slot) -> Option<u32> {
        loop {
            if let Some(number) = self.slots.add(slot.clone(), self.capacity) {
                return Some(number);
            }
            if !self.slots.wants_sweep() {
                return None;
            }
            self.sweep_words(usize::MAX);
        }
    }

    /// Forgets removed listings in some more words.
    fn sweep_words(&mut self, steps: usize) {
        if self.words.sweep(steps, |number| self.slots.get(number).is_some()) {
            self.slots.sweep_ended();
        }
    }
}

/// The words of a listing, each once, with their impacts.
fn weigh(document: &Document) -> BTreeMap<String, u8> {
    let fields = [
        (&document.name, NAME_WEIGHT),
        (&document.description, DESCRIPTION_WEIGHT),
        (&document.metadata_text, METADATA_WEIGHT),
    ];
    let all = fields.iter().flat_map(|&(text, weight)| words(text).map(move |word| (word, weight)));
    let mut weights: BTreeMap<String, u32> = BTreeMap::new();
    let mut length = 0;
    for (word, weight) in all.take(MAX_DOCUMENT_WORDS) {
        *weights.entry(word).or_default() += weight;
        length += 1;
    }
    weights.into_iter().map(|(word, weight)| (word, impact(weight, length))).collect()
}

#[cfg(test)]
mod tests {
    use marketplace_money::{Amount, Timestamp};

    use super::*;

    fn document(id: u128, text: &str) -> Document {
        Document {
            id: format!("{id:032x}").parse().unwrap(),
            provider: "did:seller".parse().unwrap(),
            service_type: ServiceKind::Custom,
            name: text.into(),
            description: String::new(),
            metadata_text: String::new(),
            price: Amount::from_avt(1),
            reputation: Reputation::UNKNOWN,
            created_at: Timestamp::default(),
        }
    }

    fn found(index: &Index, text: &str) -> usize {
        index.search(&Query { text: Some(text.into()), ..Query::default() }).unwrap().total
    }

    #[test]
    fn memory_follows_what_is_listed_now() {
        let mut index = Index::new();
        for version in 0..20_000 {
            let id = version % 100;
            index.upsert(document(id, &format!("offer word{version}"))).unwrap();
        }
        assert_eq!(index.len(), 100);
        assert_eq!(found(&index, "offer"), 100);
        assert_eq!(found(&index, "word19999 offer"), 1);
        assert_eq!(found(&index, "word19899 offer"), 0);
        assert!(index.slots.size() < 1_000, "{} slots", index.slots.size());
        assert!(index.words.len() < 1_000, "{} words", index.words.len());
        assert!(index.words.of_word("offer").len() < 1_000);
        for id in 0..100 {
            index.remove(document(id, "").id);
        }
        assert!(index.is_empty() && index.offers.is_empty());
        assert_eq!(found(&index, "o"), 0);
    }

    #[test]
    fn a_full_index_refuses_and_takes_again_what_fits() {
        let mut index = Index { capacity: 2, ..Index::new() };
        let text = |index: &mut Index, id, text: &str| index.upsert(document(id, text));
        assert_eq!(text(&mut index, 1, "one"), Ok(()));
        assert_eq!(text(&mut index, 2, "two"), Ok(()));
        assert_eq!(text(&mut index, 3, "three"), Err(IndexFull));
        assert_eq!(text(&mut index, 2, "deux"), Ok(()), "an edit needs no more room");
        index.remove(document(1, "").id);
        assert_eq!(text(&mut index, 3, "trois"), Ok(()));
        for (word, expect) in [("one", 0), ("two", 0), ("deux", 1), ("three", 0), ("trois", 1)] {
            assert_eq!(found(&index, word), expect, "{word}");
        }
    }

    #[test]
    fn words_behind_the_bound_are_not_read() {
        let mut index = Index::new();
        let many = "filler ".repeat(MAX_DOCUMENT_WORDS - 1);
        index.upsert(document(1, &format!("{many} last beyond"))).unwrap();
        assert_eq!((found(&index, "last"), found(&index, "beyond")), (1, 0));
    }
}
