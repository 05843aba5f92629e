//! Motions: what operators propose, who of them agrees, and what became of it.

use std::sync::Arc;

use marketplace_fees::FeeSchedule;
use marketplace_money::{
    Amount, Did, DisputeId, ListingId, OrderId, Seconds, Timestamp, WithdrawalId,
};
use uuid::Uuid;

use crate::TegTransactionId;

/// What an operator wants done. It can do nothing else: no motion pays anybody but the two parties
/// of an order and whom a withdrawal belongs to, makes money, or changes a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MotionAction {
    /// Gives an order that is not disputed more time.
    ExtendOrder {
        /// Which.
        order: OrderId,
        /// For each clock that runs.
        by: Seconds,
    },
    /// Everything in escrow goes back to the buyer.
    RefundOrder {
        /// Which; not disputed.
        order: OrderId,
    },
    /// The seller is paid, as if the buyer had accepted.
    ReleaseOrder {
        /// Which; not disputed.
        order: OrderId,
    },
    /// Tier 3 of a dispute.
    RuleDispute {
        /// Which.
        dispute: DisputeId,
        /// The name of a finding.
        finding: String,
    },
    /// Gives a dispute up, at our cost.
    AbortDispute {
        /// Which.
        dispute: DisputeId,
    },
    /// Ends a listing.
    Delist {
        /// Which.
        listing: ListingId,
    },
    /// The agent can command nothing more.
    Freeze {
        /// Whom.
        agent: Did,
    },
    /// It can again.
    Unfreeze {
        /// Whom.
        agent: Did,
    },
    /// Moves tokens between an agent's balance and our capital.
    Adjust {
        /// Whose balance.
        agent: Did,
        /// What it gets; below zero, what it gives.
        amount: Amount,
    },
    /// Other fees, from 48 hours after the last approval needed.
    SetFees(FeeSchedule),
    /// Another rule of the house, from 48 hours after the last approval needed.
    SetRule(HouseRule),
    /// Ends the waiting of a withdrawal of which nobody knows what became of it.
    ResolveWithdrawal {
        /// Which.
        withdrawal: WithdrawalId,
        /// How.
        resolution: Resolution,
        /// Its version when this was proposed: what was found out about one waiting says nothing
        /// about a later one.
        version: u64,
    },
    /// Books a transfer of ours that fits nothing against our capital.
    ExplainTransfer {
        /// Which.
        transaction: TegTransactionId,
    },
    /// Tries work again that was given up.
    RetryLetters {
        /// Which.
        letters: Vec<Uuid>,
    },
    /// Changes our own key.
    RotateKey,
    /// Lets a secret speak for an agent.
    BindApiKey {
        /// For whom.
        agent: Did,
        /// The secret's hash.
        sha256: [u8; 32],
    },
    /// Ends an agent's API key.
    RevokeApiKey {
        /// Whose.
        agent: Did,
        /// The secret's hash.
        sha256: [u8; 32],
    },
}

/// What becomes of a withdrawal whose transfer was never made and never will be: whoever says so
/// has looked at the TEG's own books.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// The transfer is made now.
    Resend,
    /// The tokens go back to the agent.
    Return,
}

impl Resolution {
    /// A stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Resend => "resend",
            Self::Return => "return",
        }
    }
}

/// What operators can change of the house's economics beside the fees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HouseRules {
    /// So much may be open with a seller that has neither stake nor trusted buyers; nothing: there
    /// is no limit.
    pub exposure_base: Option<Amount>,
    /// What lets an agent of negative reputation list.
    pub collateral: Amount,
    /// What a dispute costs beside its fee, before it doubles for a serial loser.
    pub dispute_bond: Amount,
}

/// One of [`HouseRules`], changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HouseRule {
    /// Another base; nothing: no limit.
    ExposureBase(Option<Amount>),
    /// Another collateral.
    Collateral(Amount),
    /// Another bond.
    DisputeBond(Amount),
}

impl HouseRule {
    /// A stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ExposureBase(_) => "exposure_base",
            Self::Collateral(_) => "negative_reputation_collateral",
            Self::DisputeBond(_) => "dispute_bond",
        }
    }

    /// What it is set to; nothing: no limit.
    #[must_use]
    pub const fn value(self) -> Option<Amount> {
        match self {
            Self::ExposureBase(value) => value,
            Self::Collateral(value) | Self::DisputeBond(value) => Some(value),
        }
    }
}

impl HouseRules {
    /// The rules with one of them changed.
    #[must_use]
    pub const fn with(self, rule: HouseRule) -> Self {
        match rule {
            HouseRule::ExposureBase(exposure_base) => Self { exposure_base, ..self },
            HouseRule::Collateral(collateral) => Self { collateral, ..self },
            HouseRule::DisputeBond(dispute_bond) => Self { dispute_bond, ..self },
        }
    }
}

impl MotionAction {
    /// A stable name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::ExtendOrder { .. } => "order.extend",
            Self::RefundOrder { .. } => "order.refund",
            Self::ReleaseOrder { .. } => "order.release",
            Self::RuleDispute { .. } => "dispute.rule",
            Self::AbortDispute { .. } => "dispute.abort",
            Self::Delist { .. } => "listing.delist",
            Self::Freeze { .. } => "agent.freeze",
            Self::Unfreeze { .. } => "agent.unfreeze",
            Self::Adjust { .. } => "agent.adjust",
            Self::SetFees(_) => "fees.set",
            Self::SetRule(_) => "settings.set",
            Self::ResolveWithdrawal { .. } => "withdrawal.resolve",
            Self::ExplainTransfer { .. } => "transfer.explain",
            Self::RetryLetters { .. } => "outbox.retry",
            Self::RotateKey => "key.rotate",
            Self::BindApiKey { .. } => "api_key.bind",
            Self::RevokeApiKey { .. } => "api_key.revoke",
        }
    }

    /// Whether any one operator does it alone, however many must agree on other acts. Such an act
    /// moves no tokens; it is written down as a motion, and never waits as one.
    #[must_use]
    pub const fn is_done_alone(&self) -> bool {
        matches!(
            self,
            Self::RetryLetters { .. }
                | Self::RotateKey
                | Self::BindApiKey { .. }
                | Self::RevokeApiKey { .. }
        )
    }
}

/// An operator that agrees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MotionApproval {
    /// Who.
    pub operator: Did,
    /// When.
    pub at: Timestamp,
    /// Over the digest of a ruling; motions on disputes need it, for their packet is checked
    /// without us.
    pub signature: Option<[u8; 64]>,
}

/// Where a motion is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MotionState {
    /// It waits for approvals.
    Open,
    /// It was done.
    Done {
        /// When.
        at: Timestamp,
    },
    /// It takes effect by itself.
    Scheduled {
        /// When it was decided.
        at: Timestamp,
        /// From when on.
        from: Timestamp,
    },
    /// It will never be.
    Cancelled {
        /// By whom.
        by: Did,
        /// Public; inert text.
        reason: String,
        /// When.
        at: Timestamp,
    },
}

/// What operators propose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Motion {
    /// Later ones are greater, as far as clocks agree.
    pub id: Uuid,
    /// From 1.
    pub version: u64,
    /// What shall be done.
    pub action: MotionAction,
    /// Public; inert text.
    pub reason: Arc<str>,
    /// Who of the operators, the proposer first.
    pub approvals: Vec<MotionApproval>,
    /// Where it is.
    pub state: MotionState,
    /// When it was proposed.
    pub at: Timestamp,
}

impl Motion {
    /// A motion that has not found its approvals by then is over.
    pub const LIFE: Seconds = Seconds::from_hours(7 * 24);

    /// Until when it can be approved.
    #[must_use]
    pub fn lapses_at(&self) -> Timestamp {
        self.at.plus(Self::LIFE)
    }
}
