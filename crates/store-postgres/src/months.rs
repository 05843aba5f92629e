//! History by month: each month of postings and events is a table of its own, so that a month
//! that is put away goes at once, without a row being deleted.
//!
//! An engine that has no such tables keeps everything in the one for what has no month: then
//! history is put away in the books, and stays on the disk.

use diesel::sql_types::{BigInt, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use marketplace_money::Timestamp;

use crate::failure::Failure;
use crate::query::query;

/// Months that are made ahead: it is enough that some server looks once in a while.
const AHEAD: i64 = 3;
/// Commits whose time is before a month's end may be put away a little after others behind it.
const A_DAY: i64 = 24 * 3_600 * 1_000_000;

/// A month of the calendar, as a count from January of the year 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Month(i64);

impl Month {
    fn of(at: Timestamp) -> Self {
        let days = at.micros().div_euclid(A_DAY);
        let (year, month) = civil(days);
        Self(year * 12 + month - 1)
    }

    const fn plus(self, months: i64) -> Self {
        Self(self.0 + months)
    }

    /// Its first instant, in microseconds.
    fn begins(self) -> i64 {
        days_before(self.0.div_euclid(12), self.0.rem_euclid(12) + 1) * A_DAY
    }

    fn name(self, table: &str) -> String {
        format!("{table}_{:04}_{:02}", self.0.div_euclid(12), self.0.rem_euclid(12) + 1)
    }

    fn parse(table: &str, name: &str) -> Option<Self> {
        let (year, month) = name.strip_prefix(table)?.strip_prefix('_')?.split_once('_')?;
        Some(Self(year.parse::<i64>().ok()? * 12 + month.parse::<i64>().ok()? - 1))
    }
}

/// Days from 1970-01-01 to the first of a month. Years begin in March here, so that the leap day
/// is their last.
fn days_before(year: i64, month: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Year and month of a day: the other way round.
fn civil(days: i64) -> (i64, i64) {
    let days = days + 719_468;
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let year = year + days.div_euclid(146_097) * 400;
    if month < 10 { (year, month + 3) } else { (year + 1, month - 9) }
}

const TABLES: [(&str, &str); 2] = [("postings", "at"), ("events", "stored_at")];

/// Makes sure that this month and the next ones have their tables.
pub(crate) async fn make_ahead(
    connection: &mut AsyncPgConnection,
    now: Timestamp,
) -> Result<(), Failure> {
    for (table, _) in TABLES {
        let known = children(connection, table).await?;
        for ahead in 0..AHEAD {
            let month = Month::of(now).plus(ahead);
            if !known.contains(&month) {
                make(connection, table, month).await;
            }
        }
    }
    Ok(())
}

/// A month that cannot be made is no harm: its rows go where what has no month goes. Most likely
/// they are there already, or another server has just made it.
async fn make(connection: &mut AsyncPgConnection, table: &str, month: Month) {
    let name = month.name(table);
    let (from, until) = (month.begins(), month.plus(1).begins());
    let make = format!(
        "CREATE TABLE IF NOT EXISTS {name} PARTITION OF {table} \
         FOR VALUES FROM ({from}) TO ({until})"
    );
    if let Err(failure) = change(connection, &make).await {
        tracing::info!(%failure, name, "no table for this month of history yet");
    }
}

/// A table that comes or goes is locked against everybody: others wait behind whoever waits for
/// that, so it must not wait long.
async fn change(connection: &mut AsyncPgConnection, change: &str) -> Result<(), Failure> {
    let change = format!("SET LOCAL lock_timeout = '2s'; {change}");
    let run = async |connection: &mut AsyncPgConnection| {
        connection.batch_execute(&change).await.map_err(Failure::from)
    };
    connection.build_transaction().run(run).await
}

async fn children(
    connection: &mut AsyncPgConnection,
    table: &'static str,
) -> Result<Vec<Month>, Failure> {
    let names = query::<Text>(
        "SELECT CAST(c.relname AS TEXT) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid \
         JOIN pg_class p ON p.oid = i.inhparent \
         WHERE p.relname = ? AND pg_table_is_visible(p.oid)",
    );
    let names: Vec<String> = names.text(table).load(connection).await?;
    let mut months: Vec<Month> =
        names.iter().filter_map(|name| Month::parse(table, name)).collect();
    months.sort_unstable();
    Ok(months)
}

/// Drops the months of which everything is put away.
pub(crate) async fn drop_retired(connection: &mut AsyncPgConnection) -> Result<(), Failure> {
    let at: i64 = query::<BigInt>("SELECT at FROM retired").get_result(connection).await?;
    for (table, _) in TABLES {
        for month in children(connection, table).await? {
            if month.plus(1).begins() + A_DAY > at {
                break;
            }
            let name = month.name(table);
            // Audits read all months: while one does, the month stays.
            if let Err(failure) = change(connection, &format!("DROP TABLE {name}")).await {
                tracing::info!(%failure, name, "this month of history is dropped later");
                break;
            }
            tracing::info!(name, "a month of history was put away");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_of_the_calendar() {
        let check = |days: i64, expect: &str| {
            let first = Timestamp::from_micros(days * A_DAY);
            let last = Timestamp::from_micros(days * A_DAY + A_DAY - 1);
            assert_eq!(Month::of(first).name("a"), expect);
            assert_eq!(Month::of(last).name("a"), expect);
            assert_eq!(Month::parse("a", expect), Some(Month::of(first)));
        };
        check(0, "a_1970_01");
        check(30, "a_1970_01");
        check(31, "a_1970_02");
        check(59, "a_1970_03");
        check(-1, "a_1969_12");
        check(11_016, "a_2000_02");
        check(11_017, "a_2000_03");
        check(20_512, "a_2026_02");
        check(20_513, "a_2026_03");
        check(20_818, "a_2026_12");
        check(20_819, "a_2027_01");
        for month in 1_900 * 12..2_500 * 12 {
            let month = Month(month);
            assert_eq!(Month::of(Timestamp::from_micros(month.begins())), month);
            assert_eq!(Month::of(Timestamp::from_micros(month.begins() - 1)), month.plus(-1));
        }
    }

    #[test]
    fn other_tables_are_no_months() {
        for name in ["postings_default", "postings", "events_2026_01", "postings_2026"] {
            assert_eq!(Month::parse("postings", name), None, "{name}");
        }
    }
}
