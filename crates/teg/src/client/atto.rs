//! Amounts as the TEG writes them: decimal texts with up to 18 decimals, sometimes with an exponent
//! (`"0E-18"`). We count whole nano-AVT; the rest is dust.

use marketplace_money::Amount;
use serde_json::Value;

/// Decimals of a TEG's amount.
const DECIMALS: i32 = 18;
const ATTO_PER_NANO: i128 = 1_000_000_000;
/// Enough for every amount that fits; anything longer is nonsense, not money.
const LONGEST: usize = 80;

/// An amount in atto-AVT.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Atto(pub(crate) i128);

impl Atto {
    /// Reads a text or a number of JSON, exactly or not at all.
    pub(crate) fn of(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Self::parse(text),
            Value::Number(number) => Self::parse(&number.to_string()),
            _ => None,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        if text.len() > LONGEST {
            return None;
        }
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (negative, digits) = match mantissa.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, mantissa),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all_digits = whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit());
        if whole.is_empty() || !all_digits {
            return None;
        }
        let significant: String = [whole, fraction].concat();
        let significant = significant.trim_start_matches('0');
        let kept = significant.trim_end_matches('0');
        if kept.is_empty() {
            return Some(Self(0));
        }
        let dropped = i32::try_from(significant.len() - kept.len()).ok()?;
        let fraction = i32::try_from(fraction.len()).ok()?;
        let power = exponent.checked_add(DECIMALS)?.checked_add(dropped)? - fraction;
        let value: i128 = kept.parse().ok()?;
        let value = value.checked_mul(10_i128.checked_pow(u32::try_from(power).ok()?)?)?;
        Some(Self(if negative { -value } else { value }))
    }

    /// Whole nano-AVT at most this, and the rest.
    pub(crate) fn floor(self) -> Option<(Amount, u32)> {
        let nano = i64::try_from(self.0.div_euclid(ATTO_PER_NANO)).ok()?;
        let rest = u32::try_from(self.0.rem_euclid(ATTO_PER_NANO)).ok()?;
        Some((Amount::from_nano(nano), rest))
    }

    /// Whole nano-AVT at least this, and what is too much.
    pub(crate) fn ceiling(self) -> Option<(Amount, u32)> {
        let (floor, rest) = self.floor()?;
        if rest == 0 {
            return Some((floor, 0));
        }
        let one = Amount::from_nano(1);
        let missing = u32::try_from(ATTO_PER_NANO - i128::from(rest)).ok()?;
        Some((floor.checked_add(one)?, missing))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts() {
        let check = |text: &str, expect: Option<i128>| {
            assert_eq!(Atto::parse(text).map(|atto| atto.0), expect, "{text}");
        };
        check("0E-18", Some(0));
        check("0", Some(0));
        check("0e99999", Some(0));
        check("1", Some(1_000_000_000_000_000_000));
        check("1E-18", Some(1));
        check("1.5e+2", Some(150_000_000_000_000_000_000));
        check("5.125000000000000000", Some(5_125_000_000_000_000_000));
        check("992100.869999999995343387", Some(992_100_869_999_999_995_343_387));
        check("-0.5", Some(-500_000_000_000_000_000));
        check("0.0000000000000000010", Some(1));
        check("999999999999999999.999999999999999999", Some(10_i128.pow(36) - 1));
        for text in ["", ".5", "1e", "1E-19", "NaN", "1,5", " 1", "+1", "--1", "1e1.5", "0x1"] {
            check(text, None);
        }
        check(&"9".repeat(60), None);
        check(&"0".repeat(81), None);
        check("1e2147483647", None);
    }

    #[test]
    fn whole_nanos_and_dust() {
        let check = |atto: i128, floor: (i64, u32), ceiling: (i64, u32)| {
            let nano = |pair: Option<(Amount, u32)>| pair.map(|(a, rest)| (a.nano(), rest));
            assert_eq!(nano(Atto(atto).floor()), Some(floor), "{atto}");
            assert_eq!(nano(Atto(atto).ceiling()), Some(ceiling), "{atto}");
        };
        check(0, (0, 0), (0, 0));
        check(1, (0, 1), (1, 999_999_999));
        check(1_000_000_000, (1, 0), (1, 0));
        check(1_999_999_999, (1, 999_999_999), (2, 1));
        check(-1, (-1, 999_999_999), (0, 1));
        assert_eq!(Atto(i128::MAX).floor(), None);
    }

    proptest! {
        #[test]
        fn our_own_amounts_are_read_exactly(nano in 0_i64..) {
            let text = Amount::from_nano(nano).to_string();
            prop_assert_eq!(
                Atto::parse(&text).and_then(Atto::floor),
                Some((Amount::from_nano(nano), 0))
            );
        }

        #[test]
        fn no_text_panics(text in "[-+0-9.eE]{0,90}") {
            let _ = Atto::parse(&text).map(|atto| (atto.floor(), atto.ceiling()));
        }
    }
}
