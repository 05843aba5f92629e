//! One slot for each listing: what filters and sorts compare. Its number stands for the listing in
//! posting lists and orders.

use marketplace_money::{Amount, Currency, ListingId, Reputation, Seconds, Timestamp};

use crate::cursor::SortKey;
use crate::document::{Acceptance, ServiceKind};
use crate::query::{Query, Sort};

/// What a listing is compared by.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    pub(crate) id: ListingId,
    /// As written.
    pub(crate) listed: Amount,
    /// As it would be paid now.
    pub(crate) price: Amount,
    pub(crate) created_at: Timestamp,
    /// Its place in the table of sellers.
    pub(crate) seller: u32,
    pub(crate) reputation: Reputation,
    /// Of the seller, in millionths.
    pub(crate) merit: u32,
    pub(crate) delivery: Seconds,
    /// Of the seller, in whole percent.
    pub(crate) fulfilment: u8,
    pub(crate) service_type: ServiceKind,
    pub(crate) acceptance: Acceptance,
    pub(crate) price_follows_reputation: bool,
    pub(crate) is_newcomer: bool,
    pub(crate) currency: Currency,
}

impl Slot {
    /// The place in an order; `score` is read by relevance only, and where there are no words it is
    /// the merit.
    pub(crate) fn key(&self, sort: Sort, score: i64) -> SortKey {
        // `!` turns an order round like a minus, and has no value that it cannot turn.
        let primary = match sort {
            Sort::Relevance => !score,
            Sort::PriceAscending => self.price.nano(),
            Sort::PriceDescending => !self.price.nano(),
            Sort::Newest => 0,
            Sort::Reputation => !i64::from(self.reputation.milli()),
            Sort::Fulfilment => !i64::from(self.fulfilment),
        };
        SortKey { primary, age: !self.created_at.micros(), id: self.id }
    }

    /// The place in a sorted order, where the score is the merit.
    pub(crate) fn place(&self, sort: Sort) -> SortKey {
        self.key(sort, i64::from(self.merit))
    }

    /// Whether the listing passes all filters of the query. Words are not looked at; `seller` is
    /// the number of the one that the query names, if it names one that sells.
    pub(crate) fn passes(&self, query: &Query, seller: Option<u32>) -> bool {
        query.service_type.is_none_or(|kind| kind == self.service_type)
            && query.min_price.is_none_or(|price| price <= self.price)
            && query.max_price.is_none_or(|price| price >= self.price)
            && query.min_reputation.is_none_or(|reputation| reputation <= self.reputation)
            && query.max_reputation.is_none_or(|reputation| reputation >= self.reputation)
            && query.max_delivery.is_none_or(|longest| longest >= self.delivery)
            && query.acceptance.is_none_or(|acceptance| acceptance == self.acceptance)
            && query.currency.is_none_or(|currency| currency == self.currency)
            && (query.provider.is_none() || seller == Some(self.seller))
    }
}

/// All slots.
#[derive(Default)]
pub(crate) struct Slots {
    table: Vec<Option<Slot>>,
    /// The words of each listing, to take it out of their lists.
    terms: Vec<Box<[u32]>>,
    free: Vec<u32>,
}

impl Slots {
    /// The slot of a listing; nothing when it was removed.
    pub(crate) fn get(&self, number: u32) -> Option<&Slot> {
        self.table.get(number as usize)?.as_ref()
    }

    /// All slots of listings, with their numbers.
    pub(crate) fn filled(&self) -> impl Iterator<Item = (u32, &Slot)> {
        (0..).zip(&self.table).filter_map(|(number, slot)| Some((number, slot.as_ref()?)))
    }

    /// For changes that move no posting.
    pub(crate) fn get_mut(&mut self, number: u32) -> Option<&mut Slot> {
        self.table.get_mut(number as usize)?.as_mut()
    }

    /// The words of a listing.
    pub(crate) fn terms(&self, number: u32) -> &[u32] {
        self.terms.get(number as usize).map_or(&[], |terms| terms)
    }

    pub(crate) fn set_terms(&mut self, number: u32, terms: Box<[u32]>) {
        if let Some(place) = self.terms.get_mut(number as usize) {
            *place = terms;
        }
    }

    /// How many numbers were ever in use at once.
    pub(crate) fn size(&self) -> usize {
        self.table.len()
    }

    /// A number for a new listing, below `capacity`; nothing when all are taken.
    pub(crate) fn add(&mut self, slot: Slot, capacity: u32) -> Option<u32> {
        if let Some(number) = self.free.pop() {
            self.table[number as usize] = Some(slot);
            return Some(number);
        }
        let number = u32::try_from(self.table.len()).ok().filter(|&number| number < capacity)?;
        self.table.push(Some(slot));
        self.terms.push(Box::default());
        Some(number)
    }

    /// Empties a slot, and gives the words of its listing.
    pub(crate) fn remove(&mut self, number: u32) -> Box<[u32]> {
        let Some(place) = self.table.get_mut(number as usize) else { return Box::default() };
        if place.take().is_some() {
            self.free.push(number);
        }
        std::mem::take(&mut self.terms[number as usize])
    }
}
