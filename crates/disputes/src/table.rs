//! The dispute machine as data: DESIGN section 5.

use crate::{Actor, Phase, Verb};

/// Which money a transition moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Money {
    /// None.
    None,
    /// agent:respondent → dispute, R, unless it is contested without.
    CounterBond,
    /// agent:appellant → dispute, A.
    AppealBond,
    /// When it closes: everything out, by the money table.
    Payout,
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
    /// Where it can lead; nothing: the phase stays.
    pub to: &'static [Phase],
    /// And which money.
    pub money: Money,
    /// Under which condition, in words; `decide` holds it in code under the same verb.
    pub guard: &'static str,
}

const OPEN: &[Phase] = &[
    Phase::AwaitingResponse,
    Phase::UnderRules,
    Phase::AwaitingPanel,
    Phase::AwaitingDraw,
    Phase::Committing,
    Phase::Revealing,
    Phase::UnderOperators,
    Phase::Appealable,
];

const fn row(
    verb: Verb,
    actor: Actor,
    from: &'static [Phase],
    to: &'static [Phase],
    money: Money,
    guard: &'static str,
) -> Transition {
    Transition { verb, actor, from, to, money, guard }
}

/// Every way a dispute can change after its opening. What is not here cannot happen.
pub const TRANSITIONS: &[Transition] = &[
    row(
        Verb::AddEvidence,
        Actor::Party,
        &[
            Phase::AwaitingResponse,
            Phase::UnderRules,
            Phase::AwaitingPanel,
            Phase::AwaitingDraw,
            Phase::Committing,
            Phase::UnderOperators,
            Phase::Appealable,
        ],
        &[],
        Money::None,
        "20 pieces of 1 MiB for each side; in the first half of the panel's voting time",
    ),
    row(
        Verb::Contest,
        Actor::Respondent,
        &[Phase::AwaitingResponse],
        &[Phase::UnderRules],
        Money::CounterBond,
        "in time; without R only when the balance does not cover it",
    ),
    row(
        Verb::Lapse,
        Actor::Timer,
        &[Phase::AwaitingResponse],
        &[Phase::UnderRules],
        Money::None,
        "the respondent was silent",
    ),
    row(
        Verb::Concede,
        Actor::Respondent,
        OPEN,
        &[Phase::Final],
        Money::Payout,
        "as undefended; from the first open vote or ruling on as lost",
    ),
    row(
        Verb::Concede,
        Actor::Disputer,
        OPEN,
        &[Phase::Final],
        Money::Payout,
        "as withdrawn, and all of the escrow to the other side; from the first open vote or ruling on as lost",
    ),
    row(
        Verb::Withdraw,
        Actor::Disputer,
        OPEN,
        &[Phase::Withdrawn],
        Money::Payout,
        "no vote was opened and nothing was ruled",
    ),
    row(
        Verb::OfferSettlement,
        Actor::Party,
        OPEN,
        &[],
        Money::None,
        "0 to the price; lapses after 12 h",
    ),
    row(
        Verb::AcceptSettlement,
        Actor::OtherParty,
        OPEN,
        &[Phase::Settled],
        Money::Payout,
        "the offer stands",
    ),
    row(
        Verb::ApplyRules,
        Actor::Arbitration,
        &[Phase::UnderRules],
        &[Phase::Final, Phase::Appealable, Phase::AwaitingPanel, Phase::UnderOperators],
        Money::Payout,
        "tier 1; final where our own log shows it; what no rule decides goes to a panel, without R to the operators",
    ),
    row(
        Verb::CallPanel,
        Actor::Arbitration,
        &[Phase::AwaitingPanel],
        &[Phase::AwaitingDraw, Phase::UnderOperators],
        Money::None,
        "a pool too small goes to the operators",
    ),
    row(
        Verb::DrawPanel,
        Actor::Arbitration,
        &[Phase::AwaitingDraw],
        &[Phase::Committing],
        Money::None,
        "the call is sealed",
    ),
    row(
        Verb::Lapse,
        Actor::Timer,
        &[Phase::AwaitingPanel, Phase::AwaitingDraw],
        &[Phase::UnderOperators],
        Money::None,
        "the time for a ruling is over",
    ),
    row(
        Verb::Commit,
        Actor::Juror,
        &[Phase::Committing],
        &[Phase::Committing, Phase::Revealing],
        Money::None,
        "once; the last one begins the reveal",
    ),
    row(
        Verb::Lapse,
        Actor::Timer,
        &[Phase::Committing],
        &[Phase::Revealing, Phase::AwaitingPanel, Phase::UnderOperators],
        Money::None,
        "without a quorum one more panel with half the time, then the operators",
    ),
    row(
        Verb::Reveal,
        Actor::Juror,
        &[Phase::Revealing],
        &[Phase::Revealing, Phase::Appealable, Phase::Final],
        Money::Payout,
        "what was sealed; the last one rules by the median",
    ),
    row(
        Verb::Lapse,
        Actor::Timer,
        &[Phase::Revealing],
        &[Phase::Appealable, Phase::Final, Phase::AwaitingPanel, Phase::UnderOperators],
        Money::Payout,
        "with a quorum the median rules",
    ),
    row(
        Verb::Rule,
        Actor::Operators,
        &[Phase::UnderOperators],
        &[Phase::Final],
        Money::Payout,
        "k of n signatures, none of a party",
    ),
    row(
        Verb::Lapse,
        Actor::Timer,
        &[Phase::UnderOperators],
        &[Phase::Final, Phase::Aborted],
        Money::Payout,
        "the last ruling stands; without one we abort",
    ),
    row(
        Verb::Appeal,
        Actor::Party,
        &[Phase::Appealable],
        &[Phase::AwaitingPanel],
        Money::AppealBond,
        "twice in all; by whom the ruling does not give all",
    ),
    row(
        Verb::Lapse,
        Actor::Timer,
        &[Phase::Appealable],
        &[Phase::Final],
        Money::Payout,
        "nobody appealed",
    ),
    row(
        Verb::Abort,
        Actor::Operators,
        OPEN,
        &[Phase::Aborted],
        Money::Payout,
        "k of n signatures, none of a party",
    ),
    row(
        Verb::LapseLife,
        Actor::Timer,
        OPEN,
        &[Phase::Final, Phase::Aborted],
        Money::Payout,
        "after seven days: the last ruling stands; without one we abort",
    ),
];
