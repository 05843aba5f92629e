//! The index: everything that is known about the active listings, and how it changes.

use std::collections::BTreeMap;
use std::fmt;

use marketplace_money::{Did, ListingId};

use crate::cursor::Kept;
use crate::document::{Document, SellerFacts, ServiceKind, price_now};
use crate::lists::{MAX_SLOTS, MemoryLists, PostingLists};
use crate::order::Order;
use crate::page::Page;
use crate::peers::Peers;
use crate::query::{MAX_LIMIT, Query, QueryWords, SearchError, Sort};
use crate::score::{
    Blend, DESCRIPTION_WEIGHT, METADATA_WEIGHT, NAME_WEIGHT, NEWCOMER_ORDERS, Score, TAG_WEIGHT,
    day, freshness, fulfilment, impact, merit, percent, standing,
};
use crate::selection::Plan;
use crate::sellers::Sellers;
use crate::shelf::Shelf;
use crate::slots::{Slot, Slots};
use crate::vocabulary::Vocabulary;
use crate::words::words;
use crate::{browse, text};

/// Words of a listing that are read: name first, then tags, description, metadata. A listing is
/// not found by what comes behind.
const MAX_DOCUMENT_WORDS: usize = 2_048;

/// A full-text index over active listings. One writer or many readers: callers lock around it.
///
/// Invariant: every listing with a filled slot stands once in `by_id`, among the offers of its
/// seller, on the market shelf and on the shelf of its kind, and has one posting for each of its
/// words. What is known of a seller stands in the slots of all its listings.
pub struct Index {
    pub(crate) slots: Slots,
    pub(crate) words: Vocabulary,
    by_id: Order,
    pub(crate) sellers: Sellers,
    pub(crate) market: Shelf,
    pub(crate) kinds: [Shelf; ServiceKind::ALL.len()],
    blend: Blend,
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
        Self::new(Blend::DEFAULT)
    }
}

impl Index {
    /// An index of nothing, that ranks by this blend.
    #[must_use]
    pub fn new(blend: Blend) -> Self {
        Self::with_lists(blend, Box::<MemoryLists>::default())
    }

    /// The same, with its posting lists kept elsewhere than in memory; they must be empty.
    #[must_use]
    pub fn with_lists(blend: Blend, lists: Box<dyn PostingLists>) -> Self {
        Self {
            slots: Slots::default(),
            words: Vocabulary::over(lists),
            by_id: Order::default(),
            sellers: Sellers::default(),
            market: Shelf::default(),
            kinds: Default::default(),
            blend,
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

    /// How many agents sell.
    #[must_use]
    pub fn seller_count(&self) -> usize {
        self.sellers.len()
    }

    /// What the parts of a score count.
    #[must_use]
    pub const fn blend(&self) -> &Blend {
        &self.blend
    }

    /// Makes a listing findable, in place of its former version if there was one. What the document
    /// says of the seller holds for all of its listings.
    ///
    /// # Errors
    /// When the index is full. The former version is gone then, too: an edit never leaves the old
    /// text on show.
    pub fn upsert(&mut self, document: Document) -> Result<(), IndexFull> {
        self.remove(document.id);
        self.set_seller(&document.provider, document.seller);
        let id = document.id;
        let (number, slot) = self.admit(document)?;
        self.by_id.insert(number, |other| self.slots.get(other).is_some_and(|s| s.id < id));
        self.market.add(number, &slot, &self.slots);
        self.kinds[slot.service_type.place()].add(number, &slot, &self.slots);
        Ok(())
    }

    /// Gives a listing a slot, its words and its seller, but no place in any order yet.
    pub(crate) fn admit(&mut self, document: Document) -> Result<(u32, Slot), IndexFull> {
        let weighed = weigh(&document);
        let Document { id, provider, service_type, price, created_at, .. } = document;
        let seller = self.sellers.enter(&provider, document.seller);
        let facts = self.sellers.get(seller).map_or(document.seller, |seller| seller.facts);
        let blank = Slot {
            id,
            listed: price,
            price,
            created_at,
            seller,
            reputation: facts.reputation,
            merit: 0,
            delivery: document.delivery,
            fulfilment: 0,
            service_type,
            acceptance: document.acceptance,
            price_follows_reputation: document.price_follows_reputation,
            is_newcomer: true,
            currency: document.currency,
        };
        let slot = self.sold_by(&blank, &facts);
        let Some(number) = self.slots.add(slot.clone(), self.capacity) else {
            self.sellers.remove_offer(seller, u32::MAX);
            return Err(IndexFull);
        };
        let terms = self.words.add(number, weighed);
        self.slots.set_terms(number, terms);
        self.sellers.add_offer(seller, number);
        Ok((number, slot))
    }

    /// Puts all listings that have a slot into all orders, which are empty.
    pub(crate) fn put_in_order(&mut self) {
        let mut numbers: Vec<(ListingId, u32)> =
            self.slots.filled().map(|(number, slot)| (slot.id, number)).collect();
        numbers.sort_unstable();
        let numbers: Vec<u32> = numbers.into_iter().map(|(_, number)| number).collect();
        self.by_id = Order::sorted(&numbers);
        (self.market, self.kinds) = Shelf::filled(&self.slots);
    }

    /// Makes a listing unfindable. Nothing happens when it was not findable.
    pub fn remove(&mut self, id: ListingId) {
        let Some(number) = self.number_of(id) else { return };
        let Some(slot) = self.slots.get(number).cloned() else { return };
        self.by_id.remove(number, |other| self.slots.get(other).is_some_and(|s| s.id < id));
        self.market.remove(number, &slot, &self.slots);
        self.kinds[slot.service_type.place()].remove(number, &slot, &self.slots);
        self.sellers.remove_offer(slot.seller, number);
        let terms = self.slots.remove(number);
        self.words.remove(number, &terms);
    }

    /// Changes what is known of an agent, and with it the places of all its listings. Nothing
    /// happens where no listing would move.
    pub fn set_seller(&mut self, did: &Did, facts: SellerFacts) {
        let Some(seller) = self.sellers.number(did) else { return };
        let Some(known) = self.sellers.get(seller) else { return };
        if known.facts == facts {
            return;
        }
        let offers = known.offers.clone();
        self.sellers.set_facts(seller, facts);
        for number in offers {
            let Some(slot) = self.slots.get(number).cloned() else { continue };
            let moved = self.sold_by(&slot, &facts);
            let moves = |sort: Sort| slot.place(sort) != moved.place(sort);
            let kind = &mut self.kinds[slot.service_type.place()];
            self.market.remove_where(number, &slot, &self.slots, moves);
            kind.remove_where(number, &slot, &self.slots, moves);
            if let Some(place) = self.slots.get_mut(number) {
                *place = moved.clone();
            }
            self.market.add_where(number, &moved, &self.slots, moves);
            kind.add_where(number, &moved, &self.slots, moves);
        }
    }

    /// The slot with what is known of the seller.
    fn sold_by(&self, slot: &Slot, facts: &SellerFacts) -> Slot {
        Slot {
            price: price_now(slot.listed, slot.price_follows_reputation, facts.reputation),
            reputation: facts.reputation,
            merit: merit(facts, &self.blend),
            fulfilment: fulfilment(facts),
            is_newcomer: facts.kept.saturating_add(facts.broken) < NEWCOMER_ORDERS,
            ..slot.clone()
        }
    }

    /// Answers a query.
    ///
    /// # Errors
    /// When the query exceeds a bound, or its cursor was given out for another one.
    pub fn search(&self, query: &Query) -> Result<Page, SearchError> {
        let words = QueryWords::read(query.text.as_deref().unwrap_or_default(), query.matching)?;
        if !(1..=MAX_LIMIT).contains(&query.limit) {
            return Err(SearchError::LimitOutOfRange);
        }
        let (after, kept) = match &query.after {
            Some(cursor) => {
                let (place, kept) = cursor.read(query, &words).ok_or(SearchError::ForeignCursor)?;
                (Some(place), kept)
            }
            None => (None, Kept { today: day(query.now), ..Kept::default() }),
        };
        let seller = query.provider.as_ref().and_then(|did| self.sellers.number(did));
        let mut plan = Plan { query, words, seller, after, kept };
        if plan.words.is_empty() {
            Ok(browse::browse(self, &plan))
        } else {
            Ok(text::search(self, &mut plan))
        }
    }

    /// The parts of a score. Without peers, which is without words, only the seller counts.
    pub(crate) fn score(&self, slot: &Slot, text: u32, today: i64, peers: Option<&Peers>) -> Score {
        let facts = SellerFacts { reputation: slot.reputation, ..SellerFacts::default() };
        let known = Score {
            total: slot.merit,
            text,
            reputation: standing(&facts),
            fulfilment: percent(slot.fulfilment),
            price: 0,
            freshness: freshness(slot.created_at, today),
        };
        match peers {
            Some(peers) => Score { price: peers.share(slot), ..known }.blended(&self.blend),
            None if text > 0 => known.blended(&self.blend),
            None => known,
        }
    }

    pub(crate) fn number_of(&self, id: ListingId) -> Option<u32> {
        let number = self.by_id.find(|other| self.slots.get(other).is_some_and(|s| s.id < id))?;
        self.slots.get(number).filter(|slot| slot.id == id)?;
        Some(number)
    }
}

/// The words of a listing, each once, with their impacts.
fn weigh(document: &Document) -> BTreeMap<String, u8> {
    let fields = [
        (&document.name, NAME_WEIGHT),
        (&document.tags, TAG_WEIGHT),
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
    use marketplace_money::{Amount, Currency, Seconds, Timestamp};

    use super::*;
    use crate::document::Acceptance;

    fn document(id: u128, text: &str) -> Document {
        Document {
            id: format!("{id:032x}").parse().unwrap(),
            provider: "did:seller".parse().unwrap(),
            service_type: ServiceKind::Custom,
            name: text.into(),
            description: String::new(),
            metadata_text: String::new(),
            tags: String::new(),
            price: Amount::from_avt(1),
            price_follows_reputation: false,
            currency: Currency::Avt,
            delivery: Seconds(60),
            acceptance: Acceptance::BuyerConfirms,
            seller: SellerFacts::default(),
            created_at: Timestamp::default(),
        }
    }

    fn found(index: &Index, text: &str) -> usize {
        let query = Query { text: Some(text.into()), sort: Sort::Newest, ..Query::default() };
        index.search(&query).unwrap().total
    }

    #[test]
    fn memory_follows_what_is_listed_now() {
        let mut index = Index::default();
        for version in 0..20_000 {
            let id = version % 100;
            index.upsert(document(id, &format!("offer w{version}x"))).unwrap();
        }
        assert_eq!(index.len(), 100);
        assert_eq!(found(&index, "offer"), 100);
        assert_eq!(found(&index, "w19999x offer"), 1);
        assert_eq!(index.slots.size(), 100);
        assert_eq!(index.words.len(), 101);
        assert_eq!(index.words.of_word("offer").len(), 100);
        for id in 0..100 {
            index.remove(document(id, "").id);
        }
        assert!(index.is_empty());
        assert_eq!((index.seller_count(), index.words.len()), (0, 0));
        assert_eq!(found(&index, "o"), 0);
    }

    #[test]
    fn a_full_index_refuses_and_takes_again_what_fits() {
        let mut index = Index { capacity: 2, ..Index::default() };
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
        let mut index = Index::default();
        let many = "filler ".repeat(MAX_DOCUMENT_WORDS - 1);
        index.upsert(document(1, &format!("{many} last beyond"))).unwrap();
        assert_eq!((found(&index, "last"), found(&index, "beyond")), (1, 0));
    }
}
