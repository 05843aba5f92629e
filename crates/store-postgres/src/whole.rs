//! What nearly every commit writes, as one statement: its parts are parts of a WITH, so that a
//! commit costs one message instead of a dozen.
//!
//! The statement answers one row, or fails as a whole: it first changes the rows that must be as the
//! commit was decided on, counts them, and divides by zero when one is missing. With these rows
//! locked it takes the number of the commit, so numbers are in the order of the commits on every
//! row, and writes the rest. Balances change by what is added to them, whatever they are meanwhile:
//! who pays and who is paid by several servers at once waits, and does not conflict.
//!
//! Not sent in a transaction it is one by itself.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::arrays::{Arrays, statement};
use crate::rows::{
    COMPLETED_ORDERS, ChangedBalances, ChangedOrders, ClearedTimers, FirstTimers, LEFT_PAYOUTS,
    MOVED_ORDERS, NewAnswers, NewBalances, NewEvents, NewOrders, NewPostings, OpenOrders,
    REACHED_PAYOUTS, ReliedListings,
};
use crate::session::Params;

/// The row of the commit itself.
#[derive(Debug, Default)]
pub(crate) struct BatchRow {
    /// Taken by the statement where it is not known before.
    pub(crate) number: Option<i64>,
    pub(crate) id: String,
    pub(crate) at: i64,
    pub(crate) outcomes: String,
    pub(crate) postings: i32,
    pub(crate) events: i32,
    pub(crate) postings_digest: Vec<u8>,
    pub(crate) events_digest: Vec<u8>,
    pub(crate) sum_accounts: Vec<String>,
    pub(crate) sum_deltas: Vec<i64>,
    pub(crate) heard_by: Vec<i64>,
    pub(crate) heard_from: Vec<i32>,
    pub(crate) heard_lines: Vec<i64>,
}

const BATCH: &[(&str, &str)] = &[
    ("number", "bigint"),
    ("id", "text"),
    ("at", "bigint"),
    ("outcomes", "text"),
    ("postings", "integer"),
    ("events", "integer"),
    ("postings_digest", "bytea"),
    ("events_digest", "bytea"),
    ("sum_accounts", "text[]"),
    ("sum_deltas", "bigint[]"),
    ("heard_by", "bigint[]"),
    ("heard_from", "integer[]"),
    ("heard_lines", "bigint[]"),
];

impl BatchRow {
    fn params(&self) -> Params<'_> {
        vec![
            &self.number,
            &self.id,
            &self.at,
            &self.outcomes,
            &self.postings,
            &self.events,
            &self.postings_digest,
            &self.events_digest,
            &self.sum_accounts,
            &self.sum_deltas,
            &self.heard_by,
            &self.heard_from,
            &self.heard_lines,
        ]
    }
}

/// The rows of a commit that its one statement writes.
#[derive(Debug, Default)]
pub(crate) struct Whole {
    pub(crate) batch: BatchRow,
    // Rows that must be as they were seen: locked in this order, as everywhere.
    pub(crate) changed_orders: ChangedOrders,
    pub(crate) relied_listings: ReliedListings,
    pub(crate) changed_balances: ChangedBalances,
    // Under a key that somebody else may take at the same time, in the order of the keys.
    pub(crate) answers: NewAnswers,
    pub(crate) balances: NewBalances,
    pub(crate) orders: NewOrders,
    pub(crate) open_orders: OpenOrders,
    pub(crate) postings: NewPostings,
    pub(crate) events: NewEvents,
    pub(crate) first_timers: FirstTimers,
    pub(crate) cleared_timers: ClearedTimers,
    /// How many rows must be found: orders, listings, balances.
    expected: [i64; GUARDED],
    /// Until when we were down, the last time, where that is to be as it was seen.
    last_gap: Option<i64>,
}

/// How many of the parts are counted; they come first.
const GUARDED: usize = 3;

/// Names of the parts that are counted.
const NAMES: [&str; GUARDED] = ["changed_orders", "relied_listings", "changed_balances"];
/// Parts that follow from what the counted ones changed.
const FOLLOWING: [&str; 4] = [MOVED_ORDERS, COMPLETED_ORDERS, REACHED_PAYOUTS, LEFT_PAYOUTS];
/// Places of the commit's number and time among the parameters.
const NUMBER_AND_AT: [usize; 2] = [1, 3];

static TEXT: LazyLock<String> = LazyLock::new(|| {
    let whole = Whole::default();
    let mut place = BATCH.len() + 1;
    let mut parts = Vec::new();
    for (number, rows) in whole.parts().into_iter().enumerate() {
        let (text, columns) = rows.parts();
        let text = statement(text, columns, place);
        place += columns.len();
        let name = NAMES.get(number).map_or_else(|| format!("part{number}"), |n| (*n).to_owned());
        parts.push(format!("{name} AS ({text})"));
    }
    parts.insert(GUARDED, made(place));
    for (number, text) in FOLLOWING.iter().enumerate() {
        parts.push(format!("following{number} AS ({text})"));
    }
    let names: Vec<&str> = BATCH.iter().map(|(name, _)| *name).collect();
    let values: Vec<String> = (1..)
        .zip(BATCH)
        .map(|(place, (name, sql)): (usize, _)| match *name {
            "number" | "at" => format!("made.{name}"),
            _ => format!("${place}::{sql}"),
        })
        .collect();
    parts.push(format!(
        "batch AS (INSERT INTO batches ({}) SELECT {} FROM made)",
        names.join(", "),
        values.join(", ")
    ));
    format!("WITH {} SELECT number FROM made", parts.join(", "))
});

/// The number and time of the commit, and what it makes of balances, once everything was found as
/// it was seen; the counts that are expected are parameters from `first` on. What is in FROM and
/// WHERE is there before the number is taken.
fn made(first: usize) -> String {
    let as_seen: Vec<String> = (first..)
        .zip(NAMES)
        .map(|(place, name): (usize, _)| {
            format!("(SELECT count(*) FROM {name}) = ${place}::bigint")
        })
        .collect();
    let [number, at] = NUMBER_AND_AT;
    let gap = first + GUARDED;
    format!(
        "made AS MATERIALIZED (SELECT coalesce(${number}::bigint, nextval('batch_numbers')) AS number, \
         ${at}::bigint AS at, seen.balances FROM (SELECT {} \
         AND coalesce(${gap}::bigint = coalesce((SELECT until_at FROM gaps ORDER BY from_at DESC \
         LIMIT 1), 0), true) AS as_seen, \
         (SELECT array_agg(amount ORDER BY slot) FROM changed_balances) AS balances \
         OFFSET 0) AS seen WHERE 1 / CASE WHEN seen.as_seen THEN 1 ELSE 0 END = 1)",
        as_seen.join(" AND ")
    )
}

impl Whole {
    /// The statement.
    pub(crate) fn text() -> &'static str {
        &TEXT
    }

    fn parts(&self) -> [&dyn Arrays; 11] {
        [
            &self.changed_orders,
            &self.relied_listings,
            &self.changed_balances,
            &self.answers,
            &self.balances,
            &self.orders,
            &self.open_orders,
            &self.postings,
            &self.events,
            &self.first_timers,
            &self.cleared_timers,
        ]
    }

    /// Listings by id, with the versions that they must have, and the end of our last downtime.
    pub(crate) fn rely_on(&mut self, listings: BTreeMap<String, i64>, last_gap: i64) {
        self.last_gap = Some(last_gap);
        for listing in listings {
            self.relied_listings.push(listing);
        }
        self.count();
    }

    /// To be called when all rows are in it.
    pub(crate) fn count(&mut self) {
        let lengths = [
            self.changed_orders.id.len(),
            self.relied_listings.id.len(),
            self.changed_balances.account.len(),
        ];
        self.expected = lengths.map(|length| i64::try_from(length).unwrap_or(i64::MAX));
    }

    /// Its parameters.
    pub(crate) fn params(&self) -> Params<'_> {
        let mut params = self.batch.params();
        for rows in self.parts() {
            params.extend(rows.params());
        }
        for count in &self.expected {
            params.push(count);
        }
        params.push(&self.last_gap);
        params
    }
}
