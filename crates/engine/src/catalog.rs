//! The listings of this server's memory: found by the index, shown from the map.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use marketplace_listings::{Listing, ListingStatus, Pricing, ServiceType};
use marketplace_money::{Did, ListingId, Reputation};
use marketplace_search::{Document, Index, Page, Query, SearchError, ServiceKind};

#[derive(Default)]
struct Shelves {
    index: Index,
    listings: HashMap<ListingId, Arc<Listing>>,
    reputations: HashMap<Did, Reputation>,
}

/// Active listings, derived from the store.
#[derive(Default)]
pub(crate) struct Catalog {
    shelves: RwLock<Shelves>,
}

/// A found listing with its provider's standing.
#[derive(Clone, Debug)]
pub struct Found {
    /// The listing.
    pub listing: Arc<Listing>,
    /// Of its provider.
    pub reputation: Reputation,
}

/// A page of a search.
#[derive(Clone, Debug)]
pub struct FoundPage {
    /// In the order asked for.
    pub results: Vec<Found>,
    /// All matches.
    pub total: usize,
    /// Where to go on.
    pub next: Option<marketplace_search::Cursor>,
}

impl Catalog {
    /// Follows a listing: active ones are found, others are not. An older version never replaces
    /// a newer one, so a rebuild and a commit may run at the same time.
    pub(crate) fn put(&self, listing: Arc<Listing>) {
        let mut shelves = self.shelves.write().unwrap_or_else(PoisonError::into_inner);
        let known = shelves.listings.get(&listing.id);
        if known.is_some_and(|known| known.version >= listing.version) {
            return;
        }
        if listing.status == ListingStatus::Active {
            let reputation = shelves.reputations.get(&listing.provider).copied();
            if let Err(full) = shelves.index.upsert(document(&listing, reputation)) {
                tracing::error!(%full, listing = %listing.id, "a listing cannot be found");
            }
            shelves.listings.insert(listing.id, listing);
        } else {
            shelves.index.remove(listing.id);
            shelves.listings.remove(&listing.id);
        }
    }

    pub(crate) fn set_reputation(&self, did: &Did, reputation: Reputation) {
        let mut shelves = self.shelves.write().unwrap_or_else(PoisonError::into_inner);
        if shelves.reputations.get(did) != Some(&reputation) {
            shelves.reputations.insert(did.clone(), reputation);
            shelves.index.set_reputation(did, reputation);
        }
    }

    /// The seller of a listing whose price follows reputation, as far as this server knows.
    pub(crate) fn moves_price(&self, id: ListingId) -> Option<Did> {
        let shelves = self.shelves.read().unwrap_or_else(PoisonError::into_inner);
        let listing = shelves.listings.get(&id)?;
        let moves = listing.offer.terms.pricing == Pricing::Reputation;
        moves.then(|| listing.provider.clone())
    }

    pub(crate) fn reputation(&self, did: &Did) -> Reputation {
        let shelves = self.shelves.read().unwrap_or_else(PoisonError::into_inner);
        shelves.reputations.get(did).copied().unwrap_or_default()
    }

    pub(crate) fn search(&self, query: &Query) -> Result<FoundPage, SearchError> {
        let shelves = self.shelves.read().unwrap_or_else(PoisonError::into_inner);
        let Page { hits, total, next } = shelves.index.search(query)?;
        let found = |id: &ListingId| {
            let listing = shelves.listings.get(id)?.clone();
            let reputation = shelves.reputations.get(&listing.provider).copied();
            Some(Found { listing, reputation: reputation.unwrap_or_default() })
        };
        Ok(FoundPage { results: hits.iter().filter_map(found).collect(), total, next })
    }

    /// Providers with active listings, for refreshing their standing.
    pub(crate) fn providers(&self) -> Vec<Did> {
        let shelves = self.shelves.read().unwrap_or_else(PoisonError::into_inner);
        let mut providers: Vec<Did> =
            shelves.listings.values().map(|listing| listing.provider.clone()).collect();
        providers.sort_unstable();
        providers.dedup();
        providers
    }

    pub(crate) fn len(&self) -> usize {
        self.shelves.read().unwrap_or_else(PoisonError::into_inner).listings.len()
    }
}

fn document(listing: &Listing, reputation: Option<Reputation>) -> Document {
    let offer = &listing.offer;
    Document {
        id: listing.id,
        provider: listing.provider.clone(),
        service_type: kind(offer.service_type),
        name: offer.name.clone(),
        description: offer.description.clone(),
        metadata_text: metadata_words(&offer.metadata),
        price: offer.price,
        reputation: reputation.unwrap_or_default(),
        created_at: listing.created_at,
    }
}

/// The index's name of a service type.
pub(crate) const fn kind(service_type: ServiceType) -> ServiceKind {
    match service_type {
        ServiceType::DataProcessing => ServiceKind::DataProcessing,
        ServiceType::Computation => ServiceKind::Computation,
        ServiceType::Storage => ServiceKind::Storage,
        ServiceType::Analysis => ServiceKind::Analysis,
        ServiceType::Custom => ServiceKind::Custom,
    }
}

/// Keys and texts of the metadata; numbers and punctuation are left to the index to ignore.
fn metadata_words(metadata: &str) -> String {
    fn collect(value: &serde_json::Value, words: &mut String) {
        match value {
            serde_json::Value::String(text) => {
                words.push(' ');
                words.push_str(text);
            }
            serde_json::Value::Array(values) => values.iter().for_each(|v| collect(v, words)),
            serde_json::Value::Object(map) => {
                for (key, value) in map {
                    words.push(' ');
                    words.push_str(key);
                    collect(value, words);
                }
            }
            _ => {}
        }
    }
    let mut words = String::new();
    if let Ok(value) = serde_json::from_str(metadata) {
        collect(&value, &mut words);
    }
    words
}
