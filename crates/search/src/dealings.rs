//! What ended orders say of sellers and of listings: who keeps its word, and what is bought
//! together.
//!
//! Derived data, as the index is. Everything is bounded: of a buyer the newest purchases count, of a
//! listing its closest neighbours, and of two agents their first orders with each other, so that a
//! pair that trades with itself says little.

use std::collections::BTreeMap;

use marketplace_money::{Did, ListingId};

/// Of one buyer and one seller, so many orders count.
const OF_A_PAIR: u8 = 5;
/// Purchases of one buyer that count.
const BASKET: usize = 64;
/// Listings that are remembered as bought together with one.
const NEIGHBOURS: usize = 128;
/// Listings that are remembered as bought by most.
const POPULAR: usize = 256;

/// Ended orders, as far as they matter to searches.
#[derive(Default)]
pub struct Dealings {
    agents: BTreeMap<Did, u32>,
    records: BTreeMap<u32, (u32, u32)>,
    pairs: BTreeMap<(u32, u32), u8>,
    /// The newest last.
    baskets: BTreeMap<u32, Vec<ListingId>>,
    buyers: BTreeMap<ListingId, u32>,
    together: BTreeMap<ListingId, BTreeMap<ListingId, u32>>,
    /// By number of buyers, most first, then by id.
    popular: Vec<(u32, ListingId)>,
}

/// Why a listing is suggested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Because {
    /// Agents who bought this one bought it too.
    BoughtWith(ListingId),
    /// So many agents bought it.
    BoughtBy(u32),
}

/// A listing that may interest somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suggestion {
    /// Which.
    pub id: ListingId,
    /// Why.
    pub because: Because,
    /// For comparison with others of the same list.
    pub score: u64,
}

impl Dealings {
    fn agent(&mut self, did: &Did) -> u32 {
        if let Some(&number) = self.agents.get(did) {
            return number;
        }
        let number = u32::try_from(self.agents.len()).unwrap_or(u32::MAX);
        self.agents.insert(did.clone(), number);
        number
    }

    /// An order ended, and the seller kept its word or did not. Gives its new record, kept and
    /// broken, where it moved.
    pub fn ended(&mut self, seller: &Did, buyer: &Did, kept: bool) -> Option<(u32, u32)> {
        let (seller, buyer) = (self.agent(seller), self.agent(buyer));
        let known = self.pairs.entry((seller, buyer)).or_default();
        // A broken word always counts: nobody can hide it behind five good ones.
        if kept && *known >= OF_A_PAIR {
            return None;
        }
        *known = known.saturating_add(1);
        let record = self.records.entry(seller).or_default();
        let count = if kept { &mut record.0 } else { &mut record.1 };
        *count = count.saturating_add(1);
        Some(*record)
    }

    /// A buyer got what it bought.
    pub fn bought(&mut self, buyer: &Did, listing: ListingId) {
        let buyer = self.agent(buyer);
        let basket = self.baskets.entry(buyer).or_default();
        if basket.contains(&listing) {
            return;
        }
        for &other in &*basket {
            note(&mut self.together, other, listing);
            note(&mut self.together, listing, other);
        }
        if basket.len() == BASKET {
            basket.remove(0);
        }
        basket.push(listing);
        let count = self.buyers.entry(listing).or_default();
        *count += 1;
        let count = *count;
        self.popular.retain(|&(_, other)| other != listing);
        let at = self
            .popular
            .partition_point(|&(others, id)| (u32::MAX - others, id) < (u32::MAX - count, listing));
        self.popular.insert(at, (count, listing));
        self.popular.truncate(POPULAR);
    }

    /// A listing is gone for good.
    pub fn forget(&mut self, listing: ListingId) {
        self.buyers.remove(&listing);
        self.popular.retain(|&(_, id)| id != listing);
        for other in self.together.remove(&listing).unwrap_or_default().into_keys() {
            if let Some(neighbours) = self.together.get_mut(&other) {
                neighbours.remove(&listing);
            }
        }
    }

    /// What an agent bought, the newest first.
    pub fn basket(&self, buyer: &Did) -> impl Iterator<Item = ListingId> {
        let basket = self.agents.get(buyer).and_then(|number| self.baskets.get(number));
        basket.map(Vec::as_slice).unwrap_or_default().iter().rev().copied()
    }

    /// What was bought by those who bought a listing, closest first.
    #[must_use]
    pub fn bought_with(&self, listing: ListingId) -> Vec<Suggestion> {
        let mut found = self.neighbours(listing);
        sort(&mut found);
        found
    }

    /// What agents like this one bought, and what it did not, best first.
    #[must_use]
    pub fn suggested(&self, buyer: &Did) -> Vec<Suggestion> {
        let basket: Vec<ListingId> = self.basket(buyer).collect();
        let mut scores: BTreeMap<ListingId, (u64, u64, ListingId)> = BTreeMap::new();
        for &own in &basket {
            for near in self.neighbours(own) {
                let (sum, most, because) = scores.entry(near.id).or_insert((0, 0, own));
                *sum += near.score;
                if near.score > *most {
                    (*most, *because) = (near.score, own);
                }
            }
        }
        let new = scores.into_iter().filter(|(id, _)| !basket.contains(id));
        let mut found: Vec<Suggestion> = new
            .map(|(id, (score, _, own))| Suggestion {
                id,
                because: Because::BoughtWith(own),
                score,
            })
            .collect();
        sort(&mut found);
        found
    }

    /// What most agents bought.
    pub fn popular(&self) -> impl Iterator<Item = Suggestion> {
        self.popular.iter().map(|&(count, id)| Suggestion {
            id,
            because: Because::BoughtBy(count),
            score: count.into(),
        })
    }

    /// How close two listings are: their common buyers, over the geometric mean of their buyers.
    /// One common buyer of two rare listings is an accident, so one is taken off half.
    fn neighbours(&self, listing: ListingId) -> Vec<Suggestion> {
        let buyers = |id: &ListingId| u64::from(self.buyers.get(id).copied().unwrap_or(1));
        let own = buyers(&listing);
        let near = self.together.get(&listing).into_iter().flatten();
        near.map(|(id, &common)| {
            let common = u64::from(common) * 2 - 1;
            // The root of a millionfold: whole roots of small numbers are all alike.
            let mean = (own * buyers(id) * 1_000_000).isqrt().max(1);
            let score = common * 500_000_000 / mean;
            Suggestion { id: *id, because: Because::BoughtWith(listing), score }
        })
        .collect()
    }
}

fn sort(found: &mut [Suggestion]) {
    found.sort_by(|a, b| b.score.cmp(&a.score).then_with(|| a.id.cmp(&b.id)));
}

fn note(
    together: &mut BTreeMap<ListingId, BTreeMap<ListingId, u32>>,
    listing: ListingId,
    other: ListingId,
) {
    let neighbours = together.entry(listing).or_default();
    if neighbours.len() >= NEIGHBOURS && !neighbours.contains_key(&other) {
        let farthest = neighbours.iter().min_by_key(|&(id, &count)| (count, *id));
        if let Some(farthest) = farthest.map(|(&id, _)| id) {
            neighbours.remove(&farthest);
        }
    }
    *neighbours.entry(other).or_default() += 1;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn did(name: &str) -> Did {
        format!("did:x:{name}").parse().unwrap()
    }

    fn id(number: u32) -> ListingId {
        format!("{number:032x}").parse().unwrap()
    }

    fn ids(found: &[Suggestion]) -> Vec<ListingId> {
        found.iter().map(|suggestion| suggestion.id).collect()
    }

    #[test]
    fn a_pair_that_trades_with_itself_says_little() {
        let mut dealings = Dealings::default();
        let (seller, friend) = (did("s"), did("f"));
        for _ in 0..OF_A_PAIR {
            assert!(dealings.ended(&seller, &friend, true).is_some());
        }
        assert_eq!(dealings.ended(&seller, &friend, true), None);
        assert_eq!(dealings.ended(&seller, &friend, false), Some((5, 1)));
        assert_eq!(dealings.ended(&seller, &did("other"), true), Some((6, 1)));
    }

    #[test]
    fn what_is_bought_together_is_suggested() {
        let mut dealings = Dealings::default();
        for number in 0..5 {
            let buyer = did(&format!("b{number}"));
            dealings.bought(&buyer, id(1));
            dealings.bought(&buyer, id(2));
            dealings.bought(&buyer, id(2));
            if number == 0 {
                dealings.bought(&buyer, id(3));
            }
        }
        dealings.bought(&did("new"), id(1));
        assert_eq!(ids(&dealings.suggested(&did("new"))), [id(2), id(3)]);
        assert_eq!(dealings.suggested(&did("new"))[0].because, Because::BoughtWith(id(1)));
        assert_eq!(ids(&dealings.bought_with(id(3))), [id(2), id(1)]);
        assert_eq!(dealings.suggested(&did("nobody")), []);
        let popular: Vec<Suggestion> = dealings.popular().collect();
        assert_eq!(ids(&popular), [id(1), id(2), id(3)]);
        assert_eq!(popular[0].because, Because::BoughtBy(6));
        dealings.forget(id(2));
        assert_eq!(ids(&dealings.suggested(&did("new"))), [id(3)]);
    }

    #[test]
    fn memory_of_a_buyer_and_of_a_listing_is_bounded() {
        let mut dealings = Dealings::default();
        for number in 0..1_000 {
            dealings.bought(&did("b"), id(number));
        }
        assert_eq!(dealings.basket(&did("b")).count(), BASKET);
        assert_eq!(dealings.basket(&did("b")).next(), Some(id(999)));
        assert!(dealings.together.values().all(|near| near.len() <= NEIGHBOURS));
        assert_eq!(dealings.popular().count(), POPULAR);
    }
}
