//! The two fences around all work: a count of steps that is the same everywhere, and the caller's
//! clock.

/// Most steps that all checks of one run may take together; a step is about 5 ns.
pub const MAX_STEPS: u64 = 20_000_000;

/// Steps between two questions to the caller's clock: about a tenth of a millisecond.
const STEPS_BETWEEN_QUESTIONS: u64 = 20_000;

/// Why a run ended before all checks had an answer. Such a run has not passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The caller said that time is up. Depends on the machine: a rerun may get further.
    TimeIsUp,
    /// [`MAX_STEPS`] were not enough. Depends on the texts only: every rerun stops here too.
    TooMuchWork,
}

/// What is left of a run's allowance.
pub(crate) struct Budget<'a> {
    left: u64,
    until_question: u64,
    time_is_up: &'a dyn Fn() -> bool,
}

impl<'a> Budget<'a> {
    pub(crate) fn new(steps: u64, time_is_up: &'a dyn Fn() -> bool) -> Self {
        Self { left: steps, until_question: STEPS_BETWEEN_QUESTIONS, time_is_up }
    }

    /// For texts whose size already bounds the work: the terms.
    pub(crate) fn unlimited() -> Self {
        Self::new(u64::MAX, &|| false)
    }

    /// Pays for work that is about to be done. Pay before, so that one large piece cannot slip
    /// through.
    pub(crate) fn spend(&mut self, steps: usize) -> Result<(), Stop> {
        let steps = steps as u64;
        self.left = self.left.checked_sub(steps).ok_or(Stop::TooMuchWork)?;
        if steps < self.until_question {
            self.until_question -= steps;
            return Ok(());
        }
        self.until_question = STEPS_BETWEEN_QUESTIONS;
        self.ask_the_clock()
    }

    /// Between checks, however little was spent.
    pub(crate) fn ask_the_clock(&self) -> Result<(), Stop> {
        if (self.time_is_up)() { Err(Stop::TimeIsUp) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn ends_at_the_count_and_asks_the_clock_now_and_then() {
        let questions = Cell::new(0);
        let clock = || {
            questions.set(questions.get() + 1);
            false
        };
        let mut budget = Budget::new(100_000, &clock);
        for _ in 0..100_000 {
            assert_eq!(budget.spend(1), Ok(()));
        }
        assert_eq!(budget.spend(1), Err(Stop::TooMuchWork));
        assert_eq!(questions.get(), 5);
        assert_eq!(Budget::new(10, &|| true).spend(9), Ok(()));
        assert_eq!(Budget::new(1_000_000, &|| true).spend(20_000), Err(Stop::TimeIsUp));
        assert_eq!(Budget::new(10, &|| true).spend(20_000), Err(Stop::TooMuchWork));
    }
}
