//! What became of a command.

use marketplace_engine::{DisputeView, OrderView};
use marketplace_money::Did;
use serde_json::Value;

use crate::{DisputeBody, ListingBody, ListingPage, OrderBody, QuoteBody, WalletBody};

/// What became of a command.
#[derive(Debug)]
pub enum Outcome {
    /// What was found.
    Found(Box<ListingPage>),
    /// A listing as it is now.
    Listing(Box<ListingBody>),
    /// A price that is promised.
    Quoted(Box<QuoteBody>),
    /// An order as it is now.
    Order(Box<OrderView>),
    /// What the caller has.
    Wallet(Box<WalletBody>),
    /// A dispute as it is now.
    Dispute(Box<DisputeView>),
}

impl Outcome {
    /// As the REST routes show it.
    #[must_use]
    pub fn body(&self, viewer: &Did, receiver: &Did) -> Value {
        let value = match self {
            Self::Found(page) => serde_json::to_value(page),
            Self::Listing(listing) => serde_json::to_value(listing),
            Self::Quoted(quote) => serde_json::to_value(quote),
            Self::Order(view) => serde_json::to_value(OrderBody::new(view, viewer, receiver)),
            Self::Wallet(wallet) => serde_json::to_value(wallet),
            Self::Dispute(view) => serde_json::to_value(DisputeBody::new(view, viewer)),
        };
        value.unwrap_or_else(|error| {
            tracing::error!(%error, "an outcome cannot be written");
            Value::Null
        })
    }
}
