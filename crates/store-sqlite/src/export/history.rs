//! The history, whole commits at a time: commits with the digests of what is in them, their
//! postings and their events. The chain of hashes is checked on the way.

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use marketplace_ports::StoreError;
use marketplace_store_rows::{MovingRows, MovingStep, bytes32};

use super::ExportEnds;
use crate::audit_history::{next_batches, next_events, next_postings};
use crate::failure::Failure;
use crate::heads::OPEN_ESCROW;
use crate::retire::{Digests, Retired};
use crate::rows::NewBatch;
use crate::seal::{Seal, hash};

const BATCH_COLUMNS: [&str; 13] = [
    "number",
    "id",
    "at",
    "outcomes",
    "postings",
    "events",
    "postings_digest",
    "events_digest",
    "sum_accounts",
    "sum_deltas",
    "position",
    "hash",
    "last_event",
];
/// Positions of the other store are made of the number of the commit and the place in it.
const POSTINGS: &str = "\
SELECT json_array(batch * 1048576 + position - MIN(position) OVER (PARTITION BY batch),
    entry, line, lines, account, delta, kind, reason, at, batch, balance) AS line
FROM postings WHERE position > ? AND position <= ? ORDER BY position";
const POSTING_COLUMNS: [&str; 11] = [
    "position", "entry", "line", "lines", "account", "delta", "kind", "reason", "at", "batch",
    "balance",
];
const EVENTS: &str = "\
SELECT json_array(e.batch, e.position - MIN(e.position) OVER (PARTITION BY e.batch), e.id,
    e.subject, e.name, e.audience, e.at, e.data, b.at) AS line
FROM events e JOIN batches b ON b.position = e.batch
WHERE e.position > ? AND e.position <= ? ORDER BY e.position";
const EVENT_COLUMNS: [&str; 9] =
    ["batch", "line", "id", "subject", "name", "audience", "at", "data", "stored_at"];

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

/// The last of each that has been read.
#[derive(Clone, Copy, Default)]
struct At {
    batch: i64,
    posting: i64,
    event: i64,
}

impl At {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(',').map(|part| part.parse().ok());
        let mut next = || parts.next().flatten();
        Some(Self { batch: next()?, posting: next()?, event: next()? })
    }

    fn text(self) -> String {
        format!("{},{},{}", self.batch, self.posting, self.event)
    }
}

fn corrupt(problem: &str) -> Failure {
    StoreError::Corrupt(problem.to_owned()).into()
}

/// The commits after a place, until one of them makes the step `rows` long.
pub(super) fn step(
    connection: &mut SqliteConnection,
    after: Option<&str>,
    rows: usize,
) -> Result<MovingStep, Failure> {
    let begin = match after {
        None => At::default(),
        Some(text) => At::parse(text).ok_or_else(|| corrupt("this is no place in the history"))?,
    };
    let retired = Retired::read(connection)?;
    let mut step = Step {
        previous: hash_of(connection, begin.batch)?,
        at: At {
            posting: begin.posting.max(retired.posting),
            event: begin.event.max(retired.event),
            ..begin
        },
        retired,
        batches: Vec::new(),
        postings: Source { rows: Vec::new().into_iter(), read: next_postings },
        events: Source { rows: Vec::new().into_iter(), read: next_events },
        lines: 0,
    };
    let from = step.at;
    let found = next_batches(connection, begin.batch)?;
    let mut is_last = true;
    for (_, batch) in found {
        step.batch(connection, &batch)?;
        if step.lines >= rows {
            is_last = false;
            break;
        }
    }
    let lines = |sql: &str, connection: &mut SqliteConnection, from: i64, until: i64| {
        let lines = diesel::sql_query(sql).bind::<BigInt, _>(from).bind::<BigInt, _>(until);
        let lines: Vec<Line> = lines.load(connection)?;
        Ok::<_, Failure>(lines.into_iter().map(|line| line.line).collect::<Vec<_>>())
    };
    let postings = lines(POSTINGS, connection, from.posting, step.at.posting)?;
    let events = lines(EVENTS, connection, from.event, step.at.event)?;
    Ok(MovingStep {
        rows: vec![
            MovingRows::new("batches", &BATCH_COLUMNS, &step.batches),
            MovingRows::new("postings", &POSTING_COLUMNS, &postings),
            MovingRows::new("events", &EVENT_COLUMNS, &events),
        ],
        next: (!is_last).then(|| step.at.text()),
    })
}

type Read<R> = fn(&mut SqliteConnection, i64) -> QueryResult<Vec<(i64, R)>>;

/// A table in the order of its positions.
struct Source<R> {
    rows: std::vec::IntoIter<(i64, R)>,
    read: Read<R>,
}

impl<R> Source<R> {
    /// The next row after a position, if it is wanted.
    fn next_if(
        &mut self,
        connection: &mut SqliteConnection,
        after: i64,
        wanted: impl Fn(&R) -> bool,
    ) -> QueryResult<Option<(i64, R)>> {
        if self.rows.as_slice().is_empty() {
            self.rows = (self.read)(connection, after)?.into_iter();
        }
        let is_wanted = self.rows.as_slice().first().is_some_and(|(_, row)| wanted(row));
        Ok(if is_wanted { self.rows.next() } else { None })
    }
}

/// Commits that are read together.
struct Step {
    previous: [u8; 32],
    at: At,
    retired: Retired,
    batches: Vec<String>,
    postings: Source<crate::rows::NewPosting>,
    events: Source<crate::rows::NewEvent>,
    lines: usize,
}

impl Step {
    fn batch(
        &mut self,
        connection: &mut SqliteConnection,
        batch: &NewBatch,
    ) -> Result<(), Failure> {
        let (mut postings, mut events) = (0, 0);
        let mut sums = BTreeMap::<String, i64>::new();
        let (expect, digests) = if batch.position <= self.retired.batch {
            // Nobody knows any more which of them had which events: the last one has them all.
            if batch.position == self.retired.batch {
                events = usize::try_from(self.retired.event).unwrap_or(0);
                self.at.event = self.retired.event;
            }
            let digests = Digests::read(connection, batch.position)?;
            let expect = hash(&self.previous, batch, &digests.postings, &digests.events);
            (expect, (digests.postings, digests.events))
        } else {
            let mut seal = Seal::begin(&self.previous, batch);
            let number = batch.position;
            (postings, events) = self.lines(connection, number, &mut seal, &mut sums)?;
            let (expect, of_postings, of_events) = seal.finish_with_digests();
            (expect, (of_postings.to_vec(), of_events.to_vec()))
        };
        if expect[..] != batch.hash[..] {
            return Err(corrupt(&format!(
                "commit {} does not hash to what the chain says: look with marketplace-admin \
                 doctor before anything is moved",
                batch.position
            )));
        }
        let last_event = if events > 0 { self.at.event.to_string() } else { "null".to_owned() };
        sums.retain(|_, sum| *sum != 0);
        let accounts: Vec<String> =
            sums.keys().map(|account| format!("\\\"{account}\\\"")).collect();
        let deltas: Vec<String> = sums.values().map(i64::to_string).collect();
        // Nothing else in it needs an escape: names of batches are UUIDs, outcomes are letters.
        self.batches.push(format!(
            "[{0},\"{1}\",{2},\"{3}\",{postings},{events},\"{4}\",\"{5}\",\"{{{6}}}\",\"{{{7}}}\",{0},\
             \"{8}\",{last_event}]",
            batch.position,
            batch.id,
            batch.at,
            batch.outcomes,
            hex(&digests.0),
            hex(&digests.1),
            accounts.join(","),
            deltas.join(","),
            hex(&batch.hash),
        ));
        self.previous = expect;
        self.at.batch = batch.position;
        self.lines += 1 + postings + events;
        Ok(())
    }

    /// The lines of a commit, as the seal wants them; how many postings and events.
    fn lines(
        &mut self,
        connection: &mut SqliteConnection,
        number: i64,
        seal: &mut Seal,
        sums: &mut BTreeMap<String, i64>,
    ) -> Result<(usize, usize), Failure> {
        let (mut postings, mut events) = (0, 0);
        while let Some((at, row)) =
            self.postings.next_if(connection, self.at.posting, |row| row.batch <= number)?
        {
            seal.posting(&row);
            let account = &row.row.account;
            if row.balance.is_none() && is_of_nobody(account) {
                *sums.entry(account.clone()).or_default() += row.row.delta;
            }
            if account.starts_with("order:") {
                *sums.entry(OPEN_ESCROW.to_owned()).or_default() += row.row.delta;
            }
            self.at.posting = at;
            postings += 1;
        }
        while let Some((at, row)) =
            self.events.next_if(connection, self.at.event, |row| row.batch <= number)?
        {
            seal.event(&row);
            self.at.event = at;
            events += 1;
        }
        Ok((postings, events))
    }
}

/// Accounts that no rule reads: the other store sums them up commit by commit.
fn is_of_nobody(account: &str) -> bool {
    !account.contains(':') || account.starts_with("fees:")
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The hash of a commit; zeros before the first.
fn hash_of(connection: &mut SqliteConnection, position: i64) -> Result<[u8; 32], Failure> {
    use marketplace_store_rows::tables::batches::dsl;
    let hash = dsl::batches.find(position).select(dsl::hash).get_result(connection);
    let hash: Option<Vec<u8>> = hash.optional()?;
    let read = |hash: Vec<u8>| bytes32("batches", &position.to_string(), &hash);
    Ok(hash.map(read).transpose().map_err(StoreError::from)?.unwrap_or([0; 32]))
}

/// Where everything ends.
pub(super) fn ends(connection: &mut SqliteConnection) -> Result<ExportEnds, Failure> {
    use diesel::dsl::{max, min};
    use marketplace_store_rows::tables::{batches, events};
    let batch: Option<i64> =
        batches::table.select(max(batches::position)).get_result(connection)?;
    let event: Option<i64> = events::table.select(max(events::position)).get_result(connection)?;
    let times = batches::table.select((min(batches::at), max(batches::at)));
    let times: (Option<i64>, Option<i64>) = times.get_result(connection)?;
    let retired = Retired::read(connection)?;
    let batch = batch.unwrap_or(0);
    Ok(ExportEnds {
        batch,
        event: event.unwrap_or(0).max(retired.event),
        hash: hash_of(connection, batch)?,
        retired_batch: retired.batch,
        retired_event: retired.event,
        times: (times.0.unwrap_or(0), times.1.unwrap_or(0)),
    })
}
