//! The words of the order machine: statuses, phases, actors and verbs, with their wire names.

use std::fmt;
use std::str::FromStr;

use crate::TRANSITIONS;

/// The five statuses that clients of the original know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum OrderStatus {
    /// Waiting for the buyer's transfer.
    Pending,
    /// The total is in escrow.
    EscrowFunded,
    /// Closed, the seller got something.
    Completed,
    /// Closed, the buyer got everything back.
    Refunded,
    /// Closed, never funded.
    Expired,
}

/// Where in its life an order is; each phase belongs to the statuses that the table gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Phase {
    /// PENDING: the transfer has not arrived.
    AwaitingFunds,
    /// Funded; the seller has not begun.
    AwaitingStart,
    /// The seller works.
    InProgress,
    /// The buyer reviews.
    Delivered,
    /// The seller works again.
    ChangesRequested,
    /// Arbitration decides; all order timers are held.
    Disputed,
    /// Closed by the buyer, or by what the buyer opted into.
    Accepted,
    /// Closed by the end of the review (or of the order, where the deployment says so).
    AutoReleased,
    /// Closed by a ruling.
    Ruled,
    /// Closed by agreement.
    Settled,
    /// Closed by the seller, who will not do it.
    Declined,
    /// Closed by the buyer before anybody began.
    Cancelled,
    /// Closed because nothing was delivered.
    NonDelivery,
    /// Closed because nothing was paid.
    Unpaid,
    /// Closed by us because a dispute could not be ruled.
    Aborted,
}

/// Who may do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Actor {
    /// Who pays.
    Buyer,
    /// Who delivers.
    Seller,
    /// Either of the two.
    Party,
    /// The party that did not make the open offer.
    OtherParty,
    /// A deadline that passed.
    Timer,
    /// Our ledger, when a transfer arrives.
    Ledger,
    /// Dispute resolution.
    Arbitration,
    /// Those who run the marketplace, together.
    Operators,
}

/// What can be done to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verb {
    /// The buyer's transfer arrived.
    Fund,
    /// The payment's hour is over.
    LapsePayment,
    /// The buyer changes its mind.
    Cancel,
    /// The seller begins.
    Start,
    /// The seller will not do it, or gives the money back.
    Decline,
    /// The seller hands over the work.
    Deliver,
    /// The buyer is content.
    Accept,
    /// The buyer asks for another round.
    RequestChanges,
    /// The time for the other round is over.
    LapseRedelivery,
    /// The buyer takes its money back for want of a delivery.
    ClaimNonDelivery,
    /// A party proposes to share the price.
    OfferSplit,
    /// The other party agrees.
    AcceptSplit,
    /// The review time is over.
    LapseReview,
    /// The order's life is over with nothing delivered.
    Expire,
    /// A party asks for arbitration.
    Dispute,
    /// Arbitration awards.
    Rule,
    /// The dispute ends without an award; the order goes on.
    Resume,
    /// The parties settled the dispute.
    SettleDispute,
    /// The dispute could not be ruled.
    AbortDispute,
    /// The operators rule on an order that nobody disputes.
    Intervene,
    /// The operators give more time.
    Extend,
}

macro_rules! names {
    ($type:ty, $hint:literal, [$(($value:ident, $name:literal)),* $(,)?]) => {
        impl $type {
            /// All values, with their names on the wire.
            pub const NAMES: &[(Self, &'static str)] = &[$((Self::$value, $name)),*];

            /// The name on the wire.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$value => $name),* }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }

        impl FromStr for $type {
            type Err = &'static str;

            fn from_str(text: &str) -> Result<Self, &'static str> {
                let found = Self::NAMES.iter().find(|(_, name)| *name == text);
                found.map(|(value, _)| *value).ok_or($hint)
            }
        }
    };
}
pub(crate) use names;

names!(
    OrderStatus,
    "must be PENDING, ESCROW_FUNDED, COMPLETED, REFUNDED or EXPIRED",
    [
        (Pending, "PENDING"),
        (EscrowFunded, "ESCROW_FUNDED"),
        (Completed, "COMPLETED"),
        (Refunded, "REFUNDED"),
        (Expired, "EXPIRED"),
    ]
);
names!(
    Phase,
    "no phase has this name",
    [
        (AwaitingFunds, "AWAITING_FUNDS"),
        (AwaitingStart, "AWAITING_START"),
        (InProgress, "IN_PROGRESS"),
        (Delivered, "DELIVERED"),
        (ChangesRequested, "CHANGES_REQUESTED"),
        (Disputed, "DISPUTED"),
        (Accepted, "ACCEPTED"),
        (AutoReleased, "AUTO_RELEASED"),
        (Ruled, "RULED"),
        (Settled, "SETTLED"),
        (Declined, "DECLINED"),
        (Cancelled, "CANCELLED"),
        (NonDelivery, "NON_DELIVERY"),
        (Unpaid, "UNPAID"),
        (Aborted, "ABORTED"),
    ]
);
names!(
    Verb,
    "no verb has this name",
    [
        (Fund, "fund"),
        (LapsePayment, "lapse-payment"),
        (Cancel, "cancel"),
        (Start, "start"),
        (Decline, "decline"),
        (Deliver, "deliver"),
        (Accept, "accept"),
        (RequestChanges, "request-changes"),
        (LapseRedelivery, "lapse-redelivery"),
        (ClaimNonDelivery, "claim-non-delivery"),
        (OfferSplit, "offer-split"),
        (AcceptSplit, "accept-split"),
        (LapseReview, "lapse-review"),
        (Expire, "expire"),
        (Dispute, "dispute"),
        (Rule, "rule"),
        (Resume, "resume"),
        (SettleDispute, "settle-dispute"),
        (AbortDispute, "abort-dispute"),
        (Intervene, "intervene"),
        (Extend, "extend"),
    ]
);
names!(
    Actor,
    "no actor has this name",
    [
        (Buyer, "buyer"),
        (Seller, "seller"),
        (Party, "either party"),
        (OtherParty, "the other party"),
        (Timer, "timer"),
        (Ledger, "ledger"),
        (Arbitration, "arbitration"),
        (Operators, "operators"),
    ]
);

impl Phase {
    /// Whether an order in this phase never changes again.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        !TRANSITIONS.iter().any(|row| row.from.contains(&self))
    }
}
