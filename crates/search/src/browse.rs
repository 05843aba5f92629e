//! Searches without words: answered from the sorted orders.
//!
//! With at most one range to respect the number of matches is a difference of ranks, and only the
//! hits of the page are touched. Otherwise the smallest range is walked and the rest is filtered.

use std::ops::Range;

use crate::cursor::SortKey;
use crate::index::Index;
use crate::query::{Page, Query, Sort};
use crate::selection::{Plan, Selection};
use crate::shelf::Shelf;
use crate::slots::Slots;

/// Neighbours in one order.
struct Span {
    sort: Sort,
    range: Range<usize>,
}

pub(crate) fn browse(index: &Index, plan: &Plan<'_>) -> Page {
    let query = plan.query;
    if let Some(provider) = &query.provider {
        let offers = index.offers.get(provider).map_or(&[][..], Vec::as_slice);
        return pick(&index.slots, plan, offers.iter().copied());
    }
    let shelf = query.service_type.map_or(&index.market, |kind| &index.kinds[kind.place()]);
    let mut spans = spans(shelf, query, plan.sort, &index.slots);
    spans.sort_by_key(|span| span.range.len());
    let whole = Span { sort: plan.sort, range: 0..shelf.len() };
    match spans.as_slice() {
        [] => slice(index, shelf, plan, whole.range),
        [span] if span.sort == plan.sort => slice(index, shelf, plan, span.range.clone()),
        // Walking the wanted order meets one match in `whole / span` listings. Where that fills a
        // page sooner than sorting the whole span would be, it is the shorter way.
        [span]
            if span.range.len() > query.limit * (whole.range.len() / span.range.len().max(1)) =>
        {
            walk(index, shelf, plan, span.range.len())
        }
        [narrowest, ..] => {
            let from = shelf.order(narrowest.sort).iter_from(narrowest.range.start);
            pick(&index.slots, plan, from.take(narrowest.range.len()))
        }
    }
}

/// What each range filter of the query leaves, in an order where that is one piece: in the wanted
/// order if it can be.
fn spans(shelf: &Shelf, query: &Query, wanted: Sort, slots: &Slots) -> Vec<Span> {
    let mut spans = Vec::with_capacity(2);
    if query.min_price.is_some() || query.max_price.is_some() {
        let sort = match wanted {
            Sort::PriceDescending => Sort::PriceDescending,
            _ => Sort::PriceAscending,
        };
        spans.push(Span { sort, range: shelf.price_range(sort, query, slots) });
    }
    if let Some(bound) = query.min_reputation {
        spans.push(Span { sort: Sort::Reputation, range: shelf.standing_range(bound, slots) });
    }
    spans
}

/// All of `range` in the wanted order matches: the page is a piece of it.
fn slice(index: &Index, shelf: &Shelf, plan: &Plan<'_>, range: Range<usize>) -> Page {
    let reached = reached(index, shelf, plan).clamp(range.start, range.end);
    let rest = range.end - reached;
    let hits: Vec<SortKey> =
        keys(index, shelf, plan.sort, reached).take(rest.min(plan.query.limit)).collect();
    plan.page(&hits, range.len(), rest > hits.len())
}

/// Follows the wanted order until the page is full; the number of matches is known.
fn walk(index: &Index, shelf: &Shelf, plan: &Plan<'_>, total: usize) -> Page {
    let order = shelf.order(plan.sort);
    let mut hits: Vec<SortKey> = order
        .iter_from(reached(index, shelf, plan))
        .filter_map(|number| index.slots.get(number))
        .filter(|slot| slot.passes(plan.query))
        .map(|slot| slot.key(plan.sort, 0))
        .take(plan.query.limit + 1)
        .collect();
    let more = hits.len() > plan.query.limit;
    hits.truncate(plan.query.limit);
    plan.page(&hits, total, more)
}

/// Filters candidates that come in another order than the wanted one.
fn pick(slots: &Slots, plan: &Plan<'_>, candidates: impl Iterator<Item = u32>) -> Page {
    let mut selection = Selection::new(plan);
    for slot in candidates.filter_map(|number| slots.get(number)) {
        if slot.passes(plan.query) {
            selection.offer(slot.key(plan.sort, 0));
        }
    }
    selection.into_page()
}

/// How much of the wanted order earlier pages have covered.
fn reached(index: &Index, shelf: &Shelf, plan: &Plan<'_>) -> usize {
    plan.after.map_or(0, |after| shelf.rank_after(plan.sort, after, &index.slots))
}

fn keys<'a>(
    index: &'a Index,
    shelf: &'a Shelf,
    sort: Sort,
    rank: usize,
) -> impl Iterator<Item = SortKey> + 'a {
    shelf
        .order(sort)
        .iter_from(rank)
        .filter_map(|number| index.slots.get(number))
        .map(move |slot| slot.key(sort, 0))
}
