//! What nearly every commit writes, as one statement: its parts are parts of a WITH, so that a
//! commit costs one message instead of a dozen.
//!
//! The statement answers one row, or fails as a whole: it counts the rows that it found as the
//! commit was decided on, and divides by zero when one is missing. Not sent in a transaction it is
//! one by itself.

use std::sync::LazyLock;

use crate::arrays::{Arrays, statement};
use crate::rows::{
    ChangedBalances, ChangedOrders, ClearedTimers, CompletedOrders, FirstTimers, MovedOrders,
    NewAnswers, NewBalances, NewEvents, NewOrders, NewPostings, OpenOrders, ReliedListings,
};
use crate::session::Params;

/// The row of the commit itself.
#[derive(Debug, Default)]
pub(crate) struct BatchRow {
    pub(crate) number: i64,
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
    pub(crate) moved_orders: MovedOrders,
    pub(crate) completed_orders: CompletedOrders,
    pub(crate) postings: NewPostings,
    pub(crate) events: NewEvents,
    pub(crate) first_timers: FirstTimers,
    pub(crate) cleared_timers: ClearedTimers,
    /// How many rows must be found: orders, listings, balances.
    expected: [i64; GUARDED],
}

/// How many of the parts are counted; they come first.
const GUARDED: usize = 3;

static TEXT: LazyLock<String> = LazyLock::new(|| {
    let whole = Whole::default();
    let values: Vec<String> =
        (1..).zip(BATCH).map(|(place, (_, sql)): (usize, _)| format!("${place}::{sql}")).collect();
    let names: Vec<&str> = BATCH.iter().map(|(name, _)| *name).collect();
    let mut parts = Vec::new();
    let mut place = BATCH.len() + 1;
    for (number, rows) in whole.parts().into_iter().enumerate() {
        let (text, columns) = rows.parts();
        let text = statement(text, columns, place);
        place += columns.len();
        let counted = number < GUARDED && !text.starts_with("SELECT");
        let returning = if counted { " RETURNING 1" } else { "" };
        parts.push(format!("part{number} AS ({text}{returning})"));
    }
    parts.push(format!(
        "batch AS (INSERT INTO batches ({}) VALUES ({}))",
        names.join(", "),
        values.join(", ")
    ));
    let as_seen: Vec<String> = (0..GUARDED)
        .map(|part| format!("(SELECT count(*) FROM part{part}) = ${}::bigint", place + part))
        .collect();
    format!(
        "WITH {} SELECT 1 / CASE WHEN {} THEN 1 ELSE 0 END",
        parts.join(", "),
        as_seen.join(" AND ")
    )
});

impl Whole {
    /// The statement.
    pub(crate) fn text() -> &'static str {
        &TEXT
    }

    fn parts(&self) -> [&dyn Arrays; 13] {
        [
            &self.changed_orders,
            &self.relied_listings,
            &self.changed_balances,
            &self.answers,
            &self.balances,
            &self.orders,
            &self.open_orders,
            &self.moved_orders,
            &self.completed_orders,
            &self.postings,
            &self.events,
            &self.first_timers,
            &self.cleared_timers,
        ]
    }

    /// Listings by id, with the versions that they must have.
    pub(crate) fn rely_on(&mut self, listings: std::collections::BTreeMap<String, i64>) {
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
        params
    }
}
