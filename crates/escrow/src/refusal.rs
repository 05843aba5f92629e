//! Why an order did not change, in the order in which it is checked.

use std::fmt;

use marketplace_listings::Invalid;
use marketplace_money::{Amount, Timestamp};

use crate::{Phase, Verb};

/// A closed list. The order of the variants is the order of the checks: an earlier one hides the
/// later ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderRefusal {
    /// Nobody but buyer and seller (and, where it says so, us) acts on an order. The same answer
    /// as for an order that does not exist.
    NotFound,
    /// This party never does this.
    WrongRole {
        /// What it tried.
        verb: Verb,
    },
    /// Not in this phase.
    WrongPhase {
        /// What was tried.
        verb: Verb,
        /// Where the order is.
        phase: Phase,
    },
    /// The time for it is over; the timer will act.
    TooLate {
        /// When it was over.
        due: Timestamp,
    },
    /// The time for it has not come.
    TooEarly {
        /// When it comes.
        due: Timestamp,
    },
    /// The buyer's revisions are used up.
    NoRevisionsLeft,
    /// No offer of the other side stands.
    NoOffer,
    /// A field is not acceptable.
    Invalid(Invalid),
    /// The offer that stands is another.
    OfferChanged {
        /// What the seller would get.
        seller: Amount,
    },
    /// This order wants content.
    ContentRequired,
    /// What was fetched (or did not come) is no longer what the seller announced.
    NotAnnounced,
    /// The bytes are not what the seller said.
    HashMismatch,
}

impl OrderRefusal {
    /// Stable, for machines.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "order_not_found",
            Self::WrongRole { .. } => "wrong_role",
            Self::WrongPhase { .. } => "wrong_phase",
            Self::TooLate { .. } => "too_late",
            Self::TooEarly { .. } => "too_early",
            Self::Invalid(_) => "invalid",
            Self::NoRevisionsLeft => "no_revisions_left",
            Self::NoOffer => "no_offer",
            Self::OfferChanged { .. } => "offer_changed",
            Self::ContentRequired => "content_required",
            Self::NotAnnounced => "not_announced",
            Self::HashMismatch => "hash_mismatch",
        }
    }
}

impl fmt::Display for OrderRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("Order not found"),
            Self::WrongRole { verb } => {
                write!(f, "You are not the party that can {verb} this order")
            }
            Self::WrongPhase { verb, phase } => {
                write!(f, "The order is {phase}, it cannot {verb} now")
            }
            Self::TooLate { .. } => f.write_str("The time for this is over"),
            Self::TooEarly { .. } => f.write_str("The time for this has not come"),
            Self::Invalid(invalid) => invalid.fmt(f),
            Self::NoRevisionsLeft => {
                f.write_str("No revisions are left: accept, offer a split, or dispute")
            }
            Self::NoOffer => f.write_str("No split offer of the other party stands"),
            Self::OfferChanged { seller } => {
                write!(f, "The offer that stands gives the seller {seller} AVT")
            }
            Self::ContentRequired => f.write_str(
                "A delivery needs content (inline or uri): only auto_on_delivery goes without",
            ),
            Self::NotAnnounced => {
                f.write_str("No such delivery is announced: the seller has replaced it")
            }
            Self::HashMismatch => {
                f.write_str("The content does not hash to the sha256 that came with it")
            }
        }
    }
}

impl std::error::Error for OrderRefusal {}

impl From<Invalid> for OrderRefusal {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(invalid)
    }
}
