//! A circuit breaker: when the TEG fails again and again, we stop asking for a while, so that
//! nobody waits for time-outs and the TEG can come back.

use std::sync::{Mutex, MutexGuard, PoisonError};

use marketplace_money::{Seconds, Timestamp};

/// When the circuit opens, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct BreakerSettings {
    /// So many failures in a row open it.
    pub failures: u32,
    /// Then nothing is asked for this long; after that one call at a time tries.
    pub rest: Seconds,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self { failures: 10, rest: Seconds(10) }
    }
}

#[derive(Debug)]
enum State {
    Closed {
        failures: u32,
    },
    Open {
        until: Timestamp,
    },
    /// One call is on its way to find out; if it never tells, another may try at `until`.
    HalfOpen {
        until: Timestamp,
    },
}

/// One circuit, to one TEG. It has no clock: the time is told.
#[derive(Debug)]
pub(crate) struct Breaker {
    settings: BreakerSettings,
    state: Mutex<State>,
}

impl Breaker {
    pub(crate) const fn new(settings: BreakerSettings) -> Self {
        Self { settings, state: Mutex::new(State::Closed { failures: 0 }) }
    }

    /// Whether a call may be made, else after how long to ask again. Each `Ok` is followed by one
    /// [`Breaker::tell`].
    pub(crate) fn may_call(&self, now: Timestamp) -> Result<(), Seconds> {
        let mut state = self.lock();
        match *state {
            State::Closed { .. } => Ok(()),
            State::Open { until } | State::HalfOpen { until } if now < until => {
                Err(wait(until, now))
            }
            State::Open { .. } | State::HalfOpen { .. } => {
                *state = State::HalfOpen { until: now.plus(self.settings.rest) };
                Ok(())
            }
        }
    }

    /// How a call went: whether the TEG answered at all, be it with a refusal.
    pub(crate) fn tell(&self, answered: bool, now: Timestamp) {
        let mut state = self.lock();
        let open = State::Open { until: now.plus(self.settings.rest) };
        *state = match (&*state, answered) {
            (_, true) => State::Closed { failures: 0 },
            (State::Closed { failures }, false) if failures + 1 < self.settings.failures => {
                State::Closed { failures: failures + 1 }
            }
            (State::Closed { .. }, false) => {
                tracing::warn!("the TEG does not answer: it is left alone for a while");
                open
            }
            (State::HalfOpen { .. }, false) => open,
            // A call from before.
            (State::Open { until }, false) => State::Open { until: *until },
        };
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves a state that is as good as any.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// From now until then, rounded up.
pub(super) fn wait(until: Timestamp, now: Timestamp) -> Seconds {
    let seconds = until.since(now).div_euclid(1_000_000) + 1;
    Seconds(u32::try_from(seconds).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_rests_tries_and_closes() {
        let at = |second: i64| Timestamp::from_micros(second * 1_000_000);
        let breaker = Breaker::new(BreakerSettings { failures: 3, rest: Seconds(10) });
        let check = |second: i64, expect: Result<(), u32>| {
            let may = breaker.may_call(at(second)).map_err(|wait| wait.0);
            assert_eq!(may, expect, "at {second}");
        };
        for _ in 0..2 {
            check(0, Ok(()));
            breaker.tell(false, at(0));
        }
        check(0, Ok(()));
        breaker.tell(true, at(0));
        for _ in 0..3 {
            check(1, Ok(()));
            breaker.tell(false, at(1));
        }
        check(2, Err(10));
        breaker.tell(false, at(9));
        check(10, Err(2));
        check(11, Ok(()));
        check(12, Err(10));
        breaker.tell(false, at(12));
        check(21, Err(2));
        check(22, Ok(()));
        check(23, Err(10));
        // The call that tried was dropped without a word.
        check(32, Ok(()));
        breaker.tell(true, at(33));
        check(33, Ok(()));
        check(33, Ok(()));
    }
}
