//! The naive scan: an independent statement of what a search answers.

use std::collections::BTreeMap;

use marketplace_money::{Did, ListingId, Reputation};
use marketplace_search::{Document, Query, Sort};

/// What comes first is smaller: what the sort compares, age, id.
pub(crate) type Key = (i64, i64, ListingId);

#[derive(Default)]
pub(crate) struct Oracle {
    pub(crate) listings: BTreeMap<ListingId, Document>,
}

fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

impl Oracle {
    pub(crate) fn upsert(&mut self, document: Document) {
        self.set_reputation(&document.provider, document.reputation);
        self.listings.insert(document.id, document);
    }

    pub(crate) fn set_reputation(&mut self, provider: &Did, reputation: Reputation) {
        for document in self.listings.values_mut().filter(|d| d.provider == *provider) {
            document.reputation = reputation;
        }
    }

    /// Impact of the best word that fits, nothing when none does.
    fn impact(document: &Document, wanted: &str, beginning: bool) -> Option<i64> {
        let fields =
            [(5, &document.name), (2, &document.description), (1, &document.metadata_text)];
        let mut weights: BTreeMap<String, i64> = BTreeMap::new();
        let mut length = 0;
        for (weight, text) in fields {
            for word in words(text) {
                *weights.entry(word).or_default() += weight;
                length += 1;
            }
        }
        let impact = |weight: i64| (255 * 60 * weight / (60 * weight + 4 * (30 + length))).max(1);
        let fitting = weights.into_iter().filter_map(|(word, weight)| {
            if word == wanted {
                Some(impact(weight))
            } else if beginning && word.starts_with(wanted) {
                Some((impact(weight) / 2).max(1))
            } else {
                None
            }
        });
        fitting.max()
    }

    fn key(document: &Document, query: &Query) -> Option<Key> {
        let passes = query.service_type.is_none_or(|kind| document.service_type == kind)
            && query.min_price.is_none_or(|bound| document.price >= bound)
            && query.max_price.is_none_or(|bound| document.price <= bound)
            && query.min_reputation.is_none_or(|bound| document.reputation >= bound)
            && query.provider.as_ref().is_none_or(|did| document.provider == *did);
        if !passes {
            return None;
        }
        let asked = words(query.text.as_deref().unwrap_or_default());
        let (mut sum, mut count) = (0, 0);
        for (at, word) in asked.iter().enumerate() {
            let last = at + 1 == asked.len();
            // A word typed twice is asked once, and as a whole word.
            if !asked[..at].contains(word) {
                sum += Self::impact(document, word, last)?;
                count += 1;
            }
        }
        let text = if count == 0 { 0 } else { sum * 1_000_000 / (255 * count) };
        let milli = i64::from(document.reputation.milli());
        let primary = match query.sort {
            Sort::Relevance => -(7 * text + 15 * (milli + 100_000)),
            Sort::PriceAscending => document.price.nano(),
            Sort::PriceDescending => -document.price.nano(),
            Sort::Newest => 0,
            Sort::Reputation => -milli,
        };
        Some((primary, -document.created_at.micros(), document.id))
    }

    pub(crate) fn search(&self, query: &Query) -> Vec<Key> {
        let mut keys: Vec<Key> =
            self.listings.values().filter_map(|document| Self::key(document, query)).collect();
        keys.sort_unstable();
        keys
    }
}

pub(crate) fn ids(keys: &[Key]) -> Vec<ListingId> {
    keys.iter().map(|key| key.2).collect()
}
