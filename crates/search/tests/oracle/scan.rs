//! The naive scan: an independent statement of what a search answers.

use std::collections::{BTreeMap, BTreeSet};

use marketplace_money::{Amount, Did, ListingId, Multiplier};
use marketplace_search::{
    DELIVERY_BOUNDS, Document, Facets, Matching, PRICE_BOUNDS, Query, REPUTATION_BOUNDS,
    SellerFacts, ServiceKind, Sort, is_stop_word, words,
};

/// What comes first is smaller: whether sellers make way, what the sort compares, age, id.
pub(crate) type Key = (u16, i64, i64, ListingId);

#[derive(Default)]
pub(crate) struct Oracle {
    pub(crate) listings: BTreeMap<ListingId, Document>,
}

/// All that a search answers, on one page.
#[derive(Debug, Default)]
pub(crate) struct Expect {
    pub(crate) keys: Vec<Key>,
    pub(crate) is_partial: bool,
    pub(crate) facets: Facets,
}

const DAY: i64 = 86_400_000_000;

fn price(document: &Document) -> Amount {
    if !document.price_follows_reputation {
        return document.price;
    }
    Multiplier::from_reputation(document.seller.reputation)
        .of(document.price)
        .expect("the price fits")
}

/// The largest whole percentage that Wilson's lower bound is not below: found by trying, from the
/// inequality that defines the interval.
fn fulfilment(facts: &SellerFacts) -> i64 {
    let (kept, all) = (i128::from(facts.kept), i128::from(facts.kept + facts.broken));
    if all == 0 {
        return 0;
    }
    // p is below the bound where (kept − all·p)² ≥ z²·all·p·(1 − p), on the lower side.
    let below = |percent: i128| {
        let distance = kept * 100 - all * percent;
        distance >= 0 && distance * distance * 10_000 >= 38_416 * all * percent * (100 - percent)
    };
    (0..100).rev().find(|&percent| below(percent)).map_or(0, |percent| percent as i64)
}

fn rarity(listings: usize, having: usize) -> i64 {
    let ratio = ((listings as u64 + 1) << 16) / (having as u64 + 1);
    let exponent = i64::from(63 - ratio.leading_zeros());
    let mantissa = (ratio >> (exponent - 8)) & 255;
    (exponent * 256 + mantissa as i64 - 4_096).max(32)
}

fn slips(a: &[char], b: &[char]) -> usize {
    match (a, b) {
        ([], rest) | (rest, []) => rest.len(),
        ([x, a1 @ ..], [y, b1 @ ..]) if x == y => slips(a1, b1),
        ([x, a1 @ ..], [y, b1 @ ..]) => {
            let mut least = slips(a1, b1).min(slips(a1, b)).min(slips(a, b1)) + 1;
            if let ([x2, a2 @ ..], [y2, b2 @ ..]) = (a1, b1)
                && x == y2
                && y == x2
            {
                least = least.min(slips(a2, b2) + 1);
            }
            least
        }
    }
}

impl Oracle {
    pub(crate) fn upsert(&mut self, document: Document) {
        self.set_seller(&document.provider, document.seller);
        self.listings.insert(document.id, document);
    }

    pub(crate) fn set_seller(&mut self, provider: &Did, facts: SellerFacts) {
        for document in self.listings.values_mut().filter(|d| d.provider == *provider) {
            document.seller = facts;
        }
    }

    /// Words and what they are worth in a listing.
    fn impacts(document: &Document) -> BTreeMap<String, i64> {
        let fields = [
            (5, &document.name),
            (3, &document.tags),
            (2, &document.description),
            (1, &document.metadata_text),
        ];
        let mut weights: BTreeMap<String, i64> = BTreeMap::new();
        let mut length = 0;
        for (weight, text) in fields {
            for word in words(text) {
                *weights.entry(word).or_default() += weight;
                length += 1;
            }
        }
        let impact = |weight: i64| (255 * 60 * weight / (60 * weight + 4 * (30 + length))).max(1);
        weights.into_iter().map(|(word, weight)| (word, impact(weight))).collect()
    }

    /// The words that may stand for one, each with what it is worth, of 256.
    fn readings(all: &BTreeMap<String, usize>, word: &str, begun: bool) -> BTreeMap<String, i64> {
        let mut readings: BTreeMap<String, i64> = BTreeMap::new();
        for other in all.keys() {
            if other == word {
                readings.insert(other.clone(), 256);
            } else if begun && other.starts_with(word) {
                readings.insert(other.clone(), 128);
            }
        }
        let known: usize = readings.keys().map(|word| all[word]).sum();
        let chars: Vec<char> = word.chars().collect();
        let forgiven = if chars.len() < 5 {
            0
        } else if chars.len() < 9 {
            1
        } else {
            2
        };
        for (other, &having) in all {
            let letters: Vec<char> = other.chars().collect();
            let starts = letters[0] == chars[0]
                || (chars.len() > 1 && letters.len() > 1 && letters[..2] == [chars[1], chars[0]]);
            let near = slips(&chars, &letters);
            if readings.contains_key(other) || near > forgiven || !starts {
                continue;
            }
            if having >= 8 * known || known >= 8 * having {
                readings.insert(other.clone(), if near == 1 { 160 } else { 96 });
            }
        }
        readings
    }

    fn passes(document: &Document, query: &Query) -> bool {
        let price = price(document);
        let reputation = document.seller.reputation;
        query.service_type.is_none_or(|kind| document.service_type == kind)
            && query.min_price.is_none_or(|bound| price >= bound)
            && query.max_price.is_none_or(|bound| price <= bound)
            && query.min_reputation.is_none_or(|bound| reputation >= bound)
            && query.max_reputation.is_none_or(|bound| reputation <= bound)
            && query.provider.as_ref().is_none_or(|did| document.provider == *did)
            && query.max_delivery.is_none_or(|bound| document.delivery <= bound)
            && query.acceptance.is_none_or(|policy| document.acceptance == policy)
            && query.currency.is_none_or(|currency| document.currency == currency)
    }

    /// How many of eight equal groups of its kind a price exceeds.
    fn exceeded(&self, kind: ServiceKind, nano: i64) -> i64 {
        let of_kind = self.listings.values().filter(|document| document.service_type == kind);
        let mut prices: Vec<i64> = of_kind.map(|document| price(document).nano()).collect();
        prices.sort_unstable();
        let bounds = (1..8).map(|at| prices[prices.len() * at / 8]);
        i64::try_from(bounds.filter(|&bound| bound < nano).count()).expect("seven at most")
    }

    fn primary(&self, document: &Document, query: &Query, text: Option<i64>) -> i64 {
        let milli = i64::from(document.seller.reputation.milli());
        let kept = fulfilment(&document.seller) * 10_000;
        let standing = (milli + 100_000) * 5;
        match (query.sort, text) {
            (Sort::Relevance, None) => -((standing * 300_000 + kept * 98_000) / 398_000),
            (Sort::Relevance, Some(text)) => {
                let now = query.now.micros().div_euclid(DAY);
                let age = (now - document.created_at.micros().div_euclid(DAY)).max(0);
                let exceeded = self.exceeded(document.service_type, price(document).nano());
                let cheap = 1_000_000 - exceeded * 142_857;
                let fresh = 14_000_000 / (14 + age);
                let parts = text * 490_000 + standing * 300_000 + kept * 98_000;
                -((parts + cheap * 77_000 + fresh * 35_000) / 1_000_000)
            }
            (Sort::PriceAscending, _) => price(document).nano(),
            (Sort::PriceDescending, _) => -price(document).nano(),
            (Sort::Newest, _) => 0,
            (Sort::Reputation, _) => -milli,
            (Sort::Fulfilment, _) => -kept,
        }
    }

    pub(crate) fn search(&self, query: &Query) -> Expect {
        let some = query.matching == Matching::Any;
        let mut asked = words(query.text.as_deref().unwrap_or_default()).collect::<Vec<_>>();
        if some && asked.iter().any(|word| !is_stop_word(word)) {
            asked.retain(|word| !is_stop_word(word));
        }
        let strict = self.matching(query, &asked, some);
        let distinct: BTreeSet<&String> = asked.iter().collect();
        let relaxes = query.sort == Sort::Relevance && !some && distinct.len() > 1;
        if relaxes && strict.keys.is_empty() {
            let partial = self.matching(query, &asked, true);
            return Expect { is_partial: !partial.keys.is_empty(), ..partial };
        }
        strict
    }

    /// How well the words fit each listing that has all, or some of them.
    fn matching(&self, query: &Query, asked: &[String], some: bool) -> Expect {
        let impacts: BTreeMap<ListingId, BTreeMap<String, i64>> =
            self.listings.values().map(|d| (d.id, Self::impacts(d))).collect();
        let mut all: BTreeMap<String, usize> = BTreeMap::new();
        for word in impacts.values().flat_map(BTreeMap::keys) {
            *all.entry(word.clone()).or_default() += 1;
        }
        let mut groups = Vec::new();
        for (at, word) in asked.iter().enumerate() {
            // A word typed twice is asked once, and as a whole word.
            let begun = query.matching == Matching::All && at + 1 == asked.len();
            if !asked[..at].contains(word) {
                let readings = Self::readings(&all, word, begun);
                let having: usize = readings.keys().map(|word| all[word]).sum();
                groups.push((readings, rarity(self.listings.len(), having), having));
            }
        }
        if some {
            groups.retain(|(_, _, having)| *having > 0);
        }
        let full: i64 = groups.iter().map(|(_, weight, _)| 255 * weight).sum();
        let mut expect = Expect::default();
        let mut matches = Vec::new();
        for document in self.listings.values().filter(|document| Self::passes(document, query)) {
            let own = &impacts[&document.id];
            let best = |readings: &BTreeMap<String, i64>| {
                let worth = readings.iter().filter_map(|(word, worth)| {
                    own.get(word).map(|impact| (impact * worth / 256).max(1))
                });
                worth.max()
            };
            let found: Vec<Option<i64>> =
                groups.iter().map(|(readings, weight, _)| Some(best(readings)? * weight)).collect();
            let fits = if some {
                found.iter().any(Option::is_some)
            } else {
                found.iter().all(Option::is_some)
            };
            if !asked.is_empty() && !fits {
                continue;
            }
            let sum: i64 = found.into_iter().flatten().sum();
            let text = (!asked.is_empty()).then(|| sum * 1_000_000 / full);
            let primary = self.primary(document, query, text);
            matches.push((primary, -document.created_at.micros(), document.id));
            count(&mut expect.facets, document);
        }
        matches.sort_unstable();
        expect.keys = self.spread(query, matches);
        expect
    }

    /// Of the best two hundred, three of each seller come before three more of any.
    fn spread(&self, query: &Query, matches: Vec<(i64, i64, ListingId)>) -> Vec<Key> {
        let mut of_seller: BTreeMap<&Did, u16> = BTreeMap::new();
        let ranks = query.sort == Sort::Relevance && query.spread;
        let mut keys: Vec<Key> = Vec::new();
        for (at, (primary, age, id)) in matches.into_iter().enumerate() {
            let before = of_seller.entry(&self.listings[&id].provider).or_default();
            let tier = if !ranks {
                0
            } else if at < 200 {
                *before / 3
            } else {
                u16::MAX
            };
            *before += 1;
            keys.push((tier, primary, age, id));
        }
        keys.sort_unstable();
        keys
    }
}

fn count(facets: &mut Facets, document: &Document) {
    let exceeded = |nano: i64, bounds: &[i64]| bounds.iter().filter(|&&b| nano >= b).count();
    facets.kinds[document.service_type as usize] += 1;
    facets.policies[document.acceptance as usize] += 1;
    facets.prices[exceeded(price(document).nano() / 1_000_000_000, &PRICE_BOUNDS)] += 1;
    let standing = i64::from(document.seller.reputation.milli().div_euclid(1_000));
    let bounds: Vec<i64> = REPUTATION_BOUNDS.into_iter().map(i64::from).collect();
    facets.reputations[exceeded(standing, &bounds)] += 1;
    let slower = DELIVERY_BOUNDS.into_iter().filter(|&bound| document.delivery.0 > bound).count();
    facets.deliveries[slower] += 1;
}

pub(crate) fn ids(keys: &[Key]) -> Vec<ListingId> {
    keys.iter().map(|key| key.3).collect()
}
