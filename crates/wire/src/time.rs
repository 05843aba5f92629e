//! Instants on the wire: RFC 3339 in UTC with microseconds.

use std::fmt;

use marketplace_money::Timestamp;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// Writes an instant as `2026-11-22T12:00:00.000000Z`.
///
/// By hand, because it is on the way of every purchase: a calendar library formats by pattern and
/// knows time zones, and both cost more than the rest of the reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, format = DateTime, example = "2026-11-22T12:00:00.000000Z")]
pub struct Rfc3339(pub Timestamp);

/// Year, month and day of a day counted from 1970-01-01, in the Gregorian calendar. Counts in
/// eras of 400 years that begin in March, so that the leap day is the last of its year.
const fn date(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400;
    (if month <= 2 { year + 1 } else { year }, month, day)
}

impl fmt::Display for Rfc3339 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0.micros();
        let (year, month, day) = date(micros.div_euclid(MICROS_PER_DAY));
        let of_day = micros.rem_euclid(MICROS_PER_DAY);
        let (seconds, fraction) = (of_day / 1_000_000, of_day % 1_000_000);
        let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction:06}Z")
    }
}

impl Serialize for Rfc3339 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, SecondsFormat};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_instants() {
        let check = |micros: i64, expect: &str| {
            assert_eq!(Rfc3339(Timestamp::from_micros(micros)).to_string(), expect);
        };
        check(0, "1970-01-01T00:00:00.000000Z");
        check(-1, "1969-12-31T23:59:59.999999Z");
        check(951_782_400_000_000, "2000-02-29T00:00:00.000000Z");
        check(1_790_000_000_000_001, "2026-09-21T14:13:20.000001Z");
    }

    proptest! {
        #[test]
        fn agrees_with_chrono(micros in -62_135_596_800_000_000i64..253_402_300_799_999_999) {
            let expect = DateTime::from_timestamp_micros(micros).unwrap();
            let expect = expect.to_rfc3339_opts(SecondsFormat::Micros, true);
            prop_assert_eq!(Rfc3339(Timestamp::from_micros(micros)).to_string(), expect);
        }
    }
}
