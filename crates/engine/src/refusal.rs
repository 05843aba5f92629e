//! Why a command was not done: refusals are the caller's business, faults are ours.

use std::fmt;

use marketplace_disputes::DisputeRefusal;
use marketplace_escrow::OrderRefusal;
use marketplace_fees::QuoteRefusal;
use marketplace_listings::{Invalid, ListingRefusal};
use marketplace_money::{Amount, Seconds, Timestamp};
use marketplace_ports::{Subject, TegError};
use marketplace_reputation::ReviewRefusal;

/// A business refusal: nothing changed, and the caller is told why. The order of the variants is
/// the order in which commands check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A nonce can be used once.
    NonceUsed,
    /// A field is not acceptable.
    Invalid(Invalid),
    /// A field is not acceptable, in words that only its parser knows.
    InvalidInput {
        /// The path of the field.
        field: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// There is no such listing, or it cannot be bought now.
    ListingNotFound,
    /// The rules of listings.
    Listing(ListingRefusal),
    /// Nobody buys from itself.
    OwnListing,
    /// Reputation below zero and no collateral.
    InsufficientReputation,
    /// The marketplace is full.
    TooManyListings {
        /// How many there may be.
        limit: i64,
    },
    /// The price is not what the caller expects.
    Price(QuoteRefusal),
    /// So much of others' money may wait on this seller, and no more.
    ExposureReached {
        /// What may.
        limit: Amount,
        /// What does.
        open: Amount,
    },
    /// Only what was settled can be reviewed.
    ReviewTooEarly,
    /// What the rules of reviews say.
    Review(ReviewRefusal),
    /// Reputation moves this price, and this server had not asked for it. Never reaches a caller:
    /// the use case asks and tries again.
    SellerNeeded,
    /// The listing does not offer this acceptance policy.
    PolicyNotOffered,
    /// Too many orders of this buyer wait for a transfer.
    TooManyUnfunded {
        /// How many there may be.
        limit: u32,
    },
    /// Open orders hold as much as our stake covers.
    EscrowFull,
    /// The rules of orders.
    Order(OrderRefusal),
    /// The rules of disputes.
    Dispute(DisputeRefusal),
    /// The order is in a dispute, which ends with it. Never reaches a caller: the use case concedes
    /// the dispute.
    InDispute,
    /// Others sit on the panel than when the command was made. Never reaches a caller: the use case
    /// looks again.
    BenchChanged,
    /// A dispute takes only so many offers of settlement.
    TooManyOffers {
        /// How many.
        limit: usize,
    },
    /// Only jurors do this.
    NotAJuror,
    /// What a juror locks must reach this.
    JurorStakeTooSmall {
        /// How much.
        least: Amount,
    },
    /// The stake stays until every seat is done, and for a time after it was asked for.
    JurorStakeBound {
        /// Seats that are not done.
        seats: u32,
        /// The end of that time.
        until: Timestamp,
    },
    /// The transfer that shall pay has not been seen at the TEG.
    PaymentNotSeen,
    /// The TEG has not completed it.
    PaymentPending,
    /// It failed at the TEG and moved nothing.
    PaymentFailed,
    /// The caller did not send it to us.
    PaymentForeign,
    /// It paid for something before.
    PaymentUsed {
        /// For what.
        used_for: Subject,
    },
    /// Its memo names another listing or order.
    PaymentForAnother,
    /// It is less than the price.
    PaymentTooSmall {
        /// What it takes.
        need: Amount,
        /// What arrived.
        paid: Amount,
    },
    /// The balance does not cover it.
    InsufficientBalance {
        /// What it takes.
        need: Amount,
        /// What there is.
        available: Amount,
    },
    /// The listing fee could not be collected.
    ListingFee(Box<Self>),
    /// To itself.
    SelfTransfer,
    /// Collateral stays while listings need it.
    CollateralNeeded,
    /// The TEG refused what the caller asked of it, such as play money.
    Teg {
        /// Of [`marketplace_ports::TegError::Refused`].
        code: &'static str,
        /// In the TEG's words.
        reason: String,
    },
    /// This API key is bound to another agent, or was revoked.
    ApiKeyTaken,
    /// The caller is none of those who run the marketplace.
    OperatorsOnly,
    /// An operator has one voice.
    AlreadyApproved,
    /// The motion was decided, taken back, or its time is over.
    MotionOver,
    /// Our own tokens do not cover it.
    InsufficientCapital {
        /// What it takes.
        need: Amount,
        /// What there is.
        available: Amount,
    },
    /// Too many others have checks tried.
    TooBusy,
    /// Nothing by this id.
    NotFound,
    /// A timer looked too early; it comes back.
    NotDue {
        /// When.
        due: Timestamp,
    },
    /// It was done before; for our own commands, which repeat.
    AlreadyDone,
}

impl Refusal {
    /// Stable, for machines.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NonceUsed => "token_replayed",
            Self::Invalid(_) | Self::InvalidInput { .. } => "invalid",
            Self::ListingNotFound => "listing_not_found",
            Self::Listing(refusal) => refusal.code(),
            Self::OwnListing => "own_listing",
            Self::InsufficientReputation => "insufficient_reputation",
            Self::TooManyListings { .. } => "too_many_listings",
            Self::Price(refusal) => refusal.code(),
            Self::ExposureReached { .. } => "exposure_reached",
            Self::ReviewTooEarly => "review_too_early",
            Self::Review(refusal) => refusal.code(),
            Self::SellerNeeded => "seller_needed",
            Self::PolicyNotOffered => "policy_not_offered",
            Self::TooManyUnfunded { .. } => "too_many_unfunded_orders",
            Self::EscrowFull => "escrow_full",
            Self::Order(refusal) => refusal.code(),
            Self::Dispute(refusal) => refusal.code(),
            Self::InDispute => "in_dispute",
            Self::BenchChanged => "bench_changed",
            Self::TooManyOffers { .. } => "too_many_offers",
            Self::NotAJuror => "not_a_juror",
            Self::JurorStakeTooSmall { .. } => "juror_stake_too_small",
            Self::JurorStakeBound { .. } => "juror_stake_bound",
            Self::PaymentNotSeen => "payment_not_seen",
            Self::PaymentPending => "payment_pending",
            Self::PaymentFailed => "payment_failed",
            Self::PaymentForeign => "payment_foreign",
            Self::PaymentUsed { .. } => "payment_used",
            Self::PaymentForAnother => "payment_for_another",
            Self::PaymentTooSmall { .. } => "payment_too_small",
            Self::InsufficientBalance { .. } => "insufficient_balance",
            Self::ListingFee(_) => "listing_fee_not_collected",
            Self::SelfTransfer => "self_transfer",
            Self::CollateralNeeded => "collateral_needed",
            Self::Teg {
                code: code @ (TegError::FAUCET_USED | TegError::FAUCET_CLOSED), ..
            } => code,
            Self::Teg { .. } => "teg_refused",
            Self::ApiKeyTaken => "api_key_taken",
            Self::OperatorsOnly => "operators_only",
            Self::AlreadyApproved => "already_approved",
            Self::MotionOver => "motion_over",
            Self::InsufficientCapital { .. } => "insufficient_capital",
            Self::TooBusy => "too_busy",
            Self::NotFound => "not_found",
            Self::NotDue { .. } => "not_due",
            Self::AlreadyDone => "already_done",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NonceUsed => f.write_str("This token was used before, mint a new one"),
            Self::Invalid(invalid) => invalid.fmt(f),
            Self::InvalidInput { field, problem } => write!(f, "{field} {problem}"),
            Self::ListingNotFound => f.write_str("Listing not found or inactive"),
            Self::Listing(refusal) => refusal.fmt(f),
            Self::OwnListing => f.write_str("A provider cannot buy its own listing"),
            Self::InsufficientReputation => f.write_str("Insufficient reputation"),
            Self::TooManyListings { limit } => {
                write!(f, "The marketplace holds at most {limit} listings, try again later")
            }
            Self::Price(refusal) => refusal.fmt(f),
            Self::ExposureReached { .. }
            | Self::SellerNeeded
            | Self::PolicyNotOffered
            | Self::TooManyUnfunded { .. }
            | Self::EscrowFull => self.fmt_purchase(f),
            Self::ReviewTooEarly => f.write_str("Only an order that was settled can be reviewed"),
            Self::Review(refusal) => refusal.fmt(f),
            Self::Order(refusal) => refusal.fmt(f),
            Self::Dispute(refusal) => refusal.fmt(f),
            Self::InDispute
            | Self::BenchChanged
            | Self::TooManyOffers { .. }
            | Self::NotAJuror
            | Self::JurorStakeTooSmall { .. }
            | Self::JurorStakeBound { .. } => self.fmt_dispute(f),
            Self::PaymentNotSeen
            | Self::PaymentPending
            | Self::PaymentFailed
            | Self::PaymentForeign
            | Self::PaymentUsed { .. }
            | Self::PaymentForAnother
            | Self::PaymentTooSmall { .. } => self.fmt_payment(f),
            Self::InsufficientBalance { need, .. } => {
                write!(f, "Insufficient balance. Need {need} AVT")
            }
            Self::ListingFee(refusal) => write!(f, "Failed to collect listing fee: {refusal}"),
            Self::SelfTransfer => f.write_str("A transfer goes to another agent"),
            Self::CollateralNeeded => f.write_str(
                "The collateral stays while the reputation is negative and listings are up",
            ),
            Self::Teg { reason, .. } => write!(f, "The TEG refused: {reason}"),
            Self::ApiKeyTaken => {
                f.write_str("This API key is bound to another agent or was revoked, choose another")
            }
            Self::OperatorsOnly
            | Self::AlreadyApproved
            | Self::MotionOver
            | Self::InsufficientCapital { .. } => self.fmt_motion(f),
            Self::TooBusy => f.write_str("Too many have checks tried now, try again in a moment"),
            Self::NotFound => f.write_str("Nothing by this id"),
            Self::NotDue { .. } => f.write_str("Its time has not come"),
            Self::AlreadyDone => f.write_str("It was done before"),
        }
    }
}

impl Refusal {
    /// About a purchase.
    fn fmt_purchase(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ExposureReached { limit, open } => write!(
                f,
                "At most {limit} AVT of open orders may wait on this seller, {open} AVT do now; try \
                 again when some have ended, or buy for less"
            ),
            Self::PolicyNotOffered => {
                f.write_str("The listing has no executable checks, so it cannot be verified")
            }
            Self::TooManyUnfunded { limit } => {
                write!(f, "At most {limit} orders can wait for a transfer, pay or cancel one")
            }
            Self::EscrowFull => f.write_str(
                "Open orders hold as much as the marketplace's stake covers, try again later",
            ),
            _ => f.write_str("The seller was not looked up"),
        }
    }

    /// About a transfer at the TEG that was to pay for something.
    fn fmt_payment(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PaymentNotSeen => {
                f.write_str("The TEG does not show us this transfer yet, try again in a moment")
            }
            Self::PaymentPending => {
                f.write_str("The TEG has not completed this transfer, try again later")
            }
            Self::PaymentFailed => {
                f.write_str("This transfer failed at the TEG, pay with another one")
            }
            Self::PaymentForeign => f.write_str("You did not send us this transfer"),
            Self::PaymentUsed { used_for } => {
                write!(f, "This transfer paid for {used_for} before, pay with another one")
            }
            Self::PaymentForAnother => f.write_str(
                "The memo of this transfer names something else; its tokens are in your balance",
            ),
            Self::PaymentTooSmall { need, paid } => write!(
                f,
                "This transfer brought {paid} AVT, it takes {need} AVT; its tokens are in your \
                 balance"
            ),
            _ => Ok(()),
        }
    }

    /// About disputes and jurors.
    fn fmt_dispute(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InDispute => f.write_str("The order is in a dispute"),
            Self::BenchChanged => f.write_str("The panel has changed, try again"),
            Self::TooManyOffers { limit } => {
                write!(f, "A dispute takes at most {limit} offers of settlement")
            }
            Self::NotAJuror => f.write_str("You are not registered as a juror"),
            Self::JurorStakeTooSmall { least } => {
                write!(f, "A juror locks at least {least} AVT")
            }
            Self::JurorStakeBound { seats: 0, .. } => {
                f.write_str("Your stake is free seven days after you asked for it, ask again then")
            }
            Self::JurorStakeBound { seats, .. } => {
                write!(f, "You sit on {seats} panels: the stake stays until they are done")
            }
            _ => Ok(()),
        }
    }

    /// About what operators decide together.
    fn fmt_motion(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OperatorsOnly => {
                f.write_str("Only operators may do this (OPERATOR_DIDS names them)")
            }
            Self::AlreadyApproved => f.write_str("You approved this before; others must agree"),
            Self::MotionOver => {
                f.write_str("It was decided or taken back, or nobody agreed in time")
            }
            Self::InsufficientCapital { need, available } => {
                write!(f, "Our own tokens, {available} AVT, do not cover {need} AVT")
            }
            _ => Ok(()),
        }
    }
}

impl std::error::Error for Refusal {}

impl From<Invalid> for Refusal {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(invalid)
    }
}

impl From<ListingRefusal> for Refusal {
    fn from(refusal: ListingRefusal) -> Self {
        Self::Listing(refusal)
    }
}

impl From<OrderRefusal> for Refusal {
    fn from(refusal: OrderRefusal) -> Self {
        Self::Order(refusal)
    }
}

impl From<DisputeRefusal> for Refusal {
    fn from(refusal: DisputeRefusal) -> Self {
        match refusal {
            DisputeRefusal::Order(refusal) => Self::Order(refusal),
            refusal => Self::Dispute(refusal),
        }
    }
}

impl From<ReviewRefusal> for Refusal {
    fn from(refusal: ReviewRefusal) -> Self {
        Self::Review(refusal)
    }
}

impl From<QuoteRefusal> for Refusal {
    fn from(refusal: QuoteRefusal) -> Self {
        Self::Price(refusal)
    }
}

/// What a use case answers when it did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The rules say no.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// The idempotency key was used with another body.
    #[error("This Idempotency-Key was used with another request, choose a new one")]
    KeyReused,
    /// We cannot answer now; nothing was done, or the same attempt may be repeated safely.
    #[error("The marketplace cannot do this now: {reason}")]
    Unavailable {
        /// What stands in the way.
        reason: String,
        /// When to try again.
        retry_after: Seconds,
    },
    /// We have a bug, or the store is damaged. Nothing was done.
    #[error("The marketplace failed: {0}")]
    Fault(String),
}

impl Error {
    pub(crate) fn unavailable(reason: impl fmt::Display, seconds: u32) -> Self {
        Self::Unavailable { reason: reason.to_string(), retry_after: Seconds(seconds) }
    }
}

impl From<marketplace_ports::StoreError> for Error {
    fn from(error: marketplace_ports::StoreError) -> Self {
        use marketplace_ports::StoreError;
        match error {
            StoreError::Unavailable(_) | StoreError::Unknown(_) => Self::unavailable(error, 1),
            StoreError::Rejected(_) | StoreError::Corrupt(_) => Self::Fault(error.to_string()),
        }
    }
}
