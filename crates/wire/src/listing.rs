//! Listings as callers see them.

use std::sync::Arc;

use marketplace_listings::{AcceptancePolicy, Listing, ListingStatus, Pricing, ServiceType, Terms};
use marketplace_money::{Did, Gaps, ListingId, Reputation};
use marketplace_ports::Page;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

use crate::schema::{AcceptancePolicyName, ListingStatusName, PricingName, ServiceTypeName};
use crate::{Money, NumberText, Rfc3339, Score, Text};

/// A listing. Name, description and metadata are the provider's words: inert text.
#[derive(Debug, Serialize, ToSchema)]
pub struct ListingBody {
    /// Its name for ever.
    #[schema(value_type = String, format = Uuid)]
    pub id: Text<ListingId>,
    /// From 1; grows with every change.
    pub version: u64,
    /// `active`, `paused`, `expired` or `delisted`.
    #[schema(value_type = ListingStatusName)]
    pub status: Text<ListingStatus>,
    /// What is sold.
    #[schema(example = "CSV Analyzer")]
    pub name: String,
    /// In the provider's words.
    pub description: String,
    /// `data-processing`, `computation`, `storage`, `analysis` or `custom`.
    #[schema(value_type = ServiceTypeName)]
    pub service_type: Text<ServiceType>,
    /// What the seller gets, without the marketplace's fee.
    pub price: Money,
    /// Who sells.
    #[schema(value_type = String, example = "did:key:z6Mk…")]
    pub provider_did: Text<Did>,
    /// The seller's standing.
    pub provider_reputation: Score,
    /// Any JSON object; its meaning is between provider and buyer.
    #[schema(value_type = Object)]
    pub metadata: Box<RawValue>,
    /// What is promised.
    pub terms: TermsBody,
    /// When it was put up.
    pub created_at: Rfc3339,
    /// When it ends unless it is renewed; with our downtime credited.
    pub expires_at: Rfc3339,
}

/// A provider's own listings, in every status.
#[derive(Debug, Serialize, ToSchema)]
pub struct OwnListingPage {
    /// Newest first.
    pub results: Vec<ListingBody>,
    /// Where the next page begins; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// Which of one's own listings.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct OwnListingParams {
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// Listings on a page, 1 to 1,000; 100 when absent.
    #[param(value_type = Option<u32>)]
    pub limit: Option<NumberText>,
}

/// The terms of a listing.
#[derive(Debug, Serialize, ToSchema)]
pub struct TermsBody {
    /// From funding to delivery.
    #[schema(example = 82_800)]
    pub delivery_seconds: u32,
    /// How often the buyer may ask for changes.
    #[schema(example = 1)]
    pub revisions: u8,
    /// Who says that a delivery is good, unless the buyer chooses otherwise.
    #[schema(value_type = AcceptancePolicyName)]
    pub acceptance_policy: Text<AcceptancePolicy>,
    /// Whether the provider's standing moves the price.
    #[schema(value_type = PricingName)]
    pub pricing: Text<Pricing>,
    /// Whether the provider promises that nobody else gets the same bytes.
    pub exclusive: bool,
    /// Executable checks on the delivery.
    #[schema(value_type = Vec<Object>)]
    pub checks: Box<RawValue>,
}

/// Stored JSON as it is; what cannot be read (a damaged row) shows as its empty form.
fn raw(text: &str, empty: &'static str) -> Box<RawValue> {
    let read = serde_json::from_str::<&RawValue>(text).map(ToOwned::to_owned);
    read.or_else(|_| RawValue::from_string(empty.to_owned())).unwrap_or_default()
}

impl From<&Terms> for TermsBody {
    fn from(terms: &Terms) -> Self {
        Self {
            delivery_seconds: terms.delivery.0,
            revisions: terms.revisions,
            acceptance_policy: Text(terms.acceptance),
            pricing: Text(terms.pricing),
            exclusive: terms.exclusive,
            checks: raw(&terms.checks, "[]"),
        }
    }
}

impl ListingBody {
    /// A listing with its provider's standing.
    #[must_use]
    pub fn new(listing: &Listing, reputation: Reputation, gaps: &Gaps) -> Self {
        let offer = &listing.offer;
        Self {
            id: Text(listing.id),
            version: listing.version,
            status: Text(listing.status),
            name: offer.name.clone(),
            description: offer.description.clone(),
            service_type: Text(offer.service_type),
            price: Money(offer.price),
            provider_did: Text(listing.provider.clone()),
            provider_reputation: Score(reputation),
            metadata: raw(&offer.metadata, "{}"),
            terms: (&offer.terms).into(),
            created_at: Rfc3339(listing.created_at),
            expires_at: Rfc3339(listing.life.effective(gaps)),
        }
    }
}

impl OwnListingPage {
    /// A page of one provider's listings, with its standing.
    #[must_use]
    pub fn new(page: &Page<Arc<Listing>>, reputation: Reputation, gaps: &Gaps) -> Self {
        let body = |listing: &Arc<Listing>| ListingBody::new(listing, reputation, gaps);
        Self {
            results: page.items.iter().map(body).collect(),
            next_cursor: page.next.map(|next| next.to_string()),
        }
    }
}
