//! Rulings and what becomes of them: the finding, the bonds, the order.

use std::sync::Arc;

use marketplace_escrow as escrow;
use marketplace_money::{Amount, Did, Timestamp};

use crate::digest::Canonical;
use crate::names::names;
use crate::{Dispute, Finding, RuleName};

/// What a ruling stands on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Basis {
    /// Tier 1.
    Rule {
        /// The first one that matched.
        rule: RuleName,
        /// Names the version of all rules.
        rule_set: [u8; 32],
        /// Names everything that the rules could see.
        facts: [u8; 32],
        /// What this rule looked at, for people.
        inputs: Vec<(&'static str, String)>,
    },
    /// Tier 2.
    Panel {
        /// Votes that were opened.
        revealed: usize,
    },
    /// Tier 3.
    Operators {
        /// Public; inert text.
        reason: Arc<str>,
        /// Who signed [`ruling_digest`].
        signatures: Vec<OperatorSignature>,
    },
}

impl Basis {
    /// 1, 2 or 3.
    #[must_use]
    pub const fn tier(&self) -> u8 {
        match self {
            Self::Rule { .. } => 1,
            Self::Panel { .. } => 2,
            Self::Operators { .. } => 3,
        }
    }
}

/// What was found, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruling {
    /// Never more than was claimed.
    pub finding: Finding,
    /// Which rule, panel or operators.
    pub basis: Basis,
    /// When.
    pub at: Timestamp,
}

/// What becomes of the bonds: a row of the money table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BondOutcome {
    /// The claim stood although it was contested.
    Upheld,
    /// The claim stood because nobody spoke against it.
    Undefended,
    /// The claim was wrong.
    Rejected,
    /// A part of the claim stood.
    Partial,
    /// Nobody was shown to be right.
    Unproven,
    /// The disputer took it back in time.
    Withdrawn,
    /// The parties agreed.
    Settled,
    /// We could not rule.
    Aborted,
}

names!(
    BondOutcome,
    "no outcome has this name",
    [
        (Upheld, "upheld"),
        (Undefended, "undefended"),
        (Rejected, "rejected"),
        (Partial, "partial"),
        (Unproven, "unproven"),
        (Withdrawn, "withdrawn"),
        (Settled, "settled"),
        (Aborted, "aborted"),
    ]
);

/// What becomes of the order, in the same commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OrderEffect {
    /// The seller gets this part of the price.
    Rule {
        /// 0 to the price.
        seller: Amount,
    },
    /// The order goes on.
    Resume,
    /// As the parties agreed.
    Settle {
        /// 0 to the price.
        seller: Amount,
    },
    /// The buyer gave in: as accept.
    Accept,
    /// The seller gave in: as decline.
    Decline,
    /// Undelivered: refund. Delivered: half and half.
    Abort,
}

impl OrderEffect {
    /// The command for the order, and who gives it.
    #[must_use]
    pub const fn order_command(self) -> (escrow::Actor, escrow::Command) {
        match self {
            Self::Rule { seller } => (escrow::Actor::Arbitration, escrow::Command::Rule { seller }),
            Self::Resume => (escrow::Actor::Arbitration, escrow::Command::Resume),
            Self::Settle { seller } => {
                (escrow::Actor::Arbitration, escrow::Command::SettleDispute { seller })
            }
            Self::Accept => (escrow::Actor::Buyer, escrow::Command::Accept),
            Self::Decline => (escrow::Actor::Seller, escrow::Command::Decline),
            Self::Abort => (escrow::Actor::Arbitration, escrow::Command::AbortDispute),
        }
    }
}

/// How a dispute ended. Bonds and order are apart: a ruling says both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Nothing where it ended without a ruling.
    pub finding: Option<Finding>,
    /// What becomes of the bonds.
    pub bonds: BondOutcome,
    /// What becomes of the order.
    pub order: OrderEffect,
    /// What the respondent pays the disputer from its balance, as far as that covers it.
    pub compensation: Amount,
}

/// An operator's name and signature, as recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorSignature {
    /// Who signed.
    pub operator: Did,
    /// Over the digest.
    pub signature: [u8; 64],
}

/// A signature that was checked. Only [`Approval::check`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    signed: OperatorSignature,
    digest: [u8; 32],
}

/// Whether `signature` of `digest` is this agent's: an edge knows keys, a pure crate does not.
pub type SignatureCheck<'a> = &'a dyn Fn(&Did, &[u8; 32], &[u8; 64]) -> bool;

impl Approval {
    /// The only way to an approval: the signature of [`ruling_digest`] or [`abort_digest`] is
    /// checked.
    #[must_use]
    pub fn check(
        signed: OperatorSignature,
        digest: [u8; 32],
        is_valid: SignatureCheck<'_>,
    ) -> Option<Self> {
        is_valid(&signed.operator, &digest, &signed.signature).then_some(Self { signed, digest })
    }
}

/// The operators' keys and how many must agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operators<'a> {
    /// n of them.
    pub keys: &'a [Did],
    /// k.
    pub needed: usize,
}

/// The operators as they were when they decided: others may be there later, and other numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Board {
    /// n of them.
    pub keys: Vec<Did>,
    /// How many had to agree.
    pub needed: usize,
}

impl Board {
    /// As a decision takes them.
    #[must_use]
    pub fn operators(&self) -> Operators<'_> {
        Operators { keys: &self.keys, needed: self.needed }
    }
}

impl Operators<'_> {
    /// The signatures of distinct operators under exactly this, if they are enough. A party's own
    /// never counts.
    #[must_use]
    pub fn approve(
        &self,
        dispute: &Dispute,
        digest: &[u8; 32],
        approvals: &[Approval],
    ) -> Option<Vec<OperatorSignature>> {
        let counts = |approval: &&Approval| {
            approval.digest == *digest
                && self.keys.contains(&approval.signed.operator)
                && dispute.side_of(&approval.signed.operator).is_none()
        };
        let mut signatures: Vec<OperatorSignature> =
            approvals.iter().filter(counts).map(|approval| approval.signed.clone()).collect();
        signatures.sort_by(|a, b| a.operator.cmp(&b.operator));
        signatures.dedup_by(|later, first| later.operator == first.operator);
        (signatures.len() >= self.needed.max(1)).then_some(signatures)
    }
}

/// What operators sign to rule. Bound to the round: a signature of an earlier round is worth
/// nothing.
#[must_use]
pub fn ruling_digest(dispute: &Dispute, finding: Finding, reason: &str) -> [u8; 32] {
    Canonical::of("marketplace-ruling 1")
        .text(&dispute.id.to_string())
        .count(dispute.rounds.len() as u64)
        .text(finding.name())
        .text(reason)
        .finish()
}

/// What operators sign to abort.
#[must_use]
pub fn abort_digest(dispute: &Dispute, reason: &str) -> [u8; 32] {
    Canonical::of("marketplace-abort 1").text(&dispute.id.to_string()).text(reason).finish()
}
