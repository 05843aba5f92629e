//! Numbers of any length and size, exact: digits and a power of ten, never a float.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;

/// Exponents stop here, so that sums with lengths of texts cannot overflow. Two numbers beyond it
/// may count as equal; nobody can write out a number of that size.
const MAX_EXPONENT: i64 = 1_000_000_000_000_000;

/// A JSON number: `digits` × 10^`exponent`, with the sign in front.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decimal<'a> {
    negative: bool,
    /// Without zeros at both ends; empty for zero.
    digits: Cow<'a, str>,
    exponent: i64,
}

impl<'a> Decimal<'a> {
    /// From a text that the reader accepted as a number.
    pub(crate) fn from_json(text: &'a str) -> Self {
        let (mantissa, exponent) = match text.find(['e', 'E']) {
            Some(at) => (&text[..at], exponent_of(&text[at + 1..])),
            None => (text, 0),
        };
        let (negative, mantissa) = match mantissa.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, mantissa),
        };
        let (digits, places) = match mantissa.split_once('.') {
            Some((whole, fraction)) => {
                let digits = format!("{whole}{fraction}");
                (Cow::Owned(digits.trim_start_matches('0').to_owned()), fraction.len())
            }
            None => (Cow::Borrowed(mantissa.trim_start_matches('0')), 0),
        };
        Self { negative, digits, exponent: exponent - length_of(places) }.trimmed()
    }

    /// Without zeros at the end of the digits.
    fn trimmed(mut self) -> Self {
        let kept = self.digits.trim_end_matches('0').len();
        if kept == 0 {
            return Self { negative: false, digits: Cow::Borrowed(""), exponent: 0 };
        }
        self.exponent += length_of(self.digits.len() - kept);
        match &mut self.digits {
            Cow::Borrowed(digits) => *digits = &digits[..kept],
            Cow::Owned(digits) => digits.truncate(kept),
        }
        self
    }

    pub(crate) fn into_owned(self) -> Decimal<'static> {
        Decimal { digits: Cow::Owned(self.digits.into_owned()), ..self }
    }

    /// Without a fraction: `1.0` and `1e3` are integers, as JSON Schema has it.
    pub(crate) fn is_integer(&self) -> bool {
        self.exponent >= 0
    }

    pub(crate) fn is_positive(&self) -> bool {
        !self.negative && !self.digits.is_empty()
    }

    /// As a count, when it is one that fits.
    pub(crate) fn to_count(&self) -> Option<usize> {
        if self.negative || !self.is_integer() || self.places() > 9 {
            return None;
        }
        let digits: usize = if self.digits.is_empty() { 0 } else { self.digits.parse().ok()? };
        digits.checked_mul(10_usize.checked_pow(u32::try_from(self.exponent).ok()?)?)
    }

    /// As a divisor, when it is positive and short enough for exact arithmetic in 64 bits.
    pub(crate) fn to_divisor(&self) -> Option<Divisor> {
        if !self.is_positive() || self.digits.len() > 18 {
            return None;
        }
        Some(Divisor { digits: self.digits.parse().ok()?, exponent: self.exponent })
    }

    pub(crate) fn is_multiple_of(&self, divisor: Divisor) -> bool {
        // Neither side's digits end in 0, so that a smaller exponent on the left leaves a fraction.
        let shift = self.exponent - divisor.exponent;
        if self.digits.is_empty() || shift < 0 {
            return self.digits.is_empty();
        }
        let rest = self.digits.bytes().fold(0_u64, |rest, digit| {
            // The rest is below 10^18, so that ten times it still fits.
            (rest * 10 + u64::from(digit - b'0')) % divisor.digits
        });
        let wide = u128::from(divisor.digits);
        (u128::from(rest) * power_of_ten_modulo(shift, wide)).is_multiple_of(wide)
    }

    /// Places before the decimal point, negative for zeros after it.
    fn places(&self) -> i64 {
        length_of(self.digits.len()) + self.exponent
    }

    fn compare_size(&self, other: &Self) -> Ordering {
        match (self.digits.is_empty(), other.digits.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => {
                self.places().cmp(&other.places()).then_with(|| self.digits.cmp(&other.digits))
            }
        }
    }
}

impl Ord for Decimal<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (false, false) => self.compare_size(other),
            (true, true) => other.compare_size(self),
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
        }
    }
}

impl PartialOrd for Decimal<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Decimal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.digits.is_empty() {
            return f.write_str("0");
        }
        let sign = if self.negative { "-" } else { "" };
        write!(f, "{sign}{}", self.digits)?;
        if self.exponent == 0 { Ok(()) } else { write!(f, "e{}", self.exponent) }
    }
}

/// A positive number of at most 18 digits, none of them a zero at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Divisor {
    digits: u64,
    exponent: i64,
}

impl fmt::Display for Divisor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = Cow::Owned(self.digits.to_string());
        Decimal { negative: false, digits, exponent: self.exponent }.fmt(f)
    }
}

fn exponent_of(text: &str) -> i64 {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let size = digits
        .bytes()
        .fold(0, |sum, digit| (sum * 10 + i64::from(digit.wrapping_sub(b'0'))).min(MAX_EXPONENT));
    if negative { -size } else { size }
}

fn length_of(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(MAX_EXPONENT)
}

fn power_of_ten_modulo(mut exponent: i64, modulus: u128) -> u128 {
    let (mut power, mut square) = (1 % modulus, 10 % modulus);
    while exponent > 0 {
        if exponent % 2 == 1 {
            power = power * square % modulus;
        }
        square = square * square % modulus;
        exponent /= 2;
    }
    power
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn canonical_texts() {
        let check = |text: &str, expect: &str| {
            assert_eq!(Decimal::from_json(text).to_string(), expect, "{text}");
        };
        check("0", "0");
        check("-0.000e55", "0");
        check("1.0", "1");
        check("100", "1e2");
        check("1.50", "15e-1");
        check("-0.010E+3", "-1e1");
        check("1e999999999999999999999999", "1e1000000000000000");
        check("1e-999999999999999999999999", "1e-1000000000000000");
    }

    #[test]
    fn order() {
        let sorted = [
            "-1e400",
            "-10",
            "-9.99",
            "-1e-400",
            "0",
            "1e-400",
            "0.09",
            "0.1",
            "0.11",
            "1",
            "1.5",
            "9.99",
            "10",
            "10.1",
            "11",
            "1e2",
            "9007199254740992",
            "9007199254740993",
            "1e400",
        ];
        for (i, left) in sorted.iter().enumerate() {
            for (j, right) in sorted.iter().enumerate() {
                let found = Decimal::from_json(left).cmp(&Decimal::from_json(right));
                assert_eq!(found, i.cmp(&j), "{left} and {right}");
            }
        }
        assert_eq!(Decimal::from_json("1.0"), Decimal::from_json("10e-1"));
    }

    #[test]
    fn multiples() {
        let check = |number: &str, divisor: &str, expect: bool| {
            let divisor_of = Decimal::from_json(divisor).to_divisor().unwrap();
            let found = Decimal::from_json(number).is_multiple_of(divisor_of);
            assert_eq!(found, expect, "{number} by {divisor}");
        };
        check("0", "7", true);
        check("0.3", "0.1", true);
        check("4.35", "0.01", true);
        check("4.351", "0.01", false);
        check("5", "2.5", true);
        check("25", "50", false);
        check("-100", "50", true);
        check("1e400", "3", false);
        check("3e400", "3", true);
        check("1e999999999999", "1024", true);
        check(&"9".repeat(100_000), "999999999999999999", false);
        check(&"9".repeat(180_000), "999999999999999999", true);
        for divisor in ["0", "-1", "1234567890123456789"] {
            assert_eq!(Decimal::from_json(divisor).to_divisor(), None, "{divisor}");
        }
    }

    #[test]
    fn counts() {
        let check = |text: &str, expect: Option<usize>| {
            assert_eq!(Decimal::from_json(text).to_count(), expect, "{text}");
        };
        check("0", Some(0));
        check("12.0", Some(12));
        check("1e3", Some(1_000));
        check("999999999", Some(999_999_999));
        check("1000000000", None);
        check("-1", None);
        check("0.5", None);
        check("1e-999999999999999999", None);
        check("1e99999999999999999", None);
    }

    proptest! {
        #[test]
        fn whole_numbers_as_in_128_bits(a in any::<i64>(), b in any::<i64>(), c in 1..1_000_i64) {
            let (left, right, divisor) = (a.to_string(), b.to_string(), c.to_string());
            let (left, right) = (Decimal::from_json(&left), Decimal::from_json(&right));
            prop_assert_eq!(left.cmp(&right), a.cmp(&b));
            let divisor = Decimal::from_json(&divisor).to_divisor().unwrap();
            prop_assert_eq!(left.is_multiple_of(divisor), a % c == 0);
        }
    }
}
