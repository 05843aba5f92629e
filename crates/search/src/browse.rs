//! Searches without words: answered from the sorted orders.
//!
//! With at most one range to respect the number of matches is a difference of ranks, and only the
//! hits of the page are touched. Otherwise the smallest range is walked and the rest is filtered.

use std::ops::Range;

use crate::cursor::OUTSIDE;
use crate::index::Index;
use crate::page::Page;
use crate::query::{Query, Sort};
use crate::selection::{BEST, Entry, Plan, Selection};
use crate::shelf::Shelf;
use crate::slots::{Slot, Slots};

/// The newest listings, among which newcomers are looked for where not all matches are seen.
const NEWEST: usize = 256;

/// Neighbours in one order.
struct Span {
    sort: Sort,
    range: Range<usize>,
}

pub(crate) fn browse(index: &Index, plan: &Plan<'_>) -> Page {
    let query = plan.query;
    if let Some(provider) = &query.provider {
        return pick(index, plan, index.sellers.offers(provider).iter().copied());
    }
    let shelf = query.service_type.map_or(&index.market, |kind| &index.kinds[kind.place()]);
    let mut spans = spans(shelf, query, &index.slots);
    spans.sort_by_key(|span| span.range.len());
    let whole = 0..shelf.len();
    let counted = !query.facets && !query.has_residual_filter();
    match spans.as_slice() {
        [] if counted => slice(index, shelf, plan, whole),
        [] => pick(index, plan, shelf.order(query.sort).iter_from(0)),
        [span] if counted && span.sort == query.sort => {
            slice(index, shelf, plan, span.range.clone())
        }
        // Walking the wanted order meets one match in `whole / span` listings. Where that fills a
        // page sooner than sorting the whole span would be, it is the shorter way.
        [span]
            if counted
                && span.range.len()
                    > (query.limit + BEST) * (whole.len() / span.range.len().max(1)) =>
        {
            walk(index, shelf, plan, span.range.len())
        }
        [narrowest, ..] => {
            let from = shelf.order(narrowest.sort).iter_from(narrowest.range.start);
            pick(index, plan, from.take(narrowest.range.len()))
        }
    }
}

/// What each range filter of the query leaves, in an order where that is one piece: in the wanted
/// order if it can be.
fn spans(shelf: &Shelf, query: &Query, slots: &Slots) -> Vec<Span> {
    let mut spans = Vec::with_capacity(2);
    if query.min_price.is_some() || query.max_price.is_some() {
        let sort = match query.sort {
            Sort::PriceDescending => Sort::PriceDescending,
            _ => Sort::PriceAscending,
        };
        spans.push(Span { sort, range: shelf.price_range(sort, query, slots) });
    }
    if query.min_reputation.is_some() || query.max_reputation.is_some() {
        spans.push(Span { sort: Sort::Reputation, range: shelf.standing_range(query, slots) });
    }
    spans
}

fn entry(number: u32, slot: &Slot, sort: Sort) -> Entry {
    Entry { key: slot.place(sort), number, text: 0 }
}

/// All of `range` in the wanted order matches: the page is a piece of it.
fn slice(index: &Index, shelf: &Shelf, plan: &Plan<'_>, range: Range<usize>) -> Page {
    let total = range.len();
    in_order(index, shelf, plan, range, total, |_| true)
}

/// Follows the wanted order until the page is full; the number of matches is known.
fn walk(index: &Index, shelf: &Shelf, plan: &Plan<'_>, total: usize) -> Page {
    let whole = 0..shelf.len();
    in_order(index, shelf, plan, whole, total, |slot| slot.passes(plan.query, plan.seller))
}

/// The matches come in the wanted order: the best of them first, and then those after the cursor.
fn in_order(
    index: &Index,
    shelf: &Shelf,
    plan: &Plan<'_>,
    range: Range<usize>,
    total: usize,
    passes: impl Fn(&Slot) -> bool,
) -> Page {
    let query = plan.query;
    let order = shelf.order(query.sort);
    let matches = |from: usize| {
        let rest = order.iter_from(from).take(range.end.saturating_sub(from)).enumerate();
        rest.filter_map(|(at, number)| Some((at, number, index.slots.get(number)?)))
            .filter(|(_, _, slot)| passes(slot))
    };
    let mut selection = Selection::new(index, plan).with_total(total);
    let ranks = query.sort == Sort::Relevance && query.spread;
    let mut reached = range.start;
    if ranks {
        for (at, number, slot) in matches(range.start).take(BEST) {
            selection.place(entry(number, slot, query.sort));
            reached = range.start + at + 1;
        }
    }
    // What comes up to the cursor was shown.
    if let Some(after) = plan.after.filter(|after| !ranks || after.tier == OUTSIDE) {
        reached = reached.max(shelf.rank_after(query.sort, after.key, &index.slots));
    }
    // One more than the page holds tells that there are more, and one may be the newcomer that was
    // shown before.
    for (_, number, slot) in matches(reached).take(query.limit + 2) {
        selection.place(entry(number, slot, query.sort));
    }
    if plan.explores() {
        let newest = shelf.order(Sort::Newest).iter_from(0).take(NEWEST);
        for (number, slot) in newest.filter_map(|n| Some((n, index.slots.get(n)?))) {
            if slot.passes(query, plan.seller) {
                selection.note_newcomer(number, slot);
            }
        }
    }
    selection.into_page(None)
}

/// Filters candidates that come in another order than the wanted one.
fn pick(index: &Index, plan: &Plan<'_>, candidates: impl Iterator<Item = u32>) -> Page {
    let mut selection = Selection::new(index, plan);
    for number in candidates {
        let Some(slot) = index.slots.get(number) else { continue };
        if slot.passes(plan.query, plan.seller) {
            selection.offer(entry(number, slot, plan.query.sort), slot);
        }
    }
    selection.into_page(None)
}
