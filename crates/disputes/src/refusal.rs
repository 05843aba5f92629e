//! Why a dispute did not begin or did not change, in the order in which it is checked.

use std::fmt;

use marketplace_escrow::OrderRefusal;
use marketplace_listings::Invalid;
use marketplace_money::{Amount, Timestamp};

use crate::{Phase, Verb};

/// A closed list. The order of the variants is the order of the checks: an earlier one hides the
/// later ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DisputeRefusal {
    /// Nobody but the parties, the panel and us acts on a dispute. The same answer as for one that
    /// does not exist.
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
        /// Where the dispute is.
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
    /// The order says no.
    Order(OrderRefusal),
    /// This side disputed this order before.
    AlreadyDisputed,
    /// A field is not acceptable.
    Invalid(Invalid),
    /// The log does not show what an objective claim says.
    NotShown,
    /// Votes were opened or a ruling was made: a claim can no longer be taken back.
    HandShown,
    /// Who can post the counter-bond posts it.
    BondAffordable {
        /// R.
        counter_bond: Amount,
    },
    /// The side has handed in all the evidence that it may.
    TooMuchEvidence,
    /// The panel judges what lay before it.
    EvidenceClosed,
    /// No offer of the other side stands.
    NoOffer,
    /// The offer that stands is another.
    OfferChanged {
        /// What the seller would get.
        seller: Amount,
    },
    /// The ruling gives this party all that it wanted.
    NothingToAppeal,
    /// The juror has voted.
    AlreadyVoted,
    /// The juror did not vote under seal.
    NotCommitted,
    /// What is opened is not what was sealed.
    WrongSeal,
    /// The pool is not the one that was frozen, or names somebody who must not judge.
    WrongPool,
    /// The facts are not those of this dispute.
    WrongFacts,
    /// Not enough operators signed exactly this.
    NotApproved {
        /// How many it takes.
        needed: usize,
    },
}

impl DisputeRefusal {
    /// Stable, for machines.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "dispute_not_found",
            Self::WrongRole { .. } => "wrong_role",
            Self::WrongPhase { .. } => "wrong_phase",
            Self::TooLate { .. } => "too_late",
            Self::TooEarly { .. } => "too_early",
            Self::Order(refusal) => refusal.code(),
            Self::AlreadyDisputed => "already_disputed",
            Self::Invalid(_) => "invalid",
            Self::NotShown => "claim_not_shown",
            Self::HandShown => "too_late_to_withdraw",
            Self::BondAffordable { .. } => "bond_affordable",
            Self::TooMuchEvidence => "too_much_evidence",
            Self::EvidenceClosed => "evidence_closed",
            Self::NoOffer => "no_offer",
            Self::OfferChanged { .. } => "offer_changed",
            Self::NothingToAppeal => "nothing_to_appeal",
            Self::AlreadyVoted => "already_voted",
            Self::NotCommitted => "not_committed",
            Self::WrongSeal => "wrong_seal",
            Self::WrongPool => "wrong_pool",
            Self::WrongFacts => "wrong_facts",
            Self::NotApproved { .. } => "not_approved",
        }
    }
}

impl fmt::Display for DisputeRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::WrongPhase { verb, phase } => {
                return write!(f, "The dispute is {phase}, it cannot {verb} now");
            }
            Self::WrongRole { verb } => {
                return write!(f, "You are not the one who can {verb} in this dispute");
            }
            Self::Order(refusal) => return refusal.fmt(f),
            Self::Invalid(invalid) => return invalid.fmt(f),
            Self::BondAffordable { counter_bond } => {
                return write!(f, "Your balance covers the counter-bond of {counter_bond} AVT");
            }
            Self::OfferChanged { seller } => {
                return write!(f, "The offer that stands gives the seller {seller} AVT");
            }
            Self::NotApproved { needed } => {
                return write!(f, "It takes {needed} operators' signatures under exactly this");
            }
            Self::NotFound => "Dispute not found",
            Self::TooLate { .. } => "The time for this is over",
            Self::TooEarly { .. } => "The time for this has not come",
            Self::AlreadyDisputed => "You have disputed this order before",
            Self::NotShown => {
                "The log shows a delivery, or it is not due yet: name what is wrong with it"
            }
            Self::HandShown => {
                "Votes were opened or a ruling was made: settle with the other side, or concede"
            }
            Self::TooMuchEvidence => "You have handed in 20 pieces of evidence",
            Self::EvidenceClosed => "The panel is voting on what was handed in before",
            Self::NoOffer => "No offer of the other party stands",
            Self::NothingToAppeal => "The ruling gives you all that you wanted",
            Self::AlreadyVoted => "You have voted",
            Self::NotCommitted => "You did not vote in time",
            Self::WrongSeal => "This is not the vote that you sealed",
            Self::WrongPool => "The pool is not the one for this panel",
            Self::WrongFacts => "The facts are not those of this dispute",
        };
        f.write_str(text)
    }
}

impl std::error::Error for DisputeRefusal {}

impl From<Invalid> for DisputeRefusal {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(invalid)
    }
}
