//! Time as data: instants, durations, deadlines, and the credit for our own downtime.

use std::fmt;
use std::sync::Arc;

const MICROS_PER_SECOND: i64 = 1_000_000;

/// A duration in whole seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Seconds(pub u32);

impl Seconds {
    /// From hours.
    #[must_use]
    pub const fn from_hours(hours: u32) -> Self {
        Self(hours * 3_600)
    }

    /// In microseconds.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0 as i64 * MICROS_PER_SECOND
    }
}

/// An instant, in microseconds since 1970 (UTC).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From microseconds since 1970.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since 1970.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Later by `duration`; stops at the end of time instead of wrapping.
    #[must_use]
    pub const fn plus(self, duration: Seconds) -> Self {
        Self(self.0.saturating_add(duration.micros()))
    }

    /// Earlier by `duration`.
    #[must_use]
    pub const fn minus(self, duration: Seconds) -> Self {
        Self(self.0.saturating_sub(duration.micros()))
    }

    /// Later by microseconds.
    #[must_use]
    pub const fn plus_micros(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros))
    }

    /// Microseconds from `earlier` to here; negative when it is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// Microseconds since 1970, for logs; the wire has its own form.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}us", self.0)
    }
}

/// A span in which no server was ready: nobody could do their duty (DESIGN section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Last sign of life before.
    pub from: Timestamp,
    /// First sign of life after.
    pub until: Timestamp,
}

/// Known gaps, ordered and disjoint.
#[derive(Clone, Debug, Default)]
pub struct Gaps(Arc<[Gap]>);

impl Gaps {
    /// Orders the gaps by time and joins those that overlap. Those that only touch stay apart: what
    /// happened between them knew of the first alone.
    #[must_use]
    pub fn new(mut gaps: Vec<Gap>) -> Self {
        gaps.sort_by_key(|gap| gap.from);
        let mut joined: Vec<Gap> = Vec::with_capacity(gaps.len());
        for gap in gaps.into_iter().filter(|gap| gap.until > gap.from) {
            match joined.last_mut() {
                Some(last) if gap.from < last.until => last.until = last.until.max(gap.until),
                _ => joined.push(gap),
            }
        }
        Self(joined.into())
    }

    /// No downtime known.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// What was known at this time: the gaps that were over. A gap that began before it, at the
    /// last sign of life, and ended later was noticed later.
    #[must_use]
    pub fn known_at(&self, at: Timestamp) -> Self {
        Self(self.0.iter().filter(|gap| gap.until <= at).copied().collect())
    }

    /// The gaps in order.
    #[must_use]
    pub fn as_slice(&self) -> &[Gap] {
        &self.0
    }
}

/// A duty and its clock: from when it ran, and when it is due before any credit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Deadline {
    /// When the duty began.
    pub from: Timestamp,
    /// When it is due if the marketplace was always up.
    pub due: Timestamp,
}

impl Deadline {
    /// At most this much credit for one duty.
    pub const MAX_CREDIT: Seconds = Seconds::from_hours(24);

    /// A duty that begins now and lasts `duration`.
    #[must_use]
    pub const fn after(from: Timestamp, duration: Seconds) -> Self {
        Self { from, due: from.plus(duration) }
    }

    /// The due time plus its overlap with downtime, at most [`Self::MAX_CREDIT`] more. A gap that
    /// begins only after the credited deadline gives nothing.
    #[must_use]
    pub fn effective(&self, gaps: &Gaps) -> Timestamp {
        let mut due = self.due;
        for gap in gaps.as_slice() {
            if gap.from >= due {
                break;
            }
            // A gap that begins before the deadline stops this clock for its whole length: the
            // rest of the duty can only be done after it.
            let lost = gap.until.since(gap.from.max(self.from)).max(0);
            due = due.plus_micros(lost);
        }
        due.min(self.due.plus(Self::MAX_CREDIT))
    }

    /// Whether the duty is over at `now`.
    #[must_use]
    pub fn passed(&self, now: Timestamp, gaps: &Gaps) -> bool {
        now >= self.effective(gaps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(seconds: u32) -> Timestamp {
        Timestamp::default().plus(Seconds(seconds))
    }

    fn gaps(pairs: &[(u32, u32)]) -> Gaps {
        Gaps::new(pairs.iter().map(|&(a, b)| Gap { from: at(a), until: at(b) }).collect())
    }

    #[test]
    fn downtime_is_credited() {
        let check = |pairs: &[(u32, u32)], expect: u32| {
            let deadline = Deadline::after(at(100), Seconds(100));
            assert_eq!(deadline.effective(&gaps(pairs)), at(expect), "{pairs:?}");
        };
        check(&[], 200);
        check(&[(0, 100)], 200);
        check(&[(0, 150)], 250);
        check(&[(120, 150)], 230);
        check(&[(120, 150), (140, 160)], 240);
        check(&[(150, 260)], 310);
        check(&[(150, 190), (230, 240)], 250);
        check(&[(200, 300)], 200);
        check(&[(110, 200_000)], 200 + 86_400);
    }

    proptest! {
        #[test]
        fn credit_is_bounded_and_never_negative(
            pairs in proptest::collection::vec((0u32..200_000, 0u32..100_000), 0..8),
            from in 0u32..100_000, lasts in 0u32..100_000,
        ) {
            let list: Vec<_> = pairs.iter().map(|&(a, len)| (a, a + len)).collect();
            let deadline = Deadline::after(at(from), Seconds(lasts));
            let effective = deadline.effective(&gaps(&list));
            prop_assert!(effective >= deadline.due);
            prop_assert!(effective <= deadline.due.plus(Deadline::MAX_CREDIT));
        }
    }
}
