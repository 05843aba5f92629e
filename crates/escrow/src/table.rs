//! The order machine as data: the table of DESIGN section 4.

use crate::{Actor, Phase, Verb};

/// Which way the escrow goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Money {
    /// It stays.
    None,
    /// agent:buyer → order, the total.
    Fund,
    /// Price to the seller, fee to us.
    Release,
    /// Total to the buyer.
    Refund,
    /// By the agreed or awarded share.
    Split,
    /// By the order's acceptance policy: a delivery that it accepts at once releases, any other
    /// leaves the money where it is.
    ByAcceptancePolicy,
    /// By the deployment's expiry policy: refund, or release.
    ByExpiryPolicy,
    /// By what was delivered: undelivered refund, delivered half and half.
    ByDelivery,
}

/// Where a transition leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// Another phase of a living order.
    Phase(Phase),
    /// The phase stays what it is.
    Same,
    /// The phase before the dispute.
    Before,
    /// Closed in this phase; the status follows from the money: COMPLETED when the seller gets
    /// something, EXPIRED when there was none, else REFUNDED.
    Closed(Phase),
    /// The first phase when the buyer has to judge, closed in the second when the acceptance
    /// policy accepts the delivery at once, and the phase stays while bytes are only announced.
    ByAcceptancePolicy(Phase, Phase),
    /// Closed in one of two phases by the expiry policy: refunded here, released there.
    ClosedByExpiryPolicy(Phase, Phase),
}

/// A row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// What is done.
    pub verb: Verb,
    /// By whom.
    pub actor: Actor,
    /// In which phases.
    pub from: &'static [Phase],
    /// With which result.
    pub to: Target,
    /// And which money.
    pub money: Money,
    /// Under which condition, in words; `decide` holds it in code under the same verb.
    pub guard: &'static str,
}

const WORKING: &[Phase] = &[Phase::AwaitingStart, Phase::InProgress];
const UNDISPUTED: &[Phase] =
    &[Phase::AwaitingStart, Phase::InProgress, Phase::Delivered, Phase::ChangesRequested];
const FUNDED: &[Phase] = &[
    Phase::AwaitingStart,
    Phase::InProgress,
    Phase::Delivered,
    Phase::ChangesRequested,
    Phase::Disputed,
];

const fn row(
    verb: Verb,
    actor: Actor,
    from: &'static [Phase],
    to: Target,
    money: Money,
    guard: &'static str,
) -> Transition {
    Transition { verb, actor, from, to, money, guard }
}

/// Every way an order can change after its purchase. What is not here cannot happen.
pub const TRANSITIONS: &[Transition] = &[
    row(
        Verb::Fund,
        Actor::Ledger,
        &[Phase::AwaitingFunds],
        Target::Phase(Phase::AwaitingStart),
        Money::Fund,
        "before payment due; the buyer's balance covers the total",
    ),
    row(
        Verb::LapsePayment,
        Actor::Timer,
        &[Phase::AwaitingFunds],
        Target::Closed(Phase::Unpaid),
        Money::None,
        "payment due passed",
    ),
    row(
        Verb::Cancel,
        Actor::Buyer,
        &[Phase::AwaitingFunds],
        Target::Closed(Phase::Cancelled),
        Money::None,
        "before payment due",
    ),
    row(
        Verb::Cancel,
        Actor::Buyer,
        &[Phase::AwaitingStart],
        Target::Closed(Phase::Cancelled),
        Money::Refund,
        "before expiry",
    ),
    row(
        Verb::Start,
        Actor::Seller,
        &[Phase::AwaitingStart],
        Target::Phase(Phase::InProgress),
        Money::None,
        "before expiry",
    ),
    row(
        Verb::Decline,
        Actor::Seller,
        FUNDED,
        Target::Closed(Phase::Declined),
        Money::Refund,
        "in a dispute: a concession",
    ),
    row(
        Verb::Deliver,
        Actor::Seller,
        &[Phase::AwaitingStart, Phase::InProgress, Phase::ChangesRequested],
        Target::ByAcceptancePolicy(Phase::Delivered, Phase::Accepted),
        Money::ByAcceptancePolicy,
        "before expiry or redelivery due; content unless auto_on_delivery; accepted at once under auto_on_delivery, or verified with all checks passed",
    ),
    row(
        Verb::Accept,
        Actor::Buyer,
        FUNDED,
        Target::Closed(Phase::Accepted),
        Money::Release,
        "in a dispute: a concession",
    ),
    row(
        Verb::RequestChanges,
        Actor::Buyer,
        &[Phase::Delivered],
        Target::Phase(Phase::ChangesRequested),
        Money::None,
        "revisions left, review not lapsed",
    ),
    row(
        Verb::LapseRedelivery,
        Actor::Timer,
        &[Phase::ChangesRequested],
        Target::Closed(Phase::NonDelivery),
        Money::Refund,
        "redelivery due passed",
    ),
    row(
        Verb::ClaimNonDelivery,
        Actor::Buyer,
        WORKING,
        Target::Closed(Phase::NonDelivery),
        Money::Refund,
        "delivery due passed; before expiry where that releases",
    ),
    row(
        Verb::OfferSplit,
        Actor::Party,
        UNDISPUTED,
        Target::Same,
        Money::None,
        "0 to the price; before the order's own clock ends; lapses after 12 h",
    ),
    row(
        Verb::AcceptSplit,
        Actor::OtherParty,
        UNDISPUTED,
        Target::Closed(Phase::Settled),
        Money::Split,
        "the offer stands; before the order's own clock ends",
    ),
    row(
        Verb::LapseReview,
        Actor::Timer,
        &[Phase::Delivered],
        Target::Closed(Phase::AutoReleased),
        Money::Release,
        "review lapsed",
    ),
    row(
        Verb::Expire,
        Actor::Timer,
        WORKING,
        Target::ClosedByExpiryPolicy(Phase::NonDelivery, Phase::AutoReleased),
        Money::ByExpiryPolicy,
        "expiry passed",
    ),
    row(
        Verb::Dispute,
        Actor::Buyer,
        UNDISPUTED,
        Target::Phase(Phase::Disputed),
        Money::None,
        "bond posted; before the order's own clock ends",
    ),
    row(
        Verb::Dispute,
        Actor::Seller,
        &[Phase::Delivered, Phase::ChangesRequested],
        Target::Phase(Phase::Disputed),
        Money::None,
        "bond posted; before the order's own clock ends",
    ),
    row(
        Verb::Rule,
        Actor::Arbitration,
        &[Phase::Disputed],
        Target::Closed(Phase::Ruled),
        Money::Split,
        "by award",
    ),
    row(
        Verb::Resume,
        Actor::Arbitration,
        &[Phase::Disputed],
        Target::Before,
        Money::None,
        "withdrawn, or a seller's dispute rejected",
    ),
    row(
        Verb::SettleDispute,
        Actor::Arbitration,
        &[Phase::Disputed],
        Target::Closed(Phase::Settled),
        Money::Split,
        "as agreed",
    ),
    row(
        Verb::AbortDispute,
        Actor::Arbitration,
        &[Phase::Disputed],
        Target::Closed(Phase::Aborted),
        Money::ByDelivery,
        "not ruled in time",
    ),
    row(
        Verb::Intervene,
        Actor::Operators,
        UNDISPUTED,
        Target::Closed(Phase::Ruled),
        Money::Split,
        "0 to the price; before the order's own clock ends",
    ),
    row(
        Verb::Extend,
        Actor::Operators,
        UNDISPUTED,
        Target::Same,
        Money::None,
        "at most 30 days; before the order's own clock ends",
    ),
];

impl Transition {
    /// The phases that this row can lead to from `from`.
    #[must_use]
    pub fn targets(&self, from: Phase) -> Vec<Phase> {
        match self.to {
            Target::Phase(phase) | Target::Closed(phase) => vec![phase],
            Target::Same => vec![from],
            Target::Before => UNDISPUTED.to_vec(),
            Target::ByAcceptancePolicy(delivered, accepted) => vec![from, delivered, accepted],
            Target::ClosedByExpiryPolicy(refunded, released) => vec![refunded, released],
        }
    }
}
