//! What the store keeps of disputes and of those who judge.

use std::sync::Arc;

use marketplace_disputes::{
    Basis, Board, Dispute, DisputeEvent, JurorTerms, LogEntry, OrderFacts, RuleName, Side, apply,
};
use marketplace_listings::ServiceType;
use marketplace_money::{Amount, Did, DisputeId, Seconds, Timestamp};

/// The file of a dispute: how it was opened, and every commit since. What it is now follows from
/// that, so that a verdict packet and the state can never tell two stories.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Docket {
    /// In version 1.
    pub opened: Dispute,
    /// One entry for each version after the first, append-only.
    pub log: Vec<LogEntry>,
    /// What the rules saw, with the version that was made of it; nothing while they were not asked.
    pub facts: Option<(u64, OrderFacts)>,
    /// Names the rules that were asked then; nothing where they were not, or where an older version
    /// of us did not write it down.
    pub rule_set: Option<[u8; 32]>,
    /// The operators as they were when they decided, with the version that they made; nothing where
    /// they did not, or where an older version of us did not write it down.
    pub operators: Option<(u64, Board)>,
    /// Of each call of a panel the version that it made, and the name of the pool that it froze, or
    /// found to be too small.
    pub pools: Vec<(u64, [u8; 32])>,
    /// As it is now.
    pub dispute: Dispute,
}

impl Docket {
    /// A dispute that begins.
    #[must_use]
    pub fn open(opened: Dispute) -> Self {
        Self {
            dispute: opened.clone(),
            opened,
            log: Vec::new(),
            facts: None,
            rule_set: None,
            operators: None,
            pools: Vec::new(),
        }
    }

    /// The file with one more commit.
    #[must_use]
    pub fn after(&self, entry: LogEntry) -> Self {
        let mut next = self.clone();
        next.add(entry);
        next
    }

    /// Adds a commit to the end of the log.
    pub fn add(&mut self, entry: LogEntry) {
        self.dispute = apply(&self.dispute, &entry.events);
        self.log.push(entry);
    }

    /// Of what is in the log, the entry that made this version; nothing for the first.
    #[must_use]
    pub fn entry(&self, version: u64) -> Option<&LogEntry> {
        let index = usize::try_from(version.checked_sub(2)?).ok()?;
        self.log.get(index)
    }

    /// The version that the last call of a panel made.
    #[must_use]
    pub fn called_in(&self) -> Option<u64> {
        self.pools.last().map(|(version, _)| *version)
    }

    /// Names the rules by which tier 1 was asked, also where only its ruling tells.
    #[must_use]
    pub fn rules_then(&self) -> Option<[u8; 32]> {
        let mut events = self.log.iter().flat_map(|entry| &entry.events);
        let told = || {
            events.find_map(|event| match event {
                DisputeEvent::Ruled(ruling) => match ruling.basis {
                    Basis::Rule { rule, rule_set, .. } if rule != RuleName::Conceded => {
                        Some(rule_set)
                    }
                    _ => None,
                },
                _ => None,
            })
        };
        self.rule_set.or_else(told)
    }

    /// When a commit changed it last.
    #[must_use]
    pub fn changed_at(&self) -> Timestamp {
        self.log.last().map_or(self.opened.opened_at, |entry| entry.at)
    }

    /// How many settlements were offered.
    #[must_use]
    pub fn offers(&self) -> usize {
        let events = self.log.iter().flat_map(|entry| &entry.events);
        events.filter(|event| matches!(event, DisputeEvent::SettlementOffered(_))).count()
    }

    /// Everybody who ever had a seat, each once.
    #[must_use]
    pub fn jurors(&self) -> Vec<&Did> {
        let panels = self.dispute.rounds.iter().flat_map(|round| &round.panels);
        let mut jurors: Vec<&Did> =
            panels.flat_map(|panel| panel.seats.iter().map(|seat| &seat.juror)).collect();
        jurors.sort_unstable();
        jurors.dedup();
        jurors
    }

    /// What of the dispute's account a side has put up.
    #[must_use]
    pub fn held_by(&self, side: Side) -> Amount {
        let dispute = &self.dispute;
        if dispute.phase().is_terminal() {
            return Amount::ZERO;
        }
        let stakes = dispute.stakes;
        let first = match (side == dispute.disputer, dispute.is_bonded()) {
            (true, _) => [stakes.bond, stakes.fee],
            (false, true) => [stakes.counter_bond, Amount::ZERO],
            (false, false) => [Amount::ZERO; 2],
        };
        let appeals = dispute.rounds.iter().filter_map(|round| round.appeal.as_ref());
        let appeals = appeals.filter(|appeal| appeal.by == side).map(|appeal| appeal.bond);
        // Stakes of bounded size.
        Amount::checked_sum(first.into_iter().chain(appeals)).unwrap_or(Amount::MAX)
    }

    /// The reason of every entry of a dispute: what a statement shows, and how they are found again.
    #[must_use]
    pub fn entry_reason(id: DisputeId) -> String {
        format!("Dispute {id}")
    }

    /// When its disputer lost it: a claim that was found to be wrong.
    #[must_use]
    pub fn lost_at(&self) -> Option<Timestamp> {
        let marketplace_disputes::State::Closed(closed) = &self.dispute.state else { return None };
        let lost = closed.verdict.bonds == marketplace_disputes::BondOutcome::Rejected;
        lost.then_some(closed.at)
    }
}

/// Bytes of a dispute under their name: a piece of evidence under its SHA-256, a frozen pool of
/// jurors under the hash that its call tells. Append-only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exhibit {
    /// Of which dispute.
    pub dispute: DisputeId,
    /// A hash.
    pub name: [u8; 32],
    /// The bytes.
    pub bytes: Arc<[u8]>,
}

/// Which disputes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DisputeFilter {
    /// Those that this agent is a party of; everybody's without.
    pub party: Option<Did>,
    /// Only those that are not over.
    pub open_only: bool,
    /// From an earlier page.
    pub cursor: Option<u64>,
    /// At most.
    pub limit: u32,
}

/// An agent that judges others' disputes. Its stake is the balance of its account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Juror {
    /// Its name.
    pub did: Did,
    /// From 1; 0 for an agent that never was a juror.
    pub version: u64,
    /// Since when its stake is locked.
    pub since: Timestamp,
    /// When it asked for its stake: from then on it gets no seat.
    pub leaving: Option<Timestamp>,
    /// It takes no seat for the time being.
    pub opted_out: bool,
    /// The disputes that it sits on now.
    pub benches: Vec<DisputeId>,
    /// What it judges; everything, when it names nothing.
    pub service_types: Vec<ServiceType>,
}

impl Juror {
    /// A pool that names a juror may wait as long as a dispute lives; so long its stake stays after
    /// it asked for it.
    pub const NOTICE: Seconds = marketplace_disputes::Policy::LIFE;

    /// An agent that never was a juror.
    #[must_use]
    pub const fn unknown(did: Did) -> Self {
        Self {
            did,
            version: 0,
            since: Timestamp::from_micros(0),
            leaving: None,
            opted_out: false,
            benches: Vec::new(),
            service_types: Vec::new(),
        }
    }

    /// How many seats it has.
    #[must_use]
    pub fn seats(&self) -> u32 {
        u32::try_from(self.benches.len()).unwrap_or(u32::MAX)
    }

    /// Whether it wants to judge a dispute about such a service.
    #[must_use]
    pub fn serves(&self, service_type: ServiceType) -> bool {
        let any = self.service_types.is_empty();
        let wanted = any || self.service_types.contains(&service_type);
        wanted && !self.opted_out && self.leaving.is_none()
    }

    /// Whether a stake covers what all its seats, and `more` of them, may cost.
    #[must_use]
    pub fn bears(&self, stake: Amount, more: u32) -> bool {
        let seats = i64::from(self.seats()) + i64::from(more);
        stake.nano() >= JurorTerms::SEAT_LOCK.nano().saturating_mul(seats)
    }

    /// When its stake can be had back, if it has asked for it and every seat is done by then.
    #[must_use]
    pub fn free_at(&self) -> Option<Timestamp> {
        self.leaving.map(|leaving| leaving.plus(Self::NOTICE))
    }
}
