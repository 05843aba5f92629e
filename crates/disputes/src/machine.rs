//! The words of the dispute machine: sides, phases, actors and verbs, with their wire names.

use crate::names::names;

/// A party to the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    /// Who pays.
    Buyer,
    /// Who delivers.
    Seller,
}

impl Side {
    /// The one across the table.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Buyer => Self::Seller,
            Self::Seller => Self::Buyer,
        }
    }
}

names!(Side, "must be buyer or seller", [(Buyer, "buyer"), (Seller, "seller")]);

/// Where in its life a dispute is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Phase {
    /// The other side may contest, concede, or stay silent.
    AwaitingResponse,
    /// Tier 1 is to be applied; takes no time but ours.
    UnderRules,
    /// Tier 2 is to be called: the pool of jurors is to be frozen.
    AwaitingPanel,
    /// The pool is frozen; the panel is drawn as soon as the call is sealed.
    AwaitingDraw,
    /// The panel votes under seal.
    Committing,
    /// The panel opens its votes.
    Revealing,
    /// Tier 3: operators rule.
    UnderOperators,
    /// Ruled; a party may appeal.
    Appealable,
    /// Closed by a ruling or a concession.
    Final,
    /// Closed by who opened it.
    Withdrawn,
    /// Closed by agreement.
    Settled,
    /// Closed by us, because we could not rule in time.
    Aborted,
}

names!(
    Phase,
    "no phase has this name",
    [
        (AwaitingResponse, "AWAITING_RESPONSE"),
        (UnderRules, "UNDER_RULES"),
        (AwaitingPanel, "AWAITING_PANEL"),
        (AwaitingDraw, "AWAITING_DRAW"),
        (Committing, "COMMITTING"),
        (Revealing, "REVEALING"),
        (UnderOperators, "UNDER_OPERATORS"),
        (Appealable, "APPEALABLE"),
        (Final, "FINAL"),
        (Withdrawn, "WITHDRAWN"),
        (Settled, "SETTLED"),
        (Aborted, "ABORTED"),
    ]
);

impl Phase {
    /// Whether nothing can happen any more.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Final | Self::Withdrawn | Self::Settled | Self::Aborted)
    }
}

/// Who may do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Actor {
    /// Who opened the dispute.
    Disputer,
    /// The other party.
    Respondent,
    /// Either of the two.
    Party,
    /// The party that did not make the open offer.
    OtherParty,
    /// Who sits on the panel.
    Juror,
    /// A deadline that passed.
    Timer,
    /// Our own machinery: rules, call and draw leave nothing to choose.
    Arbitration,
    /// Enough of the operators together.
    Operators,
}

names!(
    Actor,
    "nobody has this role",
    [
        (Disputer, "disputer"),
        (Respondent, "respondent"),
        (Party, "either party"),
        (OtherParty, "the other party"),
        (Juror, "juror"),
        (Timer, "timer"),
        (Arbitration, "arbitration"),
        (Operators, "operators"),
    ]
);

impl Actor {
    /// Whether a row for this actor is open to `role`.
    pub(crate) const fn includes(self, role: Self) -> bool {
        match self {
            Self::Party | Self::OtherParty => matches!(role, Self::Disputer | Self::Respondent),
            _ => self as u8 == role as u8,
        }
    }
}

/// What can be done to a dispute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verb {
    /// A party adds to the evidence.
    AddEvidence,
    /// The respondent disagrees.
    Contest,
    /// A party gives the other what it wants.
    Concede,
    /// A party proposes how to share the price.
    OfferSettlement,
    /// The other party agrees.
    AcceptSettlement,
    /// The disputer takes its claim back.
    Withdraw,
    /// Tier 1 looks at the log.
    ApplyRules,
    /// Tier 2 freezes its pool.
    CallPanel,
    /// The panel is drawn.
    DrawPanel,
    /// A juror votes under seal.
    Commit,
    /// A juror opens its vote.
    Reveal,
    /// Tier 3 rules.
    Rule,
    /// A party asks for a larger panel.
    Appeal,
    /// We give up, at our cost.
    Abort,
    /// A step's time is over.
    Lapse,
    /// The dispute's seven days are over.
    LapseLife,
}

names!(
    Verb,
    "no verb has this name",
    [
        (AddEvidence, "add-evidence"),
        (Contest, "contest"),
        (Concede, "concede"),
        (OfferSettlement, "offer-settlement"),
        (AcceptSettlement, "accept-settlement"),
        (Withdraw, "withdraw"),
        (ApplyRules, "apply-rules"),
        (CallPanel, "call-panel"),
        (DrawPanel, "draw-panel"),
        (Commit, "commit"),
        (Reveal, "reveal"),
        (Rule, "rule"),
        (Appeal, "appeal"),
        (Abort, "abort"),
        (Lapse, "lapse"),
        (LapseLife, "lapse-life"),
    ]
);

/// Why a case is with the operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Escalation {
    /// The respondent contested without a bond: no panel is paid for such a case.
    Unbonded,
    /// There are not enough independent jurors.
    PoolTooSmall,
    /// Two panels in a row did not reveal enough votes.
    NoQuorum,
    /// No ruling within the time for one.
    RulingTimeOver,
}

names!(
    Escalation,
    "no escalation has this name",
    [
        (Unbonded, "unbonded"),
        (PoolTooSmall, "pool_too_small"),
        (NoQuorum, "no_quorum"),
        (RulingTimeOver, "ruling_time_over"),
    ]
);

/// What a dispute waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TimerKind {
    /// The respondent.
    Respond,
    /// Our rules: due at once.
    Rules,
    /// Our call of a panel: due at once.
    Call,
    /// Our draw: due as soon as the call is sealed.
    Draw,
    /// The panel's sealed votes.
    Commit,
    /// The panel's open votes.
    Reveal,
    /// The operators.
    Operators,
    /// An appeal.
    Appeal,
    /// The end of the seven days.
    Life,
}

names!(
    TimerKind,
    "no timer has this name",
    [
        (Respond, "respond"),
        (Rules, "rules"),
        (Call, "call"),
        (Draw, "draw"),
        (Commit, "commit"),
        (Reveal, "reveal"),
        (Operators, "operators"),
        (Appeal, "appeal"),
        (Life, "life"),
    ]
);
