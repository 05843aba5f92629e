//! Quotes as buyers see them.

use marketplace_fees::Quote;
use marketplace_money::{ListingId, Multiplier};
use serde::Serialize;
use utoipa::ToSchema;

use crate::schema::ExpiryPolicyName;
use crate::{Money, Rfc3339, Text};

/// A price that is promised to the caller for five minutes.
#[derive(Debug, Serialize, ToSchema)]
pub struct QuoteBody {
    /// Pass it as `quote` when you buy; opaque.
    pub quote: String,
    /// What it is for.
    #[schema(value_type = String, format = Uuid)]
    pub listing_id: Text<ListingId>,
    /// In which version.
    pub listing_version: u64,
    /// As listed.
    pub base_price: Money,
    /// What the seller's standing makes of it.
    #[schema(value_type = String, example = "1")]
    pub multiplier: Text<Multiplier>,
    /// What the seller gets.
    pub price: Money,
    /// What the marketplace gets on top.
    pub fee: Money,
    /// What the buyer pays.
    pub total: Money,
    /// Until when.
    pub valid_until: Rfc3339,
    /// What happens when nothing is delivered: `delivery_gated` or `release`.
    #[schema(value_type = ExpiryPolicyName)]
    pub expiry_policy: String,
}

impl QuoteBody {
    /// A quote with its signed form.
    #[must_use]
    pub fn new(quote: &Quote, signed: String, expiry_policy: String) -> Self {
        let price = &quote.price;
        Self {
            quote: signed,
            listing_id: Text(quote.listing),
            listing_version: quote.listing_version,
            base_price: Money(price.base),
            multiplier: Text(price.multiplier),
            price: Money(price.price),
            fee: Money(price.fee),
            total: Money(price.total),
            valid_until: Rfc3339(quote.valid_until),
            expiry_policy,
        }
    }
}
