//! Listings in every order that a page can be asked for. There is one shelf for the whole market
//! and one for each kind of service.

use std::ops::Range;

use crate::cursor::SortKey;
use crate::document::ServiceKind;
use crate::order::Order;
use crate::query::{Query, Sort};
use crate::slots::{Slot, Slots};

/// The orders of a shelf, in the places that [`Shelf::order`] names. That of relevance is by merit:
/// it serves questions without words.
const SORTS: [Sort; 6] = [
    Sort::Relevance,
    Sort::Reputation,
    Sort::Fulfilment,
    Sort::PriceAscending,
    Sort::PriceDescending,
    Sort::Newest,
];

/// The same listings in six orders.
#[derive(Default)]
pub(crate) struct Shelf {
    orders: [Order; SORTS.len()],
}

/// True for slots before the place `key` in an order of `sort`.
fn before(slots: &Slots, sort: Sort, key: SortKey) -> impl Fn(u32) -> bool {
    move |number| slots.get(number).is_some_and(|slot| slot.place(sort) < key)
}

impl Shelf {
    /// The shelf of the market and those of all kinds, over all slots: sorting once takes a small
    /// part of the time in which each listing looks for its places.
    pub(crate) fn filled(slots: &Slots) -> (Self, [Self; ServiceKind::ALL.len()]) {
        let (mut market, mut kinds) =
            (Self::default(), <[Self; ServiceKind::ALL.len()]>::default());
        for (place, sort) in SORTS.into_iter().enumerate() {
            let mut all: Vec<(SortKey, u32, usize)> = slots
                .filled()
                .map(|(number, slot)| (slot.place(sort), number, slot.service_type.place()))
                .collect();
            all.sort_unstable();
            let numbers: Vec<u32> = all.iter().map(|&(_, number, _)| number).collect();
            market.orders[place] = Order::sorted(&numbers);
            for (own, kind) in kinds.iter_mut().enumerate() {
                let of_kind = all.iter().filter(|&&(_, _, kind)| kind == own);
                let numbers: Vec<u32> = of_kind.map(|&(_, number, _)| number).collect();
                kind.orders[place] = Order::sorted(&numbers);
            }
        }
        (market, kinds)
    }

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
        self.add_where(number, slot, slots, |_| true);
    }

    /// Takes a listing out of its places; its slot is still filled.
    pub(crate) fn remove(&mut self, number: u32, slot: &Slot, slots: &Slots) {
        self.remove_where(number, slot, slots, |_| true);
    }

    /// Puts a listing in some of the orders.
    pub(crate) fn add_where(
        &mut self,
        number: u32,
        slot: &Slot,
        slots: &Slots,
        wanted: impl Fn(Sort) -> bool,
    ) {
        for (order, sort) in self.orders.iter_mut().zip(SORTS).filter(|(_, sort)| wanted(*sort)) {
            order.insert(number, before(slots, sort, slot.place(sort)));
        }
    }

    /// Takes a listing out of some of the orders, before what they compare changes.
    pub(crate) fn remove_where(
        &mut self,
        number: u32,
        slot: &Slot,
        slots: &Slots,
        wanted: impl Fn(Sort) -> bool,
    ) {
        for (order, sort) in self.orders.iter_mut().zip(SORTS).filter(|(_, sort)| wanted(*sort)) {
            order.remove(number, before(slots, sort, slot.place(sort)));
        }
    }

    /// How many listings come up to and including the place `key`.
    pub(crate) fn rank_after(&self, sort: Sort, key: SortKey, slots: &Slots) -> usize {
        self.order(sort).rank(|n| slots.get(n).is_some_and(|slot| slot.place(sort) <= key))
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

    /// Where the listings within the bounds of standing are in the order of standing.
    pub(crate) fn standing_range(&self, query: &Query, slots: &Slots) -> Range<usize> {
        let order = self.order(Sort::Reputation);
        let better = |n| {
            let slot = slots.get(n);
            slot.is_some_and(|s| query.max_reputation.is_some_and(|bound| s.reputation > bound))
        };
        let good = |n| {
            let slot = slots.get(n);
            slot.is_some_and(|s| query.min_reputation.is_none_or(|bound| s.reputation >= bound))
        };
        let (start, end) = (order.rank(better), order.rank(good));
        start..end.max(start)
    }

    /// Prices that part the listings into eight equal groups, cheapest first; what a price is
    /// worth is told by how many of them it exceeds.
    pub(crate) fn price_octiles(&self, slots: &Slots) -> [i64; 7] {
        let order = self.order(Sort::PriceAscending);
        std::array::from_fn(|at| {
            let number = order.iter_from(order.len() * (at + 1) / 8).next();
            let slot = number.and_then(|number| slots.get(number));
            slot.map_or(i64::MAX, |slot| slot.price.nano())
        })
    }
}
