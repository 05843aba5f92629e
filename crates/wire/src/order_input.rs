//! What parties write when they act on an order.

use marketplace_engine::Refusal;
use marketplace_money::Amount;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::NumberText;

/// Which price is asked for.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QuoteInput {
    /// Of which listing.
    #[schema(format = Uuid)]
    pub listing_id: String,
}

/// What shall be different.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangesInput {
    /// For the seller; inert text.
    #[serde(default)]
    pub note: String,
}

/// Who shall get what.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SplitInput {
    /// What the seller gets of the price, from 0 to all of it; the fee is shared likewise.
    pub seller: NumberText,
}

/// What is agreed to.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptSplitInput {
    /// What the seller gets by the offer that you saw; another offer is refused. When absent,
    /// whatever stands.
    #[serde(default)]
    pub seller: Option<NumberText>,
}

impl SplitInput {
    /// What the seller would get.
    ///
    /// # Errors
    /// When it is no amount.
    pub fn seller(&self) -> Result<Amount, Refusal> {
        self.seller.amount("seller")
    }
}

impl AcceptSplitInput {
    /// What the seller would get by the offer that the caller saw.
    ///
    /// # Errors
    /// When it is no amount.
    pub fn expected(&self) -> Result<Option<Amount>, Refusal> {
        self.seller.as_ref().map(|seller| seller.amount("seller")).transpose()
    }
}
