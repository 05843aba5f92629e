//! What the index is told about a listing and about who sells it.

use marketplace_money::{
    Amount, Currency, Did, ListingId, Multiplier, Reputation, Seconds, Timestamp,
};

/// What kind of service a listing offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ServiceKind {
    /// `data-processing`.
    DataProcessing,
    /// `computation`.
    Computation,
    /// `storage`.
    Storage,
    /// `analysis`.
    Analysis,
    /// `custom`.
    Custom,
}

impl ServiceKind {
    /// All kinds, each at the place that [`Self::place`] names.
    pub const ALL: [Self; 5] =
        [Self::DataProcessing, Self::Computation, Self::Storage, Self::Analysis, Self::Custom];

    /// Where this kind stands in [`Self::ALL`], and in counts of kinds.
    #[must_use]
    pub const fn place(self) -> usize {
        self as usize
    }
}

/// Who says that a delivery is good, as the listing's terms have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Acceptance {
    /// `buyer_confirms`.
    BuyerConfirms,
    /// `verified`.
    Verified,
    /// `auto_on_delivery`.
    AutoOnDelivery,
}

impl Acceptance {
    /// All policies, each at the place that [`Self::place`] names.
    pub const ALL: [Self; 3] = [Self::BuyerConfirms, Self::Verified, Self::AutoOnDelivery];

    /// Where this policy stands in [`Self::ALL`], and in counts of policies.
    #[must_use]
    pub const fn place(self) -> usize {
        self as usize
    }
}

/// What is known of a seller. It belongs to the agent: the newest facts hold for all its listings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SellerFacts {
    /// Its standing.
    pub reputation: Reputation,
    /// Orders that it fulfilled.
    pub kept: u32,
    /// Orders that it took money for and did not fulfil.
    pub broken: u32,
}

/// An active listing, as far as a search can see it. Texts are read for their words and not kept.
#[derive(Clone, Debug)]
pub struct Document {
    /// The listing.
    pub id: ListingId,
    /// Who sells.
    pub provider: Did,
    /// What kind of service it is.
    pub service_type: ServiceKind,
    /// The name; its words weigh most.
    pub name: String,
    /// The description.
    pub description: String,
    /// The words of the metadata, in any form: only letters and digits are read.
    pub metadata_text: String,
    /// Its tags: words of their own that weigh more than the rest of the metadata.
    pub tags: String,
    /// The listed price, without the fee.
    pub price: Amount,
    /// Whether the standing of the seller moves the price.
    pub price_follows_reputation: bool,
    /// What is paid in.
    pub currency: Currency,
    /// From payment to delivery, as promised.
    pub delivery: Seconds,
    /// Who says that a delivery is good.
    pub acceptance: Acceptance,
    /// What is known of the seller.
    pub seller: SellerFacts,
    /// When it was listed.
    pub created_at: Timestamp,
}

/// What a buyer would pay now for a listing of this price, without the fee: filters and sorts
/// compare what is paid, not what is written.
pub(crate) fn price_now(listed: Amount, follows: bool, reputation: Reputation) -> Amount {
    if follows {
        Multiplier::from_reputation(reputation).of(listed).unwrap_or(listed)
    } else {
        listed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_and_policy_stands_at_its_place() {
        for (place, kind) in ServiceKind::ALL.into_iter().enumerate() {
            assert_eq!(kind.place(), place);
        }
        for (place, policy) in Acceptance::ALL.into_iter().enumerate() {
            assert_eq!(policy.place(), place);
        }
    }
}
