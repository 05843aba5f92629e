//! New shelves for the catalog, made from the store while the old ones answer.
//!
//! What the store tells page by page may be older than what is heard meanwhile. So everything that
//! is heard from the beginning on is noted, and comes on top before anybody sees the new shelves.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use marketplace_listings::Listing;
use marketplace_money::{Did, ListingId, Reputation};
use marketplace_ports::Agent;
use marketplace_search::{Blend, Builder, SellerFacts};

use crate::catalog::{Catalog, Change, Shelves, document};
use crate::marketplace::Marketplace;
use crate::refusal::Error;

/// Listings that are read at once.
const PAGE: u32 = 2_000;
/// From here on an index is built beside the threads that serve.
const LARGE: usize = 5_000;
/// Changes that are put on top while nobody may search: these take less than a search may.
const LAST_CHANGES: usize = 32;

/// What the store said so far.
#[derive(Default)]
pub(crate) struct Rebuild {
    listings: HashMap<ListingId, Arc<Listing>>,
    standings: HashMap<Did, Reputation>,
}

impl Catalog {
    /// From now on every change is noted.
    pub(crate) fn begin(&self) -> Rebuild {
        self.note(Some(Vec::new()));
        Rebuild::default()
    }

    /// Nobody makes new shelves any more.
    pub(crate) fn abandon(&self) {
        self.note(None);
    }

    fn note(&self, heard: Option<Vec<Change>>) {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = heard;
    }

    fn take_heard(&self) -> Vec<Change> {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Makes the shelves, puts on top what was heard, and answers from them. It takes seconds for
    /// a large market, in which searches go on.
    pub(crate) fn finish(&self, rebuild: Rebuild) {
        let mut shelves = self.shelves_of(rebuild);
        loop {
            let heard = self.take_heard();
            let is_short = heard.len() <= LAST_CHANGES;
            heard.into_iter().for_each(|change| shelves.apply(change));
            if is_short {
                break;
            }
        }
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.take().into_iter().flatten().for_each(|change| shelves.apply(change));
        let old = self.swap(shelves);
        drop(heard);
        // Freeing a million listings takes a while, and nobody waits for it here.
        drop(old);
    }

    fn shelves_of(&self, rebuild: Rebuild) -> Shelves {
        let Rebuild { listings, standings } = rebuild;
        let (blend, mut sellers) = self.learned();
        for (did, reputation) in standings {
            sellers.entry(did).or_default().reputation = reputation;
        }
        let mut builder = builder(blend);
        for listing in listings.values() {
            let seller: SellerFacts = sellers.get(&listing.provider).copied().unwrap_or_default();
            if let Err(full) = builder.add(document(listing, seller)) {
                tracing::error!(%full, "some listings cannot be found");
                break;
            }
        }
        Shelves { index: builder.finish(), listings, sellers }
    }
}

/// Where the posting lists are is decided when the program is built.
#[cfg(not(feature = "tantivy"))]
fn builder(blend: Blend) -> Builder {
    Builder::new(blend)
}

#[cfg(feature = "tantivy")]
fn builder(blend: Blend) -> Builder {
    /// Listings between two commits: their lists are in memory until then.
    const COMMIT_EVERY: usize = 10_000;
    match marketplace_search::TantivyLists::in_temporary_folder(COMMIT_EVERY) {
        Ok(lists) => Builder::with_lists(blend, Box::new(lists)),
        Err(error) => {
            tracing::warn!(%error, "posting lists stay in memory");
            Builder::new(blend)
        }
    }
}

impl Rebuild {
    /// Takes an active listing with its provider, as the store has them.
    pub(crate) fn take(&mut self, listing: Arc<Listing>, provider: &Agent) {
        self.standings.insert(provider.did.clone(), provider.reputation);
        self.listings.insert(listing.id, listing);
    }
}

impl Marketplace {
    /// Reads all active listings into memory. Whoever searches meanwhile is answered from what was
    /// read before, or told that nothing was.
    ///
    /// # Errors
    /// When the store does not answer; then the old listings go on being found.
    pub async fn build_catalog(&self) -> Result<(), Error> {
        let publisher = self.inner.publisher.clone();
        let _alone = publisher.catalog.rebuilding.lock().await;
        let rebuild = match self.read_listings(publisher.catalog.begin()).await {
            Ok(rebuild) => rebuild,
            Err(error) => {
                publisher.catalog.abandon();
                return Err(error);
            }
        };
        if rebuild.listings.len() < LARGE {
            publisher.catalog.finish(rebuild);
            return Ok(());
        }
        let own = publisher.clone();
        let done = tokio::task::spawn_blocking(move || own.catalog.finish(rebuild)).await;
        done.map_err(|error| {
            publisher.catalog.abandon();
            Error::Fault(format!("the index could not be built: {error}"))
        })
    }

    async fn read_listings(&self, mut rebuild: Rebuild) -> Result<Rebuild, Error> {
        let mut cursor = None;
        loop {
            let page = self.store().active_listings(cursor, PAGE).await?;
            for (listing, provider) in page.items {
                rebuild.take(listing, &provider);
            }
            if page.next.is_none() {
                return Ok(rebuild);
            }
            cursor = page.next;
        }
    }
}

#[cfg(test)]
mod tests {
    use marketplace_listings::{Offer, ServiceType, Terms};
    use marketplace_money::{Amount, Timestamp};
    use marketplace_search::{Query, SearchError};

    use super::*;

    fn listing(number: u32, version: u64, name: &str) -> Arc<Listing> {
        let offer = Offer {
            service_type: ServiceType::Custom,
            name: name.to_owned(),
            description: "d".to_owned(),
            price: Amount::from_avt(1),
            metadata: "{}".to_owned(),
            terms: Terms::default(),
        };
        let id = format!("{number:032x}").parse().unwrap();
        let seller = "did:x:seller".parse().unwrap();
        let made = Listing::create(id, seller, offer, Timestamp::from_micros(1)).unwrap();
        Arc::new(Listing { version, ..made })
    }

    fn gone(number: u32, version: u64) -> Arc<Listing> {
        use marketplace_listings::ListingStatus;
        let listing = Listing::clone(&listing(number, version, "gone"));
        Arc::new(Listing { status: ListingStatus::Delisted, ..listing })
    }

    fn names(catalog: &Catalog) -> Vec<String> {
        let page = catalog.search(&Query::default()).unwrap();
        let mut names: Vec<String> =
            page.results.iter().map(|found| found.listing.offer.name.clone()).collect();
        names.sort();
        names
    }

    #[test]
    fn the_old_shelves_answer_until_the_new_ones_know_more() {
        let catalog = Catalog::default();
        let agent = Agent::unknown("did:x:seller".parse().unwrap());
        let first = catalog.begin();
        assert_eq!(catalog.search(&Query::default()).unwrap_err(), SearchError::NotReady);
        catalog.finish(first);
        assert_eq!(names(&catalog), [""; 0]);
        for (number, name) in [(1, "stays"), (2, "edited"), (3, "leaves"), (9, "wrong")] {
            catalog.put(listing(number, 1, name));
        }

        let mut rebuild = catalog.begin();
        for (number, name) in [(1, "stays"), (2, "edited"), (3, "leaves"), (4, "new")] {
            rebuild.take(listing(number, 1, name), &agent);
        }
        catalog.put(listing(2, 2, "edit"));
        catalog.put(gone(3, 2));
        catalog.put(listing(5, 1, "newest"));
        let reputation = Reputation::from_milli(50_000);
        catalog.set_reputation(&agent.did, reputation);
        catalog.set_record(&agent.did, 7, 1);
        assert_eq!(names(&catalog), ["edit", "newest", "stays", "wrong"], "the old shelves");
        catalog.finish(rebuild);
        assert_eq!(names(&catalog), ["edit", "new", "newest", "stays"]);
        let page = catalog.search(&Query::default()).unwrap();
        assert!(page.results.iter().all(|found| found.reputation == reputation));
        assert_eq!(catalog.learned().1[&agent.did].kept, 7);

        let broken = catalog.begin();
        catalog.abandon();
        drop(broken);
        assert_eq!(names(&catalog).len(), 4, "who gives up changes nothing");
        assert!(catalog.take_heard().is_empty());
    }
}
