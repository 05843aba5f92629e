//! Money: whole nano-AVT in an `i64`, always checked, never a float.

use std::fmt;
use std::iter::Sum;
use std::str::FromStr;

/// Nano-AVT in one AVT: amounts have nine decimals.
pub const NANO_PER_AVT: i64 = 1_000_000_000;
const DECIMALS: usize = 9;

/// The currencies that the marketplace prices in. One, until there is a bridge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Currency {
    /// The token of the TEG layer.
    #[default]
    Avt,
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AVT")
    }
}

/// A signed amount in nano-AVT. Arithmetic is checked: there is no `+` that could wrap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Amount(i64);

/// Why a text is not an amount, or a sum not representable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AmountError {
    /// Not a plain decimal number such as `5.125`.
    Malformed,
    /// More than nine decimals; the marketplace never rounds what a caller wrote.
    TooPrecise,
    /// Beyond what 64 bits of nano-AVT hold (about 9.2 billion AVT).
    Overflow,
}

impl fmt::Display for AmountError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "is not a decimal number, write it like \"5.125\"",
            Self::TooPrecise => "has more than 9 decimals, the smallest unit is 0.000000001 AVT",
            Self::Overflow => "is out of range, the largest amount is 9223372036.854775807 AVT",
        })
    }
}

impl std::error::Error for AmountError {}

impl Amount {
    /// No money.
    pub const ZERO: Self = Self(0);
    /// The largest amount.
    pub const MAX: Self = Self(i64::MAX);

    /// From nano-AVT.
    #[must_use]
    pub const fn from_nano(nano: i64) -> Self {
        Self(nano)
    }

    /// From whole AVT, for constants and tests.
    ///
    /// # Panics
    /// When the amount does not fit; in a constant that is a compile error.
    #[must_use]
    pub const fn from_avt(avt: i64) -> Self {
        match avt.checked_mul(NANO_PER_AVT) {
            Some(nano) => Self(nano),
            None => panic!("amount out of range"),
        }
    }

    /// Nano-AVT.
    #[must_use]
    pub const fn nano(self) -> i64 {
        self.0
    }

    /// Sum, or nothing when it does not fit.
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(nano) => Some(Self(nano)),
            None => None,
        }
    }

    /// Difference, or nothing when it does not fit.
    #[must_use]
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(nano) => Some(Self(nano)),
            None => None,
        }
    }

    /// The same amount in the other direction, or nothing for the one value that has no opposite.
    #[must_use]
    pub const fn checked_neg(self) -> Option<Self> {
        match self.0.checked_neg() {
            Some(nano) => Some(Self(nano)),
            None => None,
        }
    }

    /// Greater than zero.
    #[must_use]
    pub const fn is_positive(self) -> bool {
        self.0 > 0
    }

    /// Less than zero.
    #[must_use]
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// Exactly zero.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Sum of many, or nothing when it does not fit.
    #[must_use]
    pub fn checked_sum(amounts: impl IntoIterator<Item = Self>) -> Option<Self> {
        amounts.into_iter().try_fold(Self::ZERO, Self::checked_add)
    }
}

/// Plain decimals with an optional exponent (`"5.125"`, `"0E-18"`, `"1.5e3"`), exactly
/// representable in nano-AVT or refused.
impl FromStr for Amount {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, AmountError> {
        let (mantissa, exponent) = match text.find(['e', 'E']) {
            Some(at) => {
                let exponent = text[at + 1..].strip_prefix('+').unwrap_or(&text[at + 1..]);
                let exponent: i32 = exponent.parse().map_err(|_| AmountError::Malformed)?;
                (&text[..at], exponent)
            }
            None => (text, 0),
        };
        let (negative, digits) = match mantissa.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, mantissa),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let dotted = digits.contains('.');
        if whole.is_empty() || (dotted && fraction.is_empty()) {
            return Err(AmountError::Malformed);
        }
        if !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
            return Err(AmountError::Malformed);
        }
        let nano = scale(whole, fraction, exponent)?;
        let nano = if negative { nano.checked_neg().ok_or(AmountError::Overflow)? } else { nano };
        i64::try_from(nano).map(Self).map_err(|_| AmountError::Overflow)
    }
}

/// The digits `whole.fraction * 10^exponent` in nano-AVT.
fn scale(whole: &str, fraction: &str, exponent: i32) -> Result<i128, AmountError> {
    let digits = whole.bytes().chain(fraction.bytes());
    let significant: Vec<u8> = digits.skip_while(|b| *b == b'0').collect();
    let trailing = significant.iter().rev().take_while(|b| **b == b'0').count();
    let significant = &significant[..significant.len() - trailing];
    if significant.is_empty() {
        return Ok(0);
    }
    let fraction_digits = i64::try_from(fraction.len()).map_err(|_| AmountError::Malformed)?;
    let trailing = i64::try_from(trailing).map_err(|_| AmountError::Malformed)?;
    let power = i64::from(exponent) - fraction_digits + trailing + DECIMALS as i64;
    if power < 0 {
        return Err(AmountError::TooPrecise);
    }
    if significant.len() > 19 || power > 19 {
        return Err(AmountError::Overflow);
    }
    let value = significant.iter().fold(0_i128, |sum, b| sum * 10 + i128::from(b - b'0'));
    let factor = 10_i128.pow(u32::try_from(power).map_err(|_| AmountError::Overflow)?);
    value.checked_mul(factor).ok_or(AmountError::Overflow)
}

/// Canonical: no exponent, no trailing zeros, no trailing dot.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let nano = self.0.unsigned_abs();
        let unit = NANO_PER_AVT.unsigned_abs();
        let (whole, rest) = (nano / unit, nano % unit);
        if rest == 0 {
            return write!(f, "{sign}{whole}");
        }
        let fraction = format!("{rest:09}");
        write!(f, "{sign}{whole}.{}", fraction.trim_end_matches('0'))
    }
}

/// For tests and reports over a few values; domain code uses [`Amount::checked_sum`].
impl Sum for Amount {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        Self(iter.map(|amount| amount.0).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn texts() {
        let check = |text: &str, expect: Result<i64, AmountError>| {
            assert_eq!(text.parse::<Amount>().map(Amount::nano), expect, "{text}");
        };
        check("5.125", Ok(5_125_000_000));
        check("0", Ok(0));
        check("0.0000000000000000000000", Ok(0));
        check("-0.5", Ok(-500_000_000));
        check("0E-18", Ok(0));
        check("1.5e3", Ok(1_500_000_000_000));
        check("15E-1", Ok(1_500_000_000));
        check("1E+2", Ok(100_000_000_000));
        check("0.000000001", Ok(1));
        check("0.1000000000000000000", Ok(100_000_000));
        check("0.0000000001", Err(AmountError::TooPrecise));
        check("1.0000000000000000001", Err(AmountError::TooPrecise));
        check("9223372036.854775807", Ok(i64::MAX));
        check("9223372036.854775808", Err(AmountError::Overflow));
        check("1e2147483647", Err(AmountError::Overflow));
        check("1e99999999999", Err(AmountError::Malformed));
        for text in ["", ".", "1.", ".5", "+1", "1,5", "0x1", "NaN", "1e", "1e1.5", " 1", "--1"] {
            check(text, Err(AmountError::Malformed));
        }
    }

    proptest! {
        #[test]
        fn text_round_trip(nano in any::<i64>()) {
            let amount = Amount::from_nano(nano);
            prop_assume!(nano != i64::MIN);
            prop_assert_eq!(amount.to_string().parse::<Amount>(), Ok(amount));
        }

        #[test]
        fn no_text_panics(text in "[-+0-9.eE]{0,40}") {
            let _ = text.parse::<Amount>();
        }
    }
}
