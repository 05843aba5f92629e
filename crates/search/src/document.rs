//! What the index is told about a listing.

use marketplace_money::{Amount, Did, ListingId, Reputation, Timestamp};

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

    /// Where the shelf of this kind stands.
    pub(crate) const fn place(self) -> usize {
        self as usize
    }
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
    /// The listed price, without the fee.
    pub price: Amount,
    /// The standing of the provider. It belongs to the agent: the newest figure holds for all of
    /// its listings.
    pub reputation: Reputation,
    /// When it was listed.
    pub created_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_stands_at_its_place() {
        for (place, kind) in ServiceKind::ALL.into_iter().enumerate() {
            assert_eq!(kind.place(), place);
        }
    }
}
