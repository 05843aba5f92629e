//! What can be asked of an order.

use std::sync::Arc;

use marketplace_money::{Amount, Seconds};

use crate::{DeliveryInput, Verb};

/// What is asked of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// The total was taken from the buyer's balance.
    Fund,
    /// The payment time is over.
    LapsePayment,
    /// The buyer changes its mind.
    Cancel,
    /// The seller begins.
    Start,
    /// The seller gives the money back.
    Decline,
    /// The seller hands over.
    Deliver(DeliveryInput),
    /// The announced bytes did not come, or were not what was announced.
    FailDelivery {
        /// Of the announcement that failed.
        sha256: [u8; 32],
        /// Of the announcement that failed: a newer one of the same bytes elsewhere goes on.
        uri: Arc<str>,
    },
    /// The buyer is content.
    Accept,
    /// The buyer wants changes.
    RequestChanges {
        /// What; inert text.
        note: Arc<str>,
    },
    /// The time for changes is over.
    LapseRedelivery,
    /// The buyer takes its money back.
    ClaimNonDelivery,
    /// A party proposes that the seller gets this part of the price.
    OfferSplit {
        /// 0 to the price.
        seller: Amount,
    },
    /// The other party agrees.
    AcceptSplit {
        /// The part that it agrees to; when absent, whatever stands.
        expected: Option<Amount>,
    },
    /// The review time is over.
    LapseReview,
    /// The order's life is over.
    Expire,
    /// A party opened a dispute.
    Dispute,
    /// Arbitration awards this part of the price to the seller.
    Rule {
        /// 0 to the price.
        seller: Amount,
    },
    /// Arbitration gives the order back.
    Resume,
    /// The parties settled their dispute.
    SettleDispute {
        /// 0 to the price.
        seller: Amount,
    },
    /// Arbitration could not rule.
    AbortDispute,
    /// The operators award this part of the price to the seller, where nobody disputes.
    Intervene {
        /// 0 to the price.
        seller: Amount,
    },
    /// The operators move the clocks that run.
    Extend {
        /// Above 0, at most [`Command::LONGEST_EXTENSION`].
        by: Seconds,
    },
}

impl Command {
    /// The most time that the operators can give at once.
    pub const LONGEST_EXTENSION: Seconds = Seconds::from_hours(30 * 24);

    /// The row of the table that the command is.
    #[must_use]
    pub const fn verb(&self) -> Verb {
        match self {
            Self::Fund => Verb::Fund,
            Self::LapsePayment => Verb::LapsePayment,
            Self::Cancel => Verb::Cancel,
            Self::Start => Verb::Start,
            Self::Decline => Verb::Decline,
            Self::Deliver(_) | Self::FailDelivery { .. } => Verb::Deliver,
            Self::Accept => Verb::Accept,
            Self::RequestChanges { .. } => Verb::RequestChanges,
            Self::LapseRedelivery => Verb::LapseRedelivery,
            Self::ClaimNonDelivery => Verb::ClaimNonDelivery,
            Self::OfferSplit { .. } => Verb::OfferSplit,
            Self::AcceptSplit { .. } => Verb::AcceptSplit,
            Self::LapseReview => Verb::LapseReview,
            Self::Expire => Verb::Expire,
            Self::Dispute => Verb::Dispute,
            Self::Rule { .. } => Verb::Rule,
            Self::Resume => Verb::Resume,
            Self::SettleDispute { .. } => Verb::SettleDispute,
            Self::AbortDispute => Verb::AbortDispute,
            Self::Intervene { .. } => Verb::Intervene,
            Self::Extend { .. } => Verb::Extend,
        }
    }
}
