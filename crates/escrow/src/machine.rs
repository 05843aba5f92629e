//! The order machine as data: the table of DESIGN section 4.

use std::fmt::{self, Write as _};
use std::str::FromStr;

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
}

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
        "the buyer's balance covers the total",
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
        "",
    ),
    row(
        Verb::Cancel,
        Actor::Buyer,
        &[Phase::AwaitingStart],
        Target::Closed(Phase::Cancelled),
        Money::Refund,
        "",
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
        Target::Phase(Phase::Delivered),
        Money::None,
        "before expiry or redelivery due; content unless auto_on_delivery",
    ),
    row(
        Verb::Accept,
        Actor::Buyer,
        FUNDED,
        Target::Closed(Phase::Accepted),
        Money::Release,
        "in a dispute: a concession; done by the delivery itself under auto_on_delivery, or verified with all checks passed",
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
        "delivery due passed",
    ),
    row(
        Verb::OfferSplit,
        Actor::Party,
        UNDISPUTED,
        Target::Same,
        Money::None,
        "0 to the price; lapses after 12 h",
    ),
    row(
        Verb::AcceptSplit,
        Actor::OtherParty,
        UNDISPUTED,
        Target::Closed(Phase::Settled),
        Money::Split,
        "the offer stands",
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
        "bond posted",
    ),
    row(
        Verb::Dispute,
        Actor::Seller,
        &[Phase::Delivered, Phase::ChangesRequested],
        Target::Phase(Phase::Disputed),
        Money::None,
        "bond posted",
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
];

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
    ]
);

impl Phase {
    /// Whether an order in this phase never changes again.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        !TRANSITIONS.iter().any(|row| row.from.contains(&self))
    }
}

impl Transition {
    /// The phases that this row can lead to from `from`.
    #[must_use]
    pub fn targets(&self, from: Phase) -> Vec<Phase> {
        match self.to {
            Target::Phase(phase) | Target::Closed(phase) => vec![phase],
            Target::Same => vec![from],
            Target::Before => UNDISPUTED.to_vec(),
            Target::ClosedByExpiryPolicy(refunded, released) => vec![refunded, released],
        }
    }

    fn money_label(&self, to: Phase) -> &'static str {
        match (self.money, to) {
            (Money::None, _) => "",
            (Money::Fund, _) => ": buyer pays T into escrow",
            (Money::ByExpiryPolicy, Phase::AutoReleased) | (Money::Release, _) => {
                ": P to seller, F to fees"
            }
            (Money::ByExpiryPolicy, _) | (Money::Refund, _) => ": T back to buyer",
            (Money::Split, _) => ": by share",
            (Money::ByDelivery, _) => ": refund, or half and half",
        }
    }
}

/// The machine as a Mermaid state diagram: what `cargo xtask state-machine` prints and
/// crates/README.md shows.
#[must_use]
pub fn diagram() -> String {
    let mut text = String::from(
        "stateDiagram-v2\n    [*] --> AWAITING_START: purchase (buyer): buyer pays T into escrow\n    [*] --> AWAITING_FUNDS: purchase by transfer (buyer)\n",
    );
    for row in TRANSITIONS {
        for from in row.from {
            for to in row.targets(*from) {
                // Writing to a string cannot fail.
                let _ = writeln!(
                    text,
                    "    {from} --> {to}: {} ({}){}",
                    row.verb,
                    row.actor,
                    row.money_label(to)
                );
            }
        }
    }
    for (phase, _) in Phase::NAMES {
        if phase.is_terminal() {
            let _ = writeln!(text, "    {phase} --> [*]");
        }
    }
    text
}
