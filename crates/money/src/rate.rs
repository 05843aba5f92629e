//! Rates and the one place where money is rounded.

use std::fmt;
use std::str::FromStr;

use crate::Amount;

/// Why a text is not a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateError;

impl fmt::Display for RateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("is not a percentage between 0 and 100 with at most two decimals")
    }
}

impl std::error::Error for RateError {}

/// `numerator / denominator`, rounded half to even. The only rounding of the house.
///
/// Returns nothing when the denominator is not positive.
#[must_use]
pub fn div_half_even(numerator: i128, denominator: i128) -> Option<i128> {
    if denominator <= 0 {
        return None;
    }
    let (quotient, rest) = (numerator.div_euclid(denominator), numerator.rem_euclid(denominator));
    let twice = rest.checked_mul(2)?;
    let up = twice > denominator || (twice == denominator && quotient % 2 != 0);
    Some(if up { quotient + 1 } else { quotient })
}

/// A share in hundredths of a percent: 250 is 2.5 %.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BasisPoints(u32);

impl BasisPoints {
    /// From hundredths of a percent.
    #[must_use]
    pub const fn new(bps: u32) -> Self {
        Self(bps)
    }

    /// Hundredths of a percent.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// This share of `amount`, rounded half to even at one nano-AVT; nothing on overflow.
    #[must_use]
    pub fn of(self, amount: Amount) -> Option<Amount> {
        let exact = i128::from(amount.nano()) * i128::from(self.0);
        i64::try_from(div_half_even(exact, 10_000)?).ok().map(Amount::from_nano)
    }
}

/// A percentage such as `"2.5"`.
impl FromStr for BasisPoints {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let percent: Amount = text.parse().map_err(|_| RateError)?;
        let nano_per_bp = Amount::from_avt(1).nano() / 100;
        if percent.is_negative() || percent > Amount::from_avt(100) {
            return Err(RateError);
        }
        if percent.nano() % nano_per_bp != 0 {
            return Err(RateError);
        }
        u32::try_from(percent.nano() / nano_per_bp).map(Self).map_err(|_| RateError)
    }
}

/// As a percentage without the sign: `2.5`.
impl fmt::Display for BasisPoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nano_per_bp = Amount::from_avt(1).nano() / 100;
        Amount::from_nano(i64::from(self.0) * nano_per_bp).fmt(f)
    }
}

/// An agent's standing, −100 to +100, in thousandths of a point. Unknown agents have 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reputation(i32);

impl Reputation {
    /// Nobody knows this agent yet.
    pub const UNKNOWN: Self = Self(0);
    const LIMIT: i64 = 100_000;

    /// From thousandths of a point, clamped to ±100 points.
    #[must_use]
    pub fn from_milli(milli: i64) -> Self {
        let clamped = milli.clamp(-Self::LIMIT, Self::LIMIT);
        Self(i32::try_from(clamped).unwrap_or(0))
    }

    /// From the raw score of a TEG: divided by its scale, then clamped. A scale below 1 counts
    /// as 1.
    #[must_use]
    pub fn from_raw(raw: i64, scale: u32) -> Self {
        Self::from_milli(raw.saturating_mul(1_000) / i64::from(scale.max(1)))
    }

    /// Thousandths of a point.
    #[must_use]
    pub const fn milli(self) -> i32 {
        self.0
    }

    /// Below zero: such an agent lists only against collateral.
    #[must_use]
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }
}

/// In points, with the decimals that there are.
impl fmt::Display for Reputation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Amount::from_nano(i64::from(self.0) * 1_000_000).fmt(f)
    }
}

/// What reputation makes of a price, in millionths: 1,200,000 is 1.2x.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Multiplier(u32);

impl Multiplier {
    /// The price as listed.
    pub const ONE: Self = Self(1_000_000);
    const LOWEST: i64 = 800_000;
    const HIGHEST: i64 = 1_200_000;

    /// 1 + R/500, between 0.8 and 1.2 (original, "Reputation-Based Pricing").
    #[must_use]
    pub fn from_reputation(reputation: Reputation) -> Self {
        let ppm = 1_000_000 + i64::from(reputation.milli()) * 2;
        let clamped = ppm.clamp(Self::LOWEST, Self::HIGHEST);
        Self(u32::try_from(clamped).unwrap_or(1_000_000))
    }

    /// From millionths, as stored.
    #[must_use]
    pub const fn from_ppm(ppm: u32) -> Self {
        Self(ppm)
    }

    /// Millionths.
    #[must_use]
    pub const fn ppm(self) -> u32 {
        self.0
    }

    /// The multiplied price, rounded half to even at one nano-AVT; nothing on overflow.
    #[must_use]
    pub fn of(self, amount: Amount) -> Option<Amount> {
        let exact = i128::from(amount.nano()) * i128::from(self.0);
        i64::try_from(div_half_even(exact, 1_000_000)?).ok().map(Amount::from_nano)
    }
}

/// As a factor: `1.05`.
impl fmt::Display for Multiplier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Amount::from_nano(i64::from(self.0) * 1_000).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_goes_to_even() {
        for (numerator, expect) in [(5, 0), (15, 2), (25, 2), (35, 4), (-5, 0), (-15, -2), (14, 1)]
        {
            assert_eq!(div_half_even(numerator, 10), Some(expect), "{numerator}/10");
        }
        assert_eq!(div_half_even(1, 0), None);
    }

    #[test]
    fn percentages() {
        for (text, bps) in [("2.5", 250), ("0", 0), ("0.01", 1), ("100", 10_000)] {
            let rate: BasisPoints = text.parse().unwrap();
            assert_eq!(rate.get(), bps);
            assert_eq!(rate.to_string(), text);
        }
        for text in ["-1", "100.01", "0.001", "x"] {
            assert_eq!(text.parse::<BasisPoints>(), Err(RateError), "{text}");
        }
    }

    #[test]
    fn reputation_moves_the_price_by_a_fifth_at_most() {
        let price = Amount::from_avt(5);
        for (points, expect) in [(-100, "4"), (0, "5"), (50, "5.5"), (100, "6"), (9_999, "6")] {
            let multiplier = Multiplier::from_reputation(Reputation::from_raw(points, 1));
            assert_eq!(multiplier.of(price).unwrap().to_string(), expect, "{points}");
        }
        assert_eq!(Reputation::from_raw(1_000, 10).to_string(), "100");
        assert_eq!(Reputation::from_raw(-15, 10).to_string(), "-1.5");
    }
}
