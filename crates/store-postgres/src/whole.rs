//! What nearly every commit writes, as one statement: its parts are parts of a WITH, so that a
//! commit costs one message instead of a dozen.
//!
//! The statement answers one row, or fails as a whole: it first changes the rows that must be as the
//! commit was decided on, counts them, and divides by zero when one is missing. With these rows
//! locked it takes the number of the commit, so numbers are in the order of the commits on every
//! row, and writes the rest. Balances change by what is added to them, whatever they are meanwhile:
//! who pays and who is paid by several servers at once waits, and does not conflict.
//!
//! Not sent in a transaction it is one by itself. It has only the parts that its commit needs, by
//! what the commit is about ([`Topic`]).

use std::collections::BTreeMap;
use std::sync::OnceLock;

use crate::arrays::{Arrays, statement};
use crate::lock::COMPLETED;
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
/// Places of the commit's number and time among the parameters.
const NUMBER_AND_AT: [usize; 2] = [1, 3];

/// What a commit is about. Its statement has only the parts for that: one that has nothing to write
/// costs too. Few things, so that connections prepare few statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Topic {
    /// In every commit.
    Always,
    /// Orders that are new.
    Bought,
    /// Orders that go on.
    WentOn,
    /// Of these, some that stay open.
    StayedOpen,
    /// Balances that are added to.
    Paid,
    /// Balances that are new.
    FirstPaid,
    /// Keys of the callers.
    Answered,
}

/// The topics of a commit, a bit for each.
#[derive(Clone, Copy, Debug)]
struct Topics(usize);

impl Topics {
    const MANY: usize = 1 << 6;

    fn of(topics: impl Iterator<Item = (Topic, bool)>) -> Self {
        let present = topics.filter(|(_, is_there)| *is_there);
        Self(present.fold(0, |bits, (topic, _)| bits | Self::bit(topic)))
    }

    const fn bit(topic: Topic) -> usize {
        match topic {
            Topic::Always => 0,
            Topic::Bought => 1,
            Topic::WentOn => 2,
            Topic::StayedOpen => 4,
            Topic::Paid => 8,
            Topic::FirstPaid => 16,
            Topic::Answered => 32,
        }
    }

    const fn have(self, topic: Topic) -> bool {
        self.0 & Self::bit(topic) == Self::bit(topic)
    }
}

/// Parts that follow from what the counted ones changed.
const FOLLOWING: [(Topic, &str); 4] = [
    (Topic::StayedOpen, MOVED_ORDERS),
    (Topic::WentOn, COMPLETED_ORDERS),
    (Topic::Paid, REACHED_PAYOUTS),
    (Topic::Paid, LEFT_PAYOUTS),
];

static TEXTS: [OnceLock<String>; Topics::MANY] = [const { OnceLock::new() }; Topics::MANY];

/// The statement of commits about these topics.
fn text(topics: Topics) -> String {
    let whole = Whole::default();
    let mut place = BATCH.len() + 1;
    let (mut parts, mut counted) = (Vec::new(), Vec::new());
    for (number, (topic, rows)) in whole.parts().into_iter().enumerate() {
        if !topics.have(topic) {
            continue;
        }
        let (text, columns) = rows.parts();
        let text = statement(text, columns, place);
        place += columns.len();
        let name = NAMES.get(number).map_or_else(|| format!("part{number}"), |n| (*n).to_owned());
        parts.push(format!("{name} AS ({text})"));
        counted.extend(NAMES.get(number));
    }
    parts.insert(counted.len(), made(place, &counted));
    for (number, (topic, text)) in FOLLOWING.iter().enumerate() {
        if topics.have(*topic) {
            parts.push(format!("following{number} AS ({text})"));
        }
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
}

/// The number and time of the commit, and what it makes of balances, once everything was found as
/// it was seen; the counts that are expected are parameters from `first` on. What is in FROM and
/// WHERE is there before the number is taken.
fn made(first: usize, counted: &[&str]) -> String {
    let as_seen: Vec<String> = (first..)
        .zip(counted)
        .map(|(place, name): (usize, _)| {
            format!("(SELECT count(*) FROM {name}) = ${place}::bigint AND")
        })
        .collect();
    let [number, at] = NUMBER_AND_AT;
    let gap = first + counted.len();
    let balances = if counted.contains(&NAMES[2]) {
        "(SELECT array_agg(amount ORDER BY slot) FROM changed_balances)"
    } else {
        "NULL::bigint[]"
    };
    format!(
        "made AS MATERIALIZED (SELECT coalesce(${number}::bigint, nextval('batch_numbers')) AS number, \
         ${at}::bigint AS at, seen.balances FROM (SELECT {} \
         coalesce(${gap}::bigint = coalesce((SELECT until_at FROM gaps ORDER BY from_at DESC \
         LIMIT 1), 0), true) AS as_seen, {balances} AS balances \
         OFFSET 0) AS seen WHERE 1 / CASE WHEN seen.as_seen THEN 1 ELSE 0 END = 1)",
        as_seen.join(" ")
    )
}

impl Whole {
    /// The statement.
    pub(crate) fn text(&self) -> &'static str {
        let topics = self.topics();
        TEXTS[topics.0].get_or_init(|| text(topics))
    }

    fn topics(&self) -> Topics {
        let is_completed = |status: &&'static str| *status == COMPLETED;
        let stayed_open = !self.changed_orders.status.iter().all(is_completed);
        let parts = self.parts().into_iter().map(|(topic, rows)| (topic, !rows.is_empty()));
        Topics::of(parts.chain([(Topic::StayedOpen, stayed_open)]))
    }

    fn parts(&self) -> [(Topic, &dyn Arrays); 11] {
        [
            (Topic::WentOn, &self.changed_orders),
            (Topic::Bought, &self.relied_listings),
            (Topic::Paid, &self.changed_balances),
            (Topic::Answered, &self.answers),
            (Topic::FirstPaid, &self.balances),
            (Topic::Bought, &self.orders),
            (Topic::Bought, &self.open_orders),
            (Topic::Always, &self.postings),
            (Topic::Always, &self.events),
            (Topic::Bought, &self.first_timers),
            (Topic::WentOn, &self.cleared_timers),
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
        let topics = self.topics();
        let parts = self.parts().into_iter().enumerate();
        let present: Vec<_> = parts.filter(|(_, (topic, _))| topics.have(*topic)).collect();
        for (_, (_, rows)) in &present {
            params.extend(rows.params());
        }
        for (number, _) in &present {
            if let Some(count) = self.expected.get(*number) {
                params.push(count);
            }
        }
        params.push(&self.last_gap);
        params
    }
}
