//! Faults that a TEG has in real life, named, and drawn by chance from a seed.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What may go wrong with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// `delay=MILLISECONDS`: nothing happens for a while.
    Delay(Duration),
    /// `unavailable`: 503, and nothing happened.
    Unavailable,
    /// `rate-limit=SECONDS`: 429 with Retry-After, and nothing happened.
    RateLimit(u32),
    /// `timeout-after-commit=MILLISECONDS`: it is done, then the answer is lost after a while.
    LostAnswer(Duration),
    /// `duplicate`: the request arrives twice; the second answer is given.
    Duplicate,
    /// `flat-fee`: a transfer costs 1 AVT.
    FlatFee,
    /// `percentage-fee`: a transfer costs 0.1 %, at least 0.001 and at most 10 AVT.
    PercentageFee,
    /// `odd-amounts`: amounts have 18 decimals, and zero is `0E-18`.
    OddAmounts,
    /// `expired-token`: 401, whatever the token is.
    ExpiredToken,
    /// `settle-later`: a transfer by `POST /teg/send` is taken now and done afterwards.
    SettleLater,
}

/// Not the name of a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownFault(String);

impl fmt::Display for UnknownFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = Fault::NAMES.iter().map(|(name, _)| *name).collect();
        write!(f, "\"{}\" is no fault: {}", self.0, names.join(", "))
    }
}

impl std::error::Error for UnknownFault {}

/// A name, and the fault that it makes with the number behind it.
type Name = (&'static str, fn(u32) -> Fault);

impl Fault {
    const NAMES: &[Name] = &[
        ("delay", |number| Self::Delay(Duration::from_millis(number.into()))),
        ("unavailable", |_| Self::Unavailable),
        ("rate-limit", Self::RateLimit),
        ("timeout-after-commit", |number| Self::LostAnswer(Duration::from_millis(number.into()))),
        ("duplicate", |_| Self::Duplicate),
        ("flat-fee", |_| Self::FlatFee),
        ("percentage-fee", |_| Self::PercentageFee),
        ("odd-amounts", |_| Self::OddAmounts),
        ("expired-token", |_| Self::ExpiredToken),
        ("settle-later", |_| Self::SettleLater),
    ];

    /// Every way in which a call can fail. The fees are no failures, and stay as they are.
    pub const ALL: &[Self] = &[
        Self::Delay(Duration::from_millis(5)),
        Self::Unavailable,
        Self::RateLimit(0),
        Self::LostAnswer(Duration::ZERO),
        Self::Duplicate,
        Self::OddAmounts,
        Self::ExpiredToken,
    ];
}

impl FromStr for Fault {
    type Err = UnknownFault;

    fn from_str(text: &str) -> Result<Self, UnknownFault> {
        let (name, number) = text.trim().split_once('=').unwrap_or((text.trim(), "0"));
        let make = Self::NAMES.iter().find(|(known, _)| *known == name);
        match (make, number.parse()) {
            (Some((_, make)), Ok(number)) => Ok(make(number)),
            _ => Err(UnknownFault(text.to_owned())),
        }
    }
}

/// Faults by chance: the same seed and the same order of requests give the same faults.
#[derive(Debug)]
pub struct FaultPlan {
    percent: u8,
    kinds: Vec<Fault>,
    state: AtomicU64,
}

impl FaultPlan {
    /// Each request has each of `kinds` with this chance, independently.
    #[must_use]
    pub fn new(percent: u8, seed: u64, kinds: &[Fault]) -> Self {
        Self { percent, kinds: kinds.to_vec(), state: AtomicU64::new(seed) }
    }

    /// The faults of the next request.
    pub(super) fn draw(&self) -> Vec<Fault> {
        let hit = |_: &&Fault| self.next() % 100 < u64::from(self.percent);
        self.kinds.iter().filter(hit).copied().collect()
    }

    /// The splitmix64 generator: a step of a fixed width, well mixed.
    fn next(&self) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut mixed = self.state.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let check = |text: &str, expect: Option<Fault>| {
            assert_eq!(text.parse::<Fault>().ok(), expect, "{text}");
        };
        check("delay=20", Some(Fault::Delay(Duration::from_millis(20))));
        check(" unavailable ", Some(Fault::Unavailable));
        check("rate-limit=2", Some(Fault::RateLimit(2)));
        check("timeout-after-commit", Some(Fault::LostAnswer(Duration::ZERO)));
        check("fire", None);
        check("delay=soon", None);
        let message = "fire".parse::<Fault>().unwrap_err().to_string();
        assert!(message.contains("\"fire\" is no fault") && message.contains("odd-amounts"));
    }

    #[test]
    fn chance_has_a_seed_and_the_wanted_frequency() {
        let draws = |seed: u64| {
            let plan = FaultPlan::new(5, seed, Fault::ALL);
            (0..10_000).map(|_| plan.draw()).collect::<Vec<_>>()
        };
        assert_eq!(draws(1), draws(1));
        assert_ne!(draws(1), draws(2));
        let all = draws(3);
        for kind in Fault::ALL {
            let hits = all.iter().filter(|drawn| drawn.contains(kind)).count();
            assert!((400..600).contains(&hits), "{kind:?}: {hits}");
        }
        let never = FaultPlan::new(0, 1, Fault::ALL);
        assert!((0..1_000).all(|_| never.draw().is_empty()));
    }
}
