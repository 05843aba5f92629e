//! Answers.

use marketplace_money::{Amount, ListingId, Reputation, Seconds};

use crate::cursor::Cursor;
use crate::document::{Acceptance, ServiceKind};
use crate::score::Score;
use crate::slots::Slot;

/// A listing that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Which.
    pub id: ListingId,
    /// What made its place, where the order is relevance; without words only what is known of the
    /// seller.
    pub score: Score,
    /// Listings of the same seller that stand before it, by threes: each three that a seller has
    /// among the best make way for others.
    pub tier: u16,
    /// It is here because its seller is new, not because of its score.
    pub is_newcomer: bool,
}

/// An answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The hits of this page, in the order asked for.
    pub hits: Vec<Hit>,
    /// All matches, on all pages.
    pub total: usize,
    /// No listing has all of the words: these have some.
    pub is_partial: bool,
    /// Counts of all matches, if they were asked for.
    pub facets: Option<Facets>,
    /// Where the next page begins, if there is one.
    pub next: Option<Cursor>,
}

/// Bounds between the counts of prices, in AVT: below the first, from the first and below the
/// second, and so on.
pub const PRICE_BOUNDS: [i64; 5] = [1, 10, 100, 1_000, 10_000];
/// Bounds between the counts of standing, in points.
pub const REPUTATION_BOUNDS: [i32; 4] = [0, 25, 50, 75];
/// Bounds between the counts of delivery times, in seconds: up to the first, and so on.
pub const DELIVERY_BOUNDS: [u32; 3] = [3_600, 6 * 3_600, 24 * 3_600];

/// How many of all matches are of which kind, price and so on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facets {
    /// At [`ServiceKind::place`].
    pub kinds: [usize; ServiceKind::ALL.len()],
    /// At [`Acceptance::place`].
    pub policies: [usize; Acceptance::ALL.len()],
    /// Between [`PRICE_BOUNDS`].
    pub prices: [usize; PRICE_BOUNDS.len() + 1],
    /// Between [`REPUTATION_BOUNDS`].
    pub reputations: [usize; REPUTATION_BOUNDS.len() + 1],
    /// Between [`DELIVERY_BOUNDS`].
    pub deliveries: [usize; DELIVERY_BOUNDS.len() + 1],
}

impl Facets {
    pub(crate) fn count(&mut self, slot: &Slot) {
        let price = |bound: &&i64| slot.price >= Amount::from_avt(**bound);
        let standing =
            |bound: &&i32| slot.reputation >= Reputation::from_milli(i64::from(**bound) * 1_000);
        let delivery = |bound: &&u32| slot.delivery > Seconds(**bound);
        self.kinds[slot.service_type.place()] += 1;
        self.policies[slot.acceptance.place()] += 1;
        self.prices[PRICE_BOUNDS.iter().take_while(price).count()] += 1;
        self.reputations[REPUTATION_BOUNDS.iter().take_while(standing).count()] += 1;
        self.deliveries[DELIVERY_BOUNDS.iter().take_while(delivery).count()] += 1;
    }
}
