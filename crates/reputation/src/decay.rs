//! Sums whose parts fade: half after 90 days, in steps of a day.
//!
//! Nothing is multiplied down as time passes. Each part goes in multiplied *up* by what the time
//! since a fixed landmark has made of it, and only reading divides. So a sum is exact, does not
//! depend on the order of its parts, and costs the same however many there are.

use marketplace_money::Timestamp;

/// Days after which a word weighs half.
pub const HALF_LIFE_DAYS: i64 = 90;

const MICROS_PER_DAY: i64 = 86_400_000_000;
/// Half-lives from 1970 to the landmark: January 2026.
const LANDMARK: i64 = 227;
/// Of the growth table.
const SCALE_BITS: u32 = 16;
/// 2^(day/90), with 16 bits behind the point.
const GROWTH: [i128; HALF_LIFE_DAYS as usize] = growth();

const fn growth() -> [i128; HALF_LIFE_DAYS as usize] {
    /// 2^(1/90), with 62 bits behind the point.
    const STEP: i128 = 4_647_340_665_749_425_515;
    let mut table = [0; HALF_LIFE_DAYS as usize];
    let mut value: i128 = 1 << 62;
    let mut day = 0;
    while day < table.len() {
        let half = 1 << (61 - SCALE_BITS);
        table[day] = (value + half) >> (62 - SCALE_BITS);
        value = (value * STEP) >> 62;
        day += 1;
    }
    table
}

/// A sum of amounts in nano-AVT that fade with time. Never negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Decaying {
    sum: i128,
}

/// Whole half-lives since the landmark, and days into the present one.
fn place(at: Timestamp) -> (i64, usize) {
    let day = at.micros().div_euclid(MICROS_PER_DAY);
    let period = day.div_euclid(HALF_LIFE_DAYS) - LANDMARK;
    let rest = usize::try_from(day.rem_euclid(HALF_LIFE_DAYS)).unwrap_or(0);
    (period, rest)
}

/// `value` doubled so many times, as far as it fits; halved when negative. A word of 1,000 AVT fits
/// until 2043; before that the landmark moves, and stored sums are halved by as much.
fn doubled(value: i128, periods: i64) -> i128 {
    let room = i64::from(value.leading_zeros()) - 1;
    if periods >= 0 { value << periods.min(room).max(0) } else { value >> periods.abs().min(126) }
}

impl Decaying {
    /// Nothing yet.
    pub const ZERO: Self = Self { sum: 0 };

    /// From [`Self::stored`].
    #[must_use]
    pub const fn from_stored(sum: i128) -> Self {
        Self { sum }
    }

    /// What a store keeps: meaningless but to [`Self::from_stored`].
    #[must_use]
    pub const fn stored(self) -> i128 {
        self.sum
    }

    /// A part counts up to a million AVT: more would say nothing more, and the sum must fit.
    const LARGEST_PART: i64 = 1_000_000_000_000_000;

    /// With `amount` nano-AVT more, said at this time.
    #[must_use]
    pub fn plus(self, amount: i64, at: Timestamp) -> Self {
        let (period, day) = place(at);
        let part = doubled(i128::from(amount.clamp(0, Self::LARGEST_PART)) * GROWTH[day], period);
        Self { sum: self.sum.saturating_add(part) }
    }

    /// What is left of it at this time, in nano-AVT.
    #[must_use]
    pub fn at(self, now: Timestamp) -> i64 {
        let (period, day) = place(now);
        let left = doubled(self.sum, -period) / GROWTH[day];
        i64::try_from(left).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use marketplace_money::Seconds;
    use proptest::prelude::*;

    const START: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

    fn days(days: u32) -> Timestamp {
        START.plus(Seconds(86_400 * days))
    }

    #[test]
    fn parts_fade_by_half_in_ninety_days() {
        let check = |later: u32, expect: i64| {
            let sum = Decaying::ZERO.plus(1_000_000_000, START);
            let left = sum.at(days(later));
            assert!((left - expect).abs() <= 20_000, "after {later} days {left}");
        };
        check(0, 1_000_000_000);
        check(1, 992_327_810);
        check(45, 707_106_781);
        check(90, 500_000_000);
        check(180, 250_000_000);
        check(900, 976_562);
        assert_eq!(Decaying::ZERO.plus(12_345, START).at(START), 12_345);
        assert_eq!(Decaying::ZERO.plus(1_000_000_000, START).at(days(90)), 500_000_000);
    }

    proptest! {
        #[test]
        fn the_order_of_parts_does_not_matter(
            parts in proptest::collection::vec((0i64..1_000_000_000_000, 0u32..3_000), 0..20),
        ) {
            let sum = |parts: &[(i64, u32)]| {
                let sum = |sum: Decaying, part: &(i64, u32)| sum.plus(part.0, days(part.1));
                parts.iter().fold(Decaying::ZERO, sum)
            };
            let mut turned = parts.clone();
            turned.reverse();
            prop_assert_eq!(sum(&parts), sum(&turned));
        }

        #[test]
        fn time_only_takes(amount in 0i64..1_000_000_000_000, from in 0u32..3_000, wait in 0u32..3_000) {
            let sum = Decaying::ZERO.plus(amount, days(from));
            prop_assert!(sum.at(days(from + wait + 1)) <= sum.at(days(from + wait)));
            prop_assert_eq!(sum.at(days(from)), amount);
        }
    }
}
