//! What may interest somebody: bought together, alike, popular; and offers for a need in words.

use std::collections::HashSet;

use marketplace_fees::Quote;
use marketplace_money::{Amount, Did, ListingId, Seconds};
use marketplace_search::{
    Acceptance, Because, Matching, Query, SearchError, ServiceKind, Suggestion,
};

use crate::catalog::{Found, FoundPage};
use crate::marketplace::Marketplace;
use crate::refusal::Error;

/// Purchases of a buyer whose likes are looked for.
const LIKES: usize = 3;
/// Offers that are looked at for each one that is answered: some cost more than the budget with
/// the fee, or cannot be bought any more.
const SPARE: usize = 2;

/// Why a listing is suggested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Agents who bought the listing of this name bought it too.
    BoughtWith(String),
    /// It says the same as the listing of this name.
    Like(String),
    /// So many agents bought it.
    BoughtBy(u32),
    /// Nobody has bought anything yet: it is what a search without words shows.
    Ranked,
}

/// A listing that may interest somebody.
#[derive(Clone, Debug)]
pub struct Suggested {
    /// Which.
    pub found: Found,
    /// Why.
    pub reason: Reason,
}

/// What a buyer needs, in its own words.
#[derive(Clone, Debug)]
pub struct Need {
    /// In words.
    pub words: String,
    /// The most that it pays, with the fee.
    pub budget: Option<Amount>,
    /// Delivered within.
    pub deadline: Option<Seconds>,
    /// Only this kind of service.
    pub service_type: Option<ServiceKind>,
    /// Only under this policy.
    pub acceptance: Option<Acceptance>,
    /// Most offers.
    pub limit: usize,
}

/// A listing that meets a need, at a price that is promised for five minutes.
#[derive(Clone, Debug)]
pub struct Match {
    /// The listing.
    pub found: Found,
    /// Price, fee and total.
    pub quote: Quote,
}

/// Adds listings until there are enough, each once.
struct Picked<'a> {
    market: &'a Marketplace,
    seen: HashSet<ListingId>,
    picked: Vec<Suggested>,
    limit: usize,
}

impl Picked<'_> {
    fn is_full(&self) -> bool {
        self.picked.len() >= self.limit
    }

    fn add(&mut self, found: Found, reason: Reason) {
        if !self.is_full() && self.seen.insert(found.listing.id) {
            self.picked.push(Suggested { found, reason });
        }
    }

    fn add_all(
        &mut self,
        suggestions: impl IntoIterator<Item = Suggestion>,
        wanted: impl Fn(&Found) -> bool,
    ) {
        for suggestion in suggestions {
            if self.is_full() {
                return;
            }
            let catalog = &self.market.inner.publisher.catalog;
            let Some(found) = catalog.listing(suggestion.id).filter(&wanted) else { continue };
            let reason = match suggestion.because {
                Because::BoughtBy(count) => Reason::BoughtBy(count),
                Because::BoughtWith(other) => match catalog.listing(other) {
                    Some(other) => Reason::BoughtWith(other.listing.offer.name.clone()),
                    None => continue,
                },
            };
            self.add(found, reason);
        }
    }
}

impl Marketplace {
    fn picked(&self, limit: usize) -> Picked<'_> {
        Picked { market: self, seen: HashSet::new(), picked: Vec::new(), limit }
    }

    /// What may interest a buyer, best first: what agents like it bought; what is like its own
    /// purchases; what most agents bought; and at last what a search without words shows.
    ///
    /// # Errors
    /// While the listings are still being read.
    pub fn recommended(&self, buyer: &Did, limit: usize) -> Result<Vec<Suggested>, SearchError> {
        let publisher = &self.inner.publisher;
        publisher.catalog.ready()?;
        let (own, suggested, popular) = {
            let dealings = publisher.dealings();
            let own: Vec<ListingId> = dealings.basket(buyer).collect();
            (own, dealings.suggested(buyer), dealings.popular().collect::<Vec<_>>())
        };
        let others = |found: &Found| found.listing.provider != *buyer;
        let mut picked = self.picked(limit);
        picked.seen.extend(own.iter().copied());
        picked.add_all(suggested, others);
        for id in own.iter().take(LIKES) {
            let Some(bought) = publisher.catalog.listing(*id) else { continue };
            let like =
                publisher.catalog.similar(*id, limit.div_ceil(LIKES) + 1, publisher.last_time());
            for found in like.into_iter().filter(|found| others(found)) {
                picked.add(found, Reason::Like(bought.listing.offer.name.clone()));
            }
        }
        picked.add_all(popular, others);
        if !picked.is_full() {
            let page = self.search(&Query { limit: limit.max(1) * SPARE, ..Query::default() });
            for found in page.unwrap_or_default().results.into_iter().filter(others) {
                picked.add(found, Reason::Ranked);
            }
        }
        Ok(picked.picked)
    }

    /// What may interest who looks at a listing: bought together with it, then alike. Nothing for a
    /// listing that is not active.
    ///
    /// # Errors
    /// While the listings are still being read.
    pub fn similar(
        &self,
        listing: ListingId,
        limit: usize,
    ) -> Result<Option<Vec<Suggested>>, SearchError> {
        let publisher = &self.inner.publisher;
        publisher.catalog.ready()?;
        let Some(own) = publisher.catalog.listing(listing) else { return Ok(None) };
        let with = publisher.dealings().bought_with(listing);
        let mut picked = self.picked(limit);
        picked.seen.insert(listing);
        // Half of the places are for what says the same: a new listing has no buyers yet.
        picked.limit = limit.div_ceil(2);
        picked.add_all(with, |_| true);
        picked.limit = limit;
        for found in publisher.catalog.similar(listing, limit, publisher.last_time()) {
            picked.add(found, Reason::Like(own.listing.offer.name.clone()));
        }
        Ok(Some(picked.picked))
    }

    /// Offers for a need, best first, each with a quote for this buyer.
    ///
    /// # Errors
    /// When the need exceeds the bounds of a search, or the store does not answer.
    pub async fn match_need(
        &self,
        buyer: &Did,
        need: &Need,
    ) -> Result<Result<Vec<Match>, SearchError>, Error> {
        let query = Query {
            text: Some(need.words.clone()),
            matching: Matching::Any,
            // The price alone is below the total, so nothing affordable is left out.
            max_price: need.budget,
            max_delivery: need.deadline,
            service_type: need.service_type,
            acceptance: need.acceptance,
            explore: false,
            limit: need.limit * SPARE,
            ..Query::default()
        };
        let FoundPage { results, .. } = match self.search(&query) {
            Ok(page) => page,
            Err(error) => return Ok(Err(error)),
        };
        let mut matches = Vec::new();
        for found in results.into_iter().filter(|found| found.listing.provider != *buyer) {
            if matches.len() == need.limit {
                break;
            }
            let quote = match self.quote(buyer, found.listing.id).await {
                Ok(quote) => quote,
                // Delisted a moment ago.
                Err(Error::Refused(_)) => continue,
                Err(error) => return Err(error),
            };
            if need.budget.is_none_or(|budget| quote.price.total <= budget) {
                matches.push(Match { found, quote });
            }
        }
        Ok(Ok(matches))
    }
}
