//! What is said, and what is answered: the fields that an agent decides by. More may come.

use std::fmt;

use marketplace_money::Amount;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// Amounts are decimal strings on the wire.
pub(crate) fn amount<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Amount, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|_| serde::de::Error::custom("no amount"))
}

/// The same where there may be none.
pub(crate) fn read_some<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Amount>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    let read = text.map(|text| text.parse()).transpose();
    read.map_err(|_| serde::de::Error::custom("no amount"))
}

fn write<S: Serializer>(amount: &Amount, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(amount)
}

#[expect(clippy::ref_option, reason = "serde asks for it in this form")]
fn write_some<S: Serializer>(amount: &Option<Amount>, serializer: S) -> Result<S::Ok, S::Error> {
    match amount {
        Some(amount) => write(amount, serializer),
        None => serializer.serialize_none(),
    }
}

/// A service to put up.
#[derive(Clone, Debug, Serialize)]
pub struct NewListing {
    /// `data-processing`, `computation`, `storage`, `analysis` or `custom`.
    pub service_type: String,
    /// One line.
    pub name: String,
    /// What it is.
    pub description: String,
    /// What the seller gets.
    #[serde(serialize_with = "write")]
    pub price: Amount,
}

/// What to look for.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Search {
    /// Words that must all be there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// Up to this listed price.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "write_some")]
    pub max_price: Option<Amount>,
    /// Results in an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// [`Found::next_cursor`] of the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// A page of listings.
#[derive(Clone, Debug, Deserialize)]
pub struct Found {
    /// Best first.
    pub results: Vec<Listing>,
    /// All matches.
    pub total: u64,
    /// Where the next page begins.
    pub next_cursor: Option<String>,
}

/// A listing.
#[derive(Clone, Debug, Deserialize)]
pub struct Listing {
    /// Its name.
    #[serde(alias = "listing_id")]
    pub id: String,
    /// What is sold.
    pub name: String,
    /// Without the fee.
    #[serde(deserialize_with = "amount")]
    pub price: Amount,
    /// Who sells.
    pub provider_did: String,
}

/// A price that is promised for five minutes.
#[derive(Clone, Debug, Deserialize)]
pub struct Quote {
    /// To buy with.
    pub quote: String,
    /// What the buyer pays.
    #[serde(deserialize_with = "amount")]
    pub total: Amount,
    /// What the seller gets.
    #[serde(deserialize_with = "amount")]
    pub price: Amount,
    /// What the marketplace gets.
    #[serde(deserialize_with = "amount")]
    pub fee: Amount,
}

/// What to buy, and at which price: any other is refused.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Purchase {
    /// Which listing.
    pub listing_id: String,
    /// A promise of [`crate::Client::quote`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quote: Option<String>,
    /// Or the total that it must cost.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "write_some")]
    pub expected_total: Option<Amount>,
}

/// What the seller hands over: text, or an address with its hash.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Delivery {
    /// The work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inline: Option<String>,
    /// Where the work is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// Of the bytes there, in hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Of the work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
}

/// An order as one of its parties sees it.
#[derive(Clone, Debug, Deserialize)]
pub struct Order {
    /// Its name.
    pub order_id: String,
    /// `PENDING`, `ESCROW_FUNDED`, `COMPLETED`, `REFUNDED` or `EXPIRED`.
    pub status: String,
    /// Tells more than the status.
    pub phase: String,
    /// Who pays.
    pub buyer: String,
    /// Who delivers.
    pub seller: String,
    /// What the buyer pays.
    #[serde(deserialize_with = "amount")]
    pub total: Amount,
    /// What the caller may do now.
    #[serde(default)]
    pub available_actions: Vec<Action>,
}

/// What the caller may do, with everything that the marketplace says of it.
#[derive(Clone, Debug, Deserialize)]
pub struct Action {
    /// Its name, such as `deliver`.
    pub action: String,
    /// Amounts and deadlines.
    #[serde(flatten)]
    pub more: Value,
}

/// Why something was refused (RFC 9457).
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Problem {
    /// Stable, for machines.
    #[serde(default)]
    pub code: String,
    /// For people.
    #[serde(default)]
    pub detail: String,
    /// The HTTP status.
    #[serde(default)]
    pub status: u16,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.code, self.status, self.detail)
    }
}
