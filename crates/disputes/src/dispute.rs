//! The aggregate: what a dispute is at each point of its life.

use std::sync::Arc;

use marketplace_fees::Price;
use marketplace_money::{Amount, Deadline, Did, DisputeId, OrderId, Seconds, Timestamp};

use crate::{
    Actor, Claim, Escalation, Finding, Panel, Phase, Policy, Ruling, Side, Stakes, TimerKind,
    Verdict, Windows,
};

/// What the respondent did with the claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Response {
    /// It disagrees, with its bond.
    Contested,
    /// It disagrees and could not post a bond.
    ContestedUnbonded,
    /// It gave in.
    Conceded,
    /// It let the time pass.
    Silent,
}

crate::names::names!(
    Response,
    "must be contested, contested_unbonded, conceded or silent",
    [
        (Contested, "contested"),
        (ContestedUnbonded, "contested_unbonded"),
        (Conceded, "conceded"),
        (Silent, "silent"),
    ]
);

/// A piece of evidence; the bytes are in the store, under their hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Who handed it in.
    pub by: Side,
    /// Of the bytes, computed by us.
    pub sha256: [u8; 32],
    /// In bytes.
    pub size: u64,
    /// As the party says; inert.
    pub media_type: Option<Arc<str>>,
    /// As the party says; inert text.
    pub note: Arc<str>,
    /// When.
    pub at: Timestamp,
}

impl Evidence {
    /// Pieces for each side.
    pub const MOST: usize = 20;
    /// Bytes of one piece.
    pub const LARGEST: u64 = 1024 * 1024;
    /// Characters of a note.
    pub const LONGEST_NOTE: usize = 2_000;
    /// Bytes of a media type.
    pub const LONGEST_MEDIA_TYPE: usize = 255;
}

/// An open proposal to share the price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Who made it.
    pub by: Side,
    /// What the seller would get of the price.
    pub seller: Amount,
    /// After that it is void.
    pub lapses: Deadline,
}

/// An appeal, as posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appeal {
    /// By whom.
    pub by: Side,
    /// A.
    pub bond: Amount,
    /// What it wants changed.
    pub against: Finding,
}

/// One way to a ruling: the first, or an appeal's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Round {
    /// When its time for a ruling began.
    pub began: Timestamp,
    /// Nothing in the first round.
    pub appeal: Option<Appeal>,
    /// None where rules or operators ruled; two after a panel without a quorum.
    pub panels: Vec<Panel>,
    /// What it came to.
    pub ruling: Option<Ruling>,
}

/// What a dispute waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// The respondent.
    AwaitingResponse {
        /// After that it counts as silent.
        respond: Deadline,
    },
    /// Our rules.
    UnderRules {
        /// Since when.
        since: Timestamp,
    },
    /// Our call of a panel.
    AwaitingPanel {
        /// Since when.
        since: Timestamp,
    },
    /// Our draw of the panel.
    AwaitingDraw {
        /// When the pool was frozen.
        since: Timestamp,
    },
    /// The panel's sealed votes.
    Committing {
        /// After that no vote counts.
        until: Deadline,
    },
    /// The panel's open votes.
    Revealing {
        /// After that no vote counts.
        until: Deadline,
    },
    /// Operators.
    UnderOperators {
        /// After that the last ruling stands, or we abort.
        until: Deadline,
        /// Why it came to them.
        why: Escalation,
    },
    /// An appeal.
    Appealable {
        /// After that the ruling is final.
        until: Deadline,
    },
    /// Nothing: it is over.
    Closed(Box<Closed>),
}

/// Over. Never changes again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// How.
    pub phase: Phase,
    /// What became of bonds and escrow.
    pub verdict: Verdict,
    /// When.
    pub at: Timestamp,
}

/// A dispute about an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispute {
    /// For ever; also names the account that holds the bonds.
    pub id: DisputeId,
    /// Grows with every commit that changes the dispute, from 1.
    pub version: u64,
    /// About which order.
    pub order: OrderId,
    /// Who pays for the order.
    pub buyer: Did,
    /// Who delivers it.
    pub seller: Did,
    /// Who opened the dispute.
    pub disputer: Side,
    /// The order's.
    pub price: Price,
    /// Whether something had been delivered. Nothing can be while the dispute is open.
    pub delivered: bool,
    /// What the disputer wants.
    pub claim: Claim,
    /// In its words; inert text.
    pub reason: Arc<str>,
    /// Frozen.
    pub stakes: Stakes,
    /// Frozen.
    pub windows: Windows,
    /// Frozen: a round without a ruling goes to the operators after this.
    pub ruling_time: Seconds,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// What the respondent did.
    pub response: Option<Response>,
    /// Append-only, of both sides.
    pub evidence: Vec<Evidence>,
    /// An open proposal of either side.
    pub offer: Option<Offer>,
    /// At least one; the last is the one at work.
    pub rounds: Vec<Round>,
    /// What it waits for.
    pub state: State,
}

/// The clock that acts next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DisputeTimer {
    /// What for.
    pub kind: TimerKind,
    /// Until when.
    pub deadline: Deadline,
}

impl Dispute {
    /// Characters of a reason.
    pub const LONGEST_REASON: usize = 2_000;

    /// Where the dispute is.
    #[must_use]
    pub fn phase(&self) -> Phase {
        match &self.state {
            State::AwaitingResponse { .. } => Phase::AwaitingResponse,
            State::UnderRules { .. } => Phase::UnderRules,
            State::AwaitingPanel { .. } => Phase::AwaitingPanel,
            State::AwaitingDraw { .. } => Phase::AwaitingDraw,
            State::Committing { .. } => Phase::Committing,
            State::Revealing { .. } => Phase::Revealing,
            State::UnderOperators { .. } => Phase::UnderOperators,
            State::Appealable { .. } => Phase::Appealable,
            State::Closed(closed) => closed.phase,
        }
    }

    /// Who is on this side.
    #[must_use]
    pub const fn party(&self, side: Side) -> &Did {
        match side {
            Side::Buyer => &self.buyer,
            Side::Seller => &self.seller,
        }
    }

    /// Which side an agent is on, if any.
    #[must_use]
    pub fn side_of(&self, agent: &Did) -> Option<Side> {
        [Side::Buyer, Side::Seller].into_iter().find(|side| self.party(*side) == agent)
    }

    /// What an agent may act as, if at all: a party, or a juror of the panel at work.
    #[must_use]
    pub fn role_of(&self, agent: &Did) -> Option<Actor> {
        match self.side_of(agent) {
            Some(side) if side == self.disputer => Some(Actor::Disputer),
            Some(_) => Some(Actor::Respondent),
            None => self.panel()?.seat(agent).map(|_| Actor::Juror),
        }
    }

    /// The round at work.
    #[must_use]
    pub fn round(&self) -> Option<&Round> {
        self.rounds.last()
    }

    /// The panel that was called last in the round at work.
    #[must_use]
    pub fn panel(&self) -> Option<&Panel> {
        self.round()?.panels.last()
    }

    /// Round and attempt of the panel that was called last, from 0.
    #[must_use]
    pub fn place(&self) -> (usize, usize) {
        let attempts = self.round().map_or(0, |round| round.panels.len());
        (self.rounds.len().saturating_sub(1), attempts.saturating_sub(1))
    }

    /// What was ruled last: what stands unless something else is ruled.
    #[must_use]
    pub fn ruling(&self) -> Option<&Ruling> {
        self.rounds.iter().rev().find_map(|round| round.ruling.as_ref())
    }

    /// Whether the respondent posted R.
    #[must_use]
    pub const fn is_bonded(&self) -> bool {
        matches!(self.response, Some(Response::Contested))
    }

    /// Whether anybody could know how it will end: a vote was opened, or something was ruled. From
    /// then on giving in saves no bond.
    #[must_use]
    pub fn has_shown_its_hand(&self) -> bool {
        self.ruling().is_some()
            || self.rounds.iter().flat_map(|round| &round.panels).any(Panel::was_opened)
    }

    /// Whether the same side may dispute the same order again: only after it took back a claim
    /// that no panel had been drawn for. Else a side could try panels until one suits it.
    #[must_use]
    pub fn allows_another(&self) -> bool {
        let drawn = |round: &Round| round.panels.iter().any(|panel| panel.draw.is_some());
        self.phase() == Phase::Withdrawn && !self.rounds.iter().any(drawn)
    }

    /// How many jurors the next panel of the round at work has.
    #[must_use]
    pub fn panel_size(&self) -> usize {
        self.size_of_round(self.rounds.len().saturating_sub(1))
    }

    /// How many jurors an appeal would bring.
    #[must_use]
    pub fn appeal_panel_size(&self) -> usize {
        self.size_of_round(self.rounds.len())
    }

    /// The first panel's size follows from the price; each appeal from a panel of n brings 2n + 1,
    /// at most 15.
    fn size_of_round(&self, round: usize) -> usize {
        let earlier = self.rounds[..round.min(self.rounds.len())].iter();
        let last = earlier.rev().find_map(|round| round.panels.last());
        match last {
            Some(panel) => (2 * panel.size + 1).min(Policy::MOST_JURORS),
            None => Policy::panel_size(self.price.price),
        }
    }

    /// What the dispute's account must hold now.
    #[must_use]
    pub fn held(&self) -> Amount {
        if self.phase().is_terminal() {
            return Amount::ZERO;
        }
        let counter_bond = if self.is_bonded() { self.stakes.counter_bond } else { Amount::ZERO };
        let appeals = self.rounds.iter().filter_map(|round| round.appeal.as_ref());
        let parts = [self.stakes.bond, self.stakes.fee, counter_bond];
        let parts = parts.into_iter().chain(appeals.map(|appeal| appeal.bond));
        // Four stakes of bounded size.
        Amount::checked_sum(parts).unwrap_or(Amount::MAX)
    }

    /// When the round at work goes to the operators, unless it was ruled.
    #[must_use]
    pub fn ruling_due(&self) -> Deadline {
        let began = self.round().map_or(self.opened_at, |round| round.began);
        Deadline::after(began, self.ruling_time)
    }

    /// The end of the seven days. Our downtime is no excuse here: nothing lives longer.
    #[must_use]
    pub const fn life(&self) -> Deadline {
        let due = self.opened_at.plus(Policy::LIFE);
        Deadline { from: due, due }
    }

    /// The clock of the step at work.
    #[must_use]
    pub fn step(&self) -> Option<DisputeTimer> {
        let at_once = |at: Timestamp| Deadline { from: at, due: at };
        let (kind, deadline) = match &self.state {
            State::AwaitingResponse { respond } => (TimerKind::Respond, *respond),
            State::UnderRules { since } => (TimerKind::Rules, at_once(*since)),
            State::AwaitingPanel { since } => (TimerKind::Call, at_once(*since)),
            State::AwaitingDraw { since } => (TimerKind::Draw, at_once(*since)),
            State::Committing { until } => (TimerKind::Commit, *until),
            State::Revealing { until } => (TimerKind::Reveal, *until),
            State::UnderOperators { until, .. } => (TimerKind::Operators, *until),
            State::Appealable { until } => (TimerKind::Appeal, *until),
            State::Closed(_) => return None,
        };
        Some(DisputeTimer { kind, deadline })
    }

    /// The clock that acts next: the step's, or the end of the dispute's life.
    #[must_use]
    pub fn next_timer(&self) -> Option<DisputeTimer> {
        let step = self.step()?;
        let life = DisputeTimer { kind: TimerKind::Life, deadline: self.life() };
        Some(if life.deadline.due <= step.deadline.due { life } else { step })
    }
}
