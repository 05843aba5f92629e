//! One slot for each listing: what filters and sorts compare. Its number stands for the listing in
//! posting lists and orders.

use marketplace_money::{Amount, Did, ListingId, Reputation, Timestamp};

use crate::cursor::SortKey;
use crate::document::ServiceKind;
use crate::query::{Query, Sort};

/// What a listing is compared by.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    pub(crate) id: ListingId,
    pub(crate) provider: Did,
    pub(crate) price: Amount,
    pub(crate) created_at: Timestamp,
    pub(crate) reputation: Reputation,
    pub(crate) service_type: ServiceKind,
}

impl Slot {
    /// The place in an order; `relevance` is read by that sort only.
    pub(crate) fn key(&self, sort: Sort, relevance: i64) -> SortKey {
        // `!` turns an order round like a minus, and has no value that it cannot turn.
        let primary = match sort {
            Sort::Relevance => !relevance,
            Sort::PriceAscending => self.price.nano(),
            Sort::PriceDescending => !self.price.nano(),
            Sort::Newest => 0,
            Sort::Reputation => !i64::from(self.reputation.milli()),
        };
        SortKey { primary, age: !self.created_at.micros(), id: self.id }
    }

    /// Whether the listing passes all filters of the query. Words are not looked at.
    pub(crate) fn passes(&self, query: &Query) -> bool {
        query.service_type.is_none_or(|kind| kind == self.service_type)
            && query.min_price.is_none_or(|price| price <= self.price)
            && query.max_price.is_none_or(|price| price >= self.price)
            && query.min_reputation.is_none_or(|reputation| reputation <= self.reputation)
            && query.provider.as_ref().is_none_or(|provider| *provider == self.provider)
    }
}

/// All slots. The number of a removed listing is given out again only after every posting list has
/// forgotten it: until then its postings point at an empty slot.
#[derive(Default)]
pub(crate) struct Slots {
    table: Vec<Option<Slot>>,
    /// No posting points there.
    free: Vec<u32>,
    /// Removed before the running sweep began: free when it ends.
    fading: Vec<u32>,
    /// Removed while the sweep is running.
    removed: Vec<u32>,
}

impl Slots {
    /// The slot of a listing; nothing when it was removed.
    pub(crate) fn get(&self, number: u32) -> Option<&Slot> {
        self.table.get(number as usize)?.as_ref()
    }

    /// For changes that move no posting.
    pub(crate) fn get_mut(&mut self, number: u32) -> Option<&mut Slot> {
        self.table.get_mut(number as usize)?.as_mut()
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
        Some(number)
    }

    /// Empties a slot.
    pub(crate) fn remove(&mut self, number: u32) -> Option<Slot> {
        let slot = self.table.get_mut(number as usize)?.take()?;
        self.removed.push(number);
        Some(slot)
    }

    /// A sweep has passed over all posting lists: what was removed before it began is forgotten.
    pub(crate) fn sweep_ended(&mut self) {
        self.free.append(&mut self.fading);
        self.fading = std::mem::take(&mut self.removed);
    }

    /// Whether some number waits for a sweep.
    pub(crate) fn wants_sweep(&self) -> bool {
        !(self.fading.is_empty() && self.removed.is_empty())
    }
}
