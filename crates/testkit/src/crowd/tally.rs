//! What became of every request, by its kind.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::load::{Figures, Reply};

/// Refusals that an agent earns by what it asks for, while the marketplace does what it should:
/// tokens are spent, a listing was delisted a moment ago, a bound of the market was reached.
const OWN_FAULTS: &[&str] = &[
    "collateral_needed",
    "escrow_full",
    "exposure_reached",
    "insufficient_balance",
    "insufficient_reputation",
    "listing_fee_not_collected",
    "listing_not_found",
    "rate_limited",
    "too_many_listings",
];

/// What became of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    /// By the agent's own fault, with the code.
    Refused(String),
    /// With a code, or words where there is none.
    Failed(String),
}

impl Outcome {
    pub(super) fn of(reply: &Reply) -> Self {
        if reply.status < 300 {
            return Self::Done;
        }
        match reply.text_of("code") {
            Some(code) if OWN_FAULTS.contains(&code) => Self::Refused(code.to_owned()),
            Some(code) => Self::Failed(code.to_owned()),
            None => Self::Failed(format!("HTTP {}", reply.status)),
        }
    }
}

/// The requests of one kind.
#[derive(Clone, Debug, Default)]
pub struct OfKind {
    /// Those that were answered, refusals included.
    pub figures: Figures,
    /// How often agents were refused by their own fault, by code.
    pub refused: BTreeMap<String, u64>,
    /// What should not have happened, by code.
    pub errors: BTreeMap<String, u64>,
}

impl OfKind {
    /// Errors of all codes.
    #[must_use]
    pub fn error_count(&self) -> u64 {
        self.errors.values().sum()
    }

    /// Refusals of all codes.
    #[must_use]
    pub fn refusal_count(&self) -> u64 {
        self.refused.values().sum()
    }

    fn join(&mut self, other: &Self) {
        self.figures.join(&other.figures);
        for (mine, theirs) in
            [(&mut self.refused, &other.refused), (&mut self.errors, &other.errors)]
        {
            for (code, count) in theirs {
                *mine.entry(code.clone()).or_default() += count;
            }
        }
    }
}

/// Everything that was asked in a run.
#[derive(Default)]
pub struct Tally(Mutex<State>);

#[derive(Default)]
struct State {
    kinds: BTreeMap<&'static str, OfKind>,
    recent: Figures,
    /// So that the first of each is seen while the run goes on.
    shown: BTreeMap<String, ()>,
}

impl Tally {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn record(&self, kind: &'static str, outcome: &Outcome, latency: Duration) {
        let mut state = self.state();
        let of_kind = state.kinds.entry(kind).or_default();
        match outcome {
            Outcome::Done => of_kind.figures.record(latency),
            Outcome::Refused(code) => {
                of_kind.figures.record(latency);
                *of_kind.refused.entry(code.clone()).or_default() += 1;
            }
            Outcome::Failed(code) => *of_kind.errors.entry(code.clone()).or_default() += 1,
        }
        if !matches!(outcome, Outcome::Failed(_)) {
            state.recent.record(latency);
        }
    }

    /// Says an error in full the first time that its like is seen.
    pub(super) fn show_once(&self, kind: &str, outcome: &Outcome, words: &str) {
        let Outcome::Failed(code) = outcome else { return };
        if self.state().shown.insert(format!("{kind} {code}"), ()).is_none() {
            eprintln!("    {kind}: {words}");
        }
    }

    /// Forgets everything so far: the run begins now.
    pub fn begin(&self) {
        *self.state() = State::default();
    }

    /// What was answered since this was asked before.
    #[must_use]
    pub fn recent(&self) -> Figures {
        std::mem::take(&mut self.state().recent)
    }

    /// By kind.
    #[must_use]
    pub fn kinds(&self) -> BTreeMap<&'static str, OfKind> {
        self.state().kinds.clone()
    }

    /// All kinds together.
    #[must_use]
    pub fn all(&self) -> OfKind {
        let mut all = OfKind::default();
        for of_kind in self.state().kinds.values() {
            all.join(of_kind);
        }
        all
    }

    /// Errors and refusals so far.
    #[must_use]
    pub fn failures(&self) -> (u64, u64) {
        let state = self.state();
        let sum = |count: fn(&OfKind) -> u64| state.kinds.values().map(count).sum();
        (sum(OfKind::error_count), sum(OfKind::refusal_count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_of_agents_are_no_errors() {
        let check = |status, body: &str, expect: Outcome| {
            assert_eq!(Outcome::of(&Reply { status, body: body.to_owned() }), expect);
        };
        let refused = |code: &str| Outcome::Refused(code.to_owned());
        let failed = |code: &str| Outcome::Failed(code.to_owned());
        check(201, "{}", Outcome::Done);
        check(402, r#"{"code":"insufficient_balance"}"#, refused("insufficient_balance"));
        check(409, r#"{"code":"exposure_reached"}"#, refused("exposure_reached"));
        check(409, r#"{"code":"wrong_phase"}"#, failed("wrong_phase"));
        check(503, r#"{"code":"unavailable"}"#, failed("unavailable"));
        check(502, "<html>", failed("HTTP 502"));
    }

    #[test]
    fn all_is_the_sum_of_the_kinds() {
        let tally = Tally::default();
        let millisecond = Duration::from_millis(1);
        tally.record("search", &Outcome::Done, millisecond);
        tally.record("purchase", &Outcome::Refused("sold".to_owned()), millisecond);
        tally.record("purchase", &Outcome::Failed("internal".to_owned()), millisecond);
        let all = tally.all();
        assert_eq!((all.figures.count(), all.refusal_count(), all.error_count()), (2, 1, 1));
        assert_eq!((tally.recent().count(), tally.recent().count()), (2, 0));
    }
}
