//! Listings in every order that a page can be asked for. There is one shelf for the whole market
//! and one for each kind of service.

use std::ops::Range;

use marketplace_money::Reputation;

use crate::cursor::SortKey;
use crate::order::Order;
use crate::query::{Query, Sort};
use crate::slots::{Slot, Slots};

/// The orders of a shelf, in the places that [`Shelf::order`] names. Without words, relevance is
/// the order of standing and needs none of its own.
const SORTS: [Sort; 4] =
    [Sort::Reputation, Sort::PriceAscending, Sort::PriceDescending, Sort::Newest];

/// The same listings in four orders.
#[derive(Default)]
pub(crate) struct Shelf {
    orders: [Order; 4],
}

/// True for slots before the place `key` in an order of `sort`.
fn before(slots: &Slots, sort: Sort, key: SortKey) -> impl Fn(u32) -> bool {
    move |number| slots.get(number).is_some_and(|slot| slot.key(sort, 0) < key)
}

impl Shelf {
    /// How many listings stand here.
    pub(crate) fn len(&self) -> usize {
        self.order(Sort::Newest).len()
    }

    /// The listings in the order of `sort`.
    pub(crate) fn order(&self, sort: Sort) -> &Order {
        let place = SORTS.iter().position(|&other| other == sort).unwrap_or(0);
        &self.orders[place]
    }

    /// Puts a listing in its places; its slot is filled already.
    pub(crate) fn add(&mut self, number: u32, slot: &Slot, slots: &Slots) {
        for (order, sort) in self.orders.iter_mut().zip(SORTS) {
            order.insert(number, before(slots, sort, slot.key(sort, 0)));
        }
    }

    /// Takes a listing out of its places; its slot is still filled.
    pub(crate) fn remove(&mut self, number: u32, slot: &Slot, slots: &Slots) {
        for (order, sort) in self.orders.iter_mut().zip(SORTS) {
            order.remove(number, before(slots, sort, slot.key(sort, 0)));
        }
    }

    /// Takes a listing out of the order of standing, before its standing changes.
    pub(crate) fn remove_standing(&mut self, number: u32, slot: &Slot, slots: &Slots) {
        let key = slot.key(Sort::Reputation, 0);
        self.orders[0].remove(number, before(slots, Sort::Reputation, key));
    }

    /// Puts it back with its new standing.
    pub(crate) fn add_standing(&mut self, number: u32, slot: &Slot, slots: &Slots) {
        let key = slot.key(Sort::Reputation, 0);
        self.orders[0].insert(number, before(slots, Sort::Reputation, key));
    }

    /// How many listings come up to and including the place `key`.
    pub(crate) fn rank_after(&self, sort: Sort, key: SortKey, slots: &Slots) -> usize {
        self.order(sort).rank(|n| slots.get(n).is_some_and(|slot| slot.key(sort, 0) <= key))
    }

    /// Where the listings within the price bounds of the query stand in an order of price.
    pub(crate) fn price_range(&self, sort: Sort, query: &Query, slots: &Slots) -> Range<usize> {
        let order = self.order(sort);
        let cheaper = |slot: &Slot| query.min_price.is_some_and(|bound| slot.price < bound);
        let dearer = |slot: &Slot| query.max_price.is_some_and(|bound| slot.price > bound);
        let at = |number| slots.get(number);
        let (start, end) = if sort == Sort::PriceDescending {
            (order.rank(|n| at(n).is_some_and(dearer)), order.rank(|n| !at(n).is_some_and(cheaper)))
        } else {
            (order.rank(|n| at(n).is_some_and(cheaper)), order.rank(|n| !at(n).is_some_and(dearer)))
        };
        // Bounds that exclude each other leave nothing.
        start..end.max(start)
    }

    /// Where the listings of agents with at least this standing are in the order of standing.
    pub(crate) fn standing_range(&self, bound: Reputation, slots: &Slots) -> Range<usize> {
        let good = |n| slots.get(n).is_some_and(|slot| slot.reputation >= bound);
        0..self.order(Sort::Reputation).rank(good)
    }
}
