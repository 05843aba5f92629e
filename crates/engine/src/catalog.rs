//! The listings of this server's memory: found by the index, shown from the map.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use marketplace_listings::{AcceptancePolicy, Listing, ListingStatus, Pricing, ServiceType};
use marketplace_money::{Amount, Currency, Did, ListingId, Multiplier, Reputation, Timestamp};
use marketplace_search::{
    Acceptance, Blend, Document, Facets, Highlighter, Hit, Index, Page, Query, Score, SearchError,
    SellerFacts, ServiceKind,
};

#[derive(Default)]
pub(crate) struct Shelves {
    pub(crate) index: Index,
    pub(crate) listings: HashMap<ListingId, Arc<Listing>>,
    /// What is known of agents, whether they sell or not.
    pub(crate) sellers: HashMap<Did, SellerFacts>,
}

/// Active listings, derived from the store.
#[derive(Default)]
pub(crate) struct Catalog {
    shelves: RwLock<Shelves>,
    /// What changes while new shelves are made: see `rebuild.rs`.
    pub(crate) heard: Mutex<Option<Vec<Change>>>,
    /// New shelves are made one after the other.
    pub(crate) rebuilding: tokio::sync::Mutex<()>,
    is_built: AtomicBool,
}

/// What becomes known of a listing or of an agent.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    Listing(Arc<Listing>),
    Reputation(Did, Reputation),
    /// Orders kept and broken.
    Record(Did, u32, u32),
}

/// A found listing with its provider's standing.
#[derive(Clone, Debug)]
pub struct Found {
    /// The listing.
    pub listing: Arc<Listing>,
    /// Of its provider.
    pub reputation: Reputation,
    /// What a buyer would pay now, without the fee.
    pub price_now: Amount,
    /// What made its place.
    pub score: Score,
    /// How many threes of the same seller stand before it.
    pub tier: u16,
    /// It is shown because its seller is new.
    pub is_newcomer: bool,
}

/// A page of a search.
#[derive(Clone, Debug, Default)]
pub struct FoundPage {
    /// In the order asked for.
    pub results: Vec<Found>,
    /// All matches.
    pub total: usize,
    /// No listing has all of the words: these have some.
    pub is_partial: bool,
    /// Counts of all matches, if they were asked for.
    pub facets: Option<Facets>,
    /// What the parts of a score count.
    pub blend: Blend,
    /// Where to go on.
    pub next: Option<marketplace_search::Cursor>,
}

impl Shelves {
    pub(crate) fn apply(&mut self, change: Change) {
        match change {
            Change::Listing(listing) => self.put(listing),
            Change::Reputation(did, reputation) => {
                self.change_seller(&did, |known| SellerFacts { reputation, ..known });
            }
            Change::Record(did, kept, broken) => {
                self.change_seller(&did, |known| SellerFacts { kept, broken, ..known });
            }
        }
    }

    fn put(&mut self, listing: Arc<Listing>) {
        let known = self.listings.get(&listing.id);
        if known.is_some_and(|known| known.version >= listing.version) {
            return;
        }
        if listing.status == ListingStatus::Active {
            let seller = self.sellers.get(&listing.provider).copied().unwrap_or_default();
            if let Err(full) = self.index.upsert(document(&listing, seller)) {
                tracing::error!(%full, listing = %listing.id, "a listing cannot be found");
            }
            self.listings.insert(listing.id, listing);
        } else {
            self.index.remove(listing.id);
            self.listings.remove(&listing.id);
        }
    }

    fn change_seller(&mut self, did: &Did, change: impl FnOnce(SellerFacts) -> SellerFacts) {
        let known = self.sellers.get(did).copied();
        let facts = change(known.unwrap_or_default());
        if known == Some(facts) {
            return;
        }
        self.sellers.insert(did.clone(), facts);
        self.index.set_seller(did, facts);
    }

    fn found(&self, hit: &Hit) -> Option<Found> {
        let listing = self.listings.get(&hit.id)?.clone();
        let seller = self.sellers.get(&listing.provider).copied().unwrap_or_default();
        let price = listing.offer.price;
        let price_now = match listing.offer.terms.pricing {
            Pricing::Fixed => price,
            Pricing::Reputation => {
                Multiplier::from_reputation(seller.reputation).of(price).unwrap_or(price)
            }
        };
        Some(Found {
            listing,
            reputation: seller.reputation,
            price_now,
            score: hit.score,
            tier: hit.tier,
            is_newcomer: hit.is_newcomer,
        })
    }
}

impl Catalog {
    pub(crate) fn new(blend: Blend) -> Self {
        let shelves = Shelves { index: Index::new(blend), ..Shelves::default() };
        Self { shelves: RwLock::new(shelves), ..Self::default() }
    }

    /// Whether all listings were read once.
    pub(crate) fn ready(&self) -> Result<(), SearchError> {
        if self.is_built.load(Ordering::Acquire) { Ok(()) } else { Err(SearchError::NotReady) }
    }

    /// Answers from other shelves from now on; gives the old ones.
    pub(crate) fn swap(&self, shelves: Shelves) -> Shelves {
        let old = std::mem::replace(&mut *self.write(), shelves);
        self.is_built.store(true, Ordering::Release);
        old
    }

    /// The blend, and the records of sellers as far as they were learned.
    pub(crate) fn learned(&self) -> (Blend, HashMap<Did, SellerFacts>) {
        let shelves = self.read();
        (*shelves.index.blend(), shelves.sellers.clone())
    }

    /// Tells those who make new shelves, and then those who search.
    fn hear(&self, change: Change) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(heard) = heard.as_mut() {
            heard.push(change.clone());
        }
        drop(heard);
        self.write().apply(change);
    }

    fn read(&self) -> RwLockReadGuard<'_, Shelves> {
        self.shelves.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Shelves> {
        self.shelves.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Follows a listing: active ones are found, others are not. An older version never replaces
    /// a newer one, so a rebuild and a commit may run at the same time.
    pub(crate) fn put(&self, listing: Arc<Listing>) {
        self.hear(Change::Listing(listing));
    }

    /// The standing of an agent, from whatever source; the newest one holds.
    pub(crate) fn set_reputation(&self, did: &Did, reputation: Reputation) {
        let known = self.read().sellers.get(did).map(|known| known.reputation);
        if known != Some(reputation) || self.is_rebuilding() {
            self.hear(Change::Reputation(did.clone(), reputation));
        }
    }

    fn is_rebuilding(&self) -> bool {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// How many orders an agent fulfilled, and how many it did not.
    pub(crate) fn set_record(&self, did: &Did, kept: u32, broken: u32) {
        self.hear(Change::Record(did.clone(), kept, broken));
    }

    /// The seller of a listing and whether its reputation moves the price, as far as this server
    /// knows.
    pub(crate) fn seller(&self, id: ListingId) -> Option<(Did, Pricing)> {
        let shelves = self.read();
        let listing = shelves.listings.get(&id)?;
        Some((listing.provider.clone(), listing.offer.terms.pricing))
    }

    pub(crate) fn search(&self, query: &Query) -> Result<FoundPage, SearchError> {
        self.ready()?;
        let shelves = self.read();
        let Page { hits, total, is_partial, facets, next } = shelves.index.search(query)?;
        let results = hits.iter().filter_map(|hit| shelves.found(hit)).collect();
        let blend = *shelves.index.blend();
        Ok(FoundPage { results, total, is_partial, facets, blend, next })
    }

    pub(crate) fn highlighter(&self, query: &Query) -> Highlighter {
        Highlighter::new(&self.read().index, query)
    }

    /// Listings that say the same as this one.
    pub(crate) fn similar(&self, id: ListingId, limit: usize, now: Timestamp) -> Vec<Found> {
        let shelves = self.read();
        let hits = shelves.index.similar(id, limit, now);
        hits.iter().filter_map(|hit| shelves.found(hit)).collect()
    }

    /// An active listing.
    pub(crate) fn listing(&self, id: ListingId) -> Option<Found> {
        self.read().found(&Hit { id, score: Score::default(), tier: 0, is_newcomer: false })
    }

    /// Providers with active listings, for refreshing their standing.
    pub(crate) fn providers(&self) -> Vec<Did> {
        let shelves = self.read();
        let mut providers: Vec<Did> =
            shelves.listings.values().map(|listing| listing.provider.clone()).collect();
        providers.sort_unstable();
        providers.dedup();
        providers
    }

    pub(crate) fn len(&self) -> usize {
        self.read().listings.len()
    }
}

pub(crate) fn document(listing: &Listing, seller: SellerFacts) -> Document {
    let offer = &listing.offer;
    let (tags, metadata_text) = metadata_words(&offer.metadata);
    Document {
        id: listing.id,
        provider: listing.provider.clone(),
        service_type: kind(offer.service_type),
        name: offer.name.clone(),
        description: offer.description.clone(),
        metadata_text,
        tags,
        price: offer.price,
        price_follows_reputation: offer.terms.pricing == Pricing::Reputation,
        currency: Currency::Avt,
        delivery: offer.terms.delivery,
        acceptance: acceptance(offer.terms.acceptance),
        seller,
        created_at: listing.created_at,
    }
}

/// The index's name of an acceptance policy.
pub(crate) const fn acceptance(policy: AcceptancePolicy) -> Acceptance {
    match policy {
        AcceptancePolicy::BuyerConfirms => Acceptance::BuyerConfirms,
        AcceptancePolicy::Verified => Acceptance::Verified,
        AcceptancePolicy::AutoOnDelivery => Acceptance::AutoOnDelivery,
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

/// The words of `tags`, and keys and texts of all other metadata; numbers and punctuation are left
/// to the index to ignore.
fn metadata_words(metadata: &str) -> (String, String) {
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
    let (mut tags, mut words) = (String::new(), String::new());
    if let Ok(serde_json::Value::Object(mut map)) = serde_json::from_str(metadata) {
        if let Some(value) = map.remove("tags") {
            collect(&value, &mut tags);
        }
        collect(&serde_json::Value::Object(map), &mut words);
    }
    (tags, words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_words_of_their_own() {
        let check = |metadata: &str, tags: &str, rest: &str| {
            assert_eq!(metadata_words(metadata), (tags.to_owned(), rest.to_owned()), "{metadata}");
        };
        check(r#"{"tags":["csv","fast"],"x":{"y":"z"},"n":7}"#, " csv fast", " n x y z");
        check(r#"{"tags":"one"}"#, " one", "");
        check("{}", "", "");
        check("no json", "", "");
    }
}
