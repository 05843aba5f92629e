//! What can be asked of a dispute, and what happens to it.

use std::sync::Arc;

use marketplace_money::{Amount, Deadline, Did, Timestamp};

use crate::{
    Appeal, Approval, Draw, Escalation, Evidence, Finding, Offer, OperatorSignature, OrderFacts,
    Phase, Pool, Response, Ruling, SeedSource, Verb, Verdict, Vote,
};

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// An agent; what it may do depends on its place in the dispute.
    Agent(Did),
    /// A deadline that passed.
    Timer,
    /// Our own machinery.
    Arbitration,
    /// The operators; who of them is in the approvals.
    Operators,
}

/// A party's piece of evidence. The shell has hashed and stored the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvidenceInput {
    /// Of the bytes, computed by us.
    pub sha256: [u8; 32],
    /// In bytes.
    pub size: u64,
    /// As the party says.
    pub media_type: Option<Arc<str>>,
    /// As the party says; may be empty.
    pub note: Arc<str>,
}

/// What is asked of a dispute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// A party adds to the evidence.
    AddEvidence(EvidenceInput),
    /// The respondent disagrees.
    Contest {
        /// With R; without only who cannot pay R.
        bonded: bool,
    },
    /// A party gives in: the respondent to the claim, the disputer to everything.
    Concede {
        /// The respondent gives all that is in escrow, not only what was claimed: what an order's
        /// own accept and decline are in a dispute.
        everything: bool,
    },
    /// A party proposes that the seller gets this part of the price.
    OfferSettlement {
        /// 0 to the price.
        seller: Amount,
    },
    /// The other party agrees.
    AcceptSettlement {
        /// The part that it agrees to; when absent, whatever stands.
        expected: Option<Amount>,
    },
    /// The disputer takes its claim back.
    Withdraw,
    /// Tier 1.
    ApplyRules {
        /// What the log says.
        facts: Box<OrderFacts>,
    },
    /// Tier 2 freezes its pool.
    CallPanel {
        /// [`Pool::of`] this dispute.
        pool: Pool,
    },
    /// The call was sealed: the panel is drawn.
    DrawPanel {
        /// The frozen pool again.
        pool: Pool,
        /// The batch that holds the call.
        source: SeedSource,
    },
    /// A juror votes under seal.
    Commit {
        /// [`crate::commitment`].
        commitment: [u8; 32],
    },
    /// A juror opens its vote.
    Reveal(Vote),
    /// A party wants a larger panel to look at it.
    Appeal,
    /// Tier 3.
    Rule {
        /// In the same space as everybody's.
        finding: Finding,
        /// Public.
        reason: Arc<str>,
        /// Of [`crate::ruling_digest`].
        approvals: Vec<Approval>,
    },
    /// We give up, at our cost.
    Abort {
        /// Public.
        reason: Arc<str>,
        /// Of [`crate::abort_digest`].
        approvals: Vec<Approval>,
    },
    /// The time of the step at work is over.
    Lapse,
    /// The seven days are over.
    LapseLife,
}

impl Command {
    /// The row of the table that the command is.
    #[must_use]
    pub const fn verb(&self) -> Verb {
        match self {
            Self::AddEvidence(_) => Verb::AddEvidence,
            Self::Contest { .. } => Verb::Contest,
            Self::Concede { .. } => Verb::Concede,
            Self::OfferSettlement { .. } => Verb::OfferSettlement,
            Self::AcceptSettlement { .. } => Verb::AcceptSettlement,
            Self::Withdraw => Verb::Withdraw,
            Self::ApplyRules { .. } => Verb::ApplyRules,
            Self::CallPanel { .. } => Verb::CallPanel,
            Self::DrawPanel { .. } => Verb::DrawPanel,
            Self::Commit { .. } => Verb::Commit,
            Self::Reveal(_) => Verb::Reveal,
            Self::Appeal => Verb::Appeal,
            Self::Rule { .. } => Verb::Rule,
            Self::Abort { .. } => Verb::Abort,
            Self::Lapse => Verb::Lapse,
            Self::LapseLife => Verb::LapseLife,
        }
    }
}

/// What happened to a dispute. Facts: they carry what was decided, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DisputeEvent {
    /// It began; the first event of each.
    Opened {
        /// When.
        at: Timestamp,
    },
    /// A party added to the evidence.
    EvidenceAdded(Evidence),
    /// The respondent spoke, or let the time pass.
    Responded {
        /// What it did.
        response: Response,
        /// When.
        at: Timestamp,
    },
    /// A party proposes to share the price.
    SettlementOffered(Offer),
    /// No rule decides: people do.
    PanelWanted {
        /// When.
        at: Timestamp,
    },
    /// The pool of a panel was frozen.
    Called {
        /// Names the pool.
        pool: [u8; 32],
        /// How many seats.
        size: usize,
        /// When.
        at: Timestamp,
    },
    /// The panel was drawn.
    Drawn {
        /// What the seed was made of, and when.
        draw: Draw,
        /// Who sits on it, in the order drawn.
        jurors: Vec<Did>,
        /// For the sealed votes.
        until: Deadline,
    },
    /// A juror voted under seal.
    Committed {
        /// Who.
        juror: Did,
        /// The seal.
        commitment: [u8; 32],
        /// When.
        at: Timestamp,
    },
    /// The votes are opened.
    RevealBegan {
        /// For opening the votes.
        until: Deadline,
    },
    /// A juror opened its vote.
    Revealed {
        /// Who.
        juror: Did,
        /// Its vote.
        vote: Vote,
        /// When.
        at: Timestamp,
    },
    /// Too few votes.
    PanelFailed {
        /// When.
        at: Timestamp,
    },
    /// It is with the operators.
    Escalated {
        /// Why.
        why: Escalation,
        /// When.
        at: Timestamp,
    },
    /// Something was ruled.
    Ruled(Ruling),
    /// A party wants a larger panel.
    Appealed {
        /// With its bond.
        appeal: Appeal,
        /// When.
        at: Timestamp,
    },
    /// The operators give up.
    GivenUp {
        /// Public; inert text.
        reason: Arc<str>,
        /// Who signed [`crate::abort_digest`].
        signatures: Vec<OperatorSignature>,
        /// When.
        at: Timestamp,
    },
    /// Over.
    Closed {
        /// How.
        phase: Phase,
        /// What becomes of bonds and order.
        verdict: Verdict,
        /// When.
        at: Timestamp,
    },
}

impl DisputeEvent {
    /// A stable name for the event log.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Opened { .. } => "dispute.opened",
            Self::EvidenceAdded(_) => "dispute.evidence_added",
            Self::Responded { .. } => "dispute.responded",
            Self::SettlementOffered(_) => "dispute.settlement_offered",
            Self::PanelWanted { .. } => "dispute.panel_wanted",
            Self::Called { .. } => "dispute.panel_called",
            Self::Drawn { .. } => "dispute.panel_drawn",
            Self::Committed { .. } => "dispute.vote_committed",
            Self::RevealBegan { .. } => "dispute.reveal_began",
            Self::Revealed { .. } => "dispute.vote_revealed",
            Self::PanelFailed { .. } => "dispute.panel_failed",
            Self::Escalated { .. } => "dispute.escalated",
            Self::Ruled(_) => "dispute.ruled",
            Self::Appealed { .. } => "dispute.appealed",
            Self::GivenUp { .. } => "dispute.given_up",
            Self::Closed { .. } => "dispute.closed",
        }
    }
}
