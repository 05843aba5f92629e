//! What the TEG allows us in an hour, counted here, so that we say when there is more instead of
//! running into its refusals.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use marketplace_money::{Seconds, Timestamp};
use marketplace_ports::Store;

use super::book::Kind;
use super::breaker::wait;
use super::share::Share;

pub(super) const HOUR: Seconds = Seconds(3_600);
/// Of the second half, a minute may take one of so many parts of the whole: in an hour that is four
/// tenths, and a tenth is left for what moves tokens.
pub(super) const SHARES: u32 = 150;

/// Calls in an hour; 0 is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HourlyLimits {
    /// Of any kind.
    pub requests: u32,
    /// That move tokens; they count as requests too.
    pub transfers: u32,
}

impl HourlyLimits {
    /// What the published TEG allows each agent.
    pub const PUBLISHED: Self = Self { requests: 1_000, transfers: 100 };
    /// None, for a TEG of our own.
    pub const NONE: Self = Self { requests: 0, transfers: 0 };
}

/// Why a call is not made now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spent {
    pub(crate) what: String,
    pub(crate) wait: Seconds,
}

/// Counts over a sliding hour, by itself or together with the other processes of a store.
#[derive(Debug)]
pub(crate) struct Budget {
    limits: HourlyLimits,
    made: Mutex<Made>,
    share: Option<Share>,
}

#[derive(Debug, Default)]
struct Made {
    requests: VecDeque<Timestamp>,
    transfers: VecDeque<Timestamp>,
    /// The TEG itself told us to wait until then.
    quiet_until: Option<Timestamp>,
}

impl Budget {
    pub(crate) fn new(limits: HourlyLimits, store: Option<Arc<dyn Store>>) -> Self {
        let store = store.filter(|_| limits != HourlyLimits::NONE);
        let share = store.map(|store| Share::new(store, limits));
        Self { limits, made: Mutex::default(), share }
    }

    /// Counts a call that is about to be made, else says why it must wait.
    pub(crate) async fn take(&self, transfer: bool, now: Timestamp) -> Result<(), Spent> {
        let Some(share) = &self.share else {
            self.check(transfer, now)?;
            self.note(transfer, now);
            return Ok(());
        };
        self.check_quiet(now)?;
        share.take(kind(transfer), now).await
    }

    /// A call that was counted is not made.
    pub(crate) async fn give_back(&self, transfer: bool) {
        if let Some(share) = &self.share {
            return share.give_back(kind(transfer)).await;
        }
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.requests.pop_back();
        if transfer {
            made.transfers.pop_back();
        }
    }

    fn check_quiet(&self, now: Timestamp) -> Result<(), Spent> {
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        match made.quiet_until.filter(|until| now < *until) {
            Some(until) => {
                let what = "the TEG told us to slow down".to_owned();
                Err(Spent { what, wait: wait(until, now) })
            }
            None => Ok(()),
        }
    }

    /// Whether there is room for a call, else why it must wait.
    fn check(&self, transfer: bool, now: Timestamp) -> Result<(), Spent> {
        self.check_quiet(now)?;
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        room(&mut made.requests, self.limits.requests, now, "calls")?;
        if transfer {
            return room(&mut made.transfers, self.limits.transfers, now, "transfers");
        }
        spread(&made.requests, self.limits.requests, now)
    }

    /// Counts a call that is made.
    fn note(&self, transfer: bool, now: Timestamp) {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if self.limits.requests > 0 {
            made.requests.push_back(now);
        }
        if transfer && self.limits.transfers > 0 {
            made.transfers.push_back(now);
        }
    }

    /// The TEG answered 429.
    pub(crate) fn be_quiet(&self, wait: Seconds, now: Timestamp) {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.quiet_until = Some(now.plus(wait)).max(made.quiet_until);
    }
}

const fn kind(transfer: bool) -> Kind {
    if transfer { Kind::Transfer } else { Kind::Read }
}

fn room(
    made: &mut VecDeque<Timestamp>,
    limit: u32,
    now: Timestamp,
    name: &str,
) -> Result<(), Spent> {
    while made.front().is_some_and(|first| now >= first.plus(HOUR)) {
        made.pop_front();
    }
    match made.front() {
        Some(first) if limit > 0 && made.len() >= limit as usize => Err(Spent {
            what: format!("our budget of {limit} {name} an hour at the TEG is spent"),
            wait: wait(first.plus(HOUR), now),
        }),
        _ => Ok(()),
    }
}

/// Half of an hour's calls may be made as they come. After that, those that move no tokens are
/// spread: strangers may have us look something up again and again, and what is left must last for
/// the hour.
fn spread(made: &VecDeque<Timestamp>, limit: u32, now: Timestamp) -> Result<(), Spent> {
    let share = (limit / SHARES) as usize;
    if share == 0 || made.len() < limit as usize / 2 {
        return Ok(());
    }
    let minute = Seconds(60);
    let recent = made.iter().rev().take(share);
    match recent.take_while(|at| now < at.plus(minute)).nth(share - 1) {
        Some(oldest) => Err(Spent {
            what: format!("over half of our {limit} calls an hour at the TEG are made"),
            wait: wait(oldest.plus(minute), now),
        }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_slides() {
        let at = |second: i64| Timestamp::from_micros(second * 1_000_000);
        let budget = Budget::new(HourlyLimits { requests: 3, transfers: 1 }, None);
        let check = |transfer: bool, second: i64, expect: Option<(&str, u32)>| {
            let spent = budget.check(transfer, at(second)).err();
            if spent.is_none() {
                budget.note(transfer, at(second));
            }
            let said = spent.as_ref().map(|spent| (spent.what.as_str(), spent.wait.0));
            assert_eq!(said, expect, "at {second}");
        };
        check(true, 0, None);
        check(true, 1, Some(("our budget of 1 transfers an hour at the TEG is spent", 3_600)));
        check(false, 10, None);
        check(false, 20, None);
        check(false, 30, Some(("our budget of 3 calls an hour at the TEG is spent", 3_571)));
        check(true, 3_600, None);
        check(false, 3_601, Some(("our budget of 3 calls an hour at the TEG is spent", 10)));
        budget.be_quiet(Seconds(60), at(4_000));
        check(false, 4_001, Some(("the TEG told us to slow down", 60)));
        check(false, 4_060, None);
        let spread = Budget::new(HourlyLimits { requests: 300, transfers: 10 }, None);
        (0..150).for_each(|_| spread.note(false, at(0)));
        let wait =
            |second: i64, transfer| spread.check(transfer, at(second)).err().map(|s| s.wait.0);
        assert_eq!((wait(1, false), wait(1, true)), (Some(60), None));
        assert_eq!(wait(60, false), None);
        spread.note(false, at(60));
        spread.note(false, at(70));
        assert_eq!((wait(71, false), wait(71, true), wait(120, false)), (Some(50), None, None));
        let free = Budget::new(HourlyLimits::NONE, None);
        (0..5_000).for_each(|_| free.note(true, at(0)));
        assert_eq!(free.check(true, at(0)), Ok(()));
    }
}
