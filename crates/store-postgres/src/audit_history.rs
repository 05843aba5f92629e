//! Walks the whole history: every commit with its postings and its events, and the chain of their
//! hashes.

use std::collections::{HashMap, HashSet, VecDeque};

use diesel::Queryable;
use diesel::expression::{Expression, Selectable};
use diesel::pg::Pg;
use diesel::sql_types::{Array, BigInt, Binary, Integer, Nullable, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use marketplace_store_rows::{
    ChainLink, EventRow, EventsDigest, PostingRow, PostingsDigest, Recount,
};

use crate::draft::OPEN_ESCROW;
use crate::failure::Failure;
use crate::query::query;

/// Rows in memory at a time, of each table.
const ROWS: i64 = 5_000;

/// What the walk found.
#[derive(Default)]
pub(crate) struct History {
    pub(crate) recount: Recount,
    /// What commits that are not sealed yet add to accounts that no rule reads.
    pub(crate) pending: HashMap<String, i64>,
    /// Commits that are not what their row says, or not where the chain says.
    pub(crate) broken: u64,
}

impl History {
    pub(crate) async fn walk(connection: &mut AsyncPgConnection) -> Result<Self, Failure> {
        let mut history = Self::default();
        let retired = query::<BigInt>("SELECT position FROM retired");
        let retired: i64 = retired.get_result(connection).await?;
        let openings: Vec<(String, i64)> =
            query::<(Text, BigInt)>("SELECT account, amount FROM openings")
                .load(connection)
                .await?;
        for (account, amount) in openings {
            history.recount.open(&account, amount);
        }
        let mut broken = history.contents(connection, retired).await?;
        broken.extend(chain(connection).await?);
        history.broken = broken.len() as u64;
        Ok(history)
    }

    /// Compares every commit with its row; says which differ.
    async fn contents(
        &mut self,
        connection: &mut AsyncPgConnection,
        retired: i64,
    ) -> Result<HashSet<i64>, Failure> {
        let mut broken = HashSet::new();
        let mut batches = Stream::<BatchRow>::default();
        let mut postings = Stream::<PostingLine>::default();
        let mut events = Stream::<EventLine>::default();
        while let Some(batch) = batches.next_if(connection, |_| true).await? {
            // What is put away may still be there for a while; it is in the opening balances.
            let is_retired = batch.position.is_some_and(|position| position <= retired);
            let mut found = Content::default();
            while let Some(line) =
                postings.next_if(connection, |line| line.batch <= batch.number).await?
            {
                found.posting(&line, &batch);
                if !is_retired {
                    self.recount.line(&line.row, line.balance);
                }
            }
            while let Some(line) =
                events.next_if(connection, |line| line.batch <= batch.number).await?
            {
                found.event(&line, &batch);
            }
            if !(is_retired || found.agrees(&batch)) {
                broken.insert(batch.number);
            }
            if batch.position.is_none() {
                for (account, delta) in batch.sum_accounts.into_iter().zip(batch.sum_deltas) {
                    *self.pending.entry(account).or_default() += delta;
                }
            }
        }
        // Rows of commits that are not there.
        while let Some(line) = postings.next_if(connection, |_| true).await? {
            self.recount.line(&line.row, line.balance);
            broken.insert(line.batch);
        }
        while let Some(line) = events.next_if(connection, |_| true).await? {
            broken.insert(line.batch);
        }
        self.recount.end();
        Ok(broken)
    }
}

/// What was found of a commit.
#[derive(Default)]
struct Content {
    postings: i32,
    events: i32,
    postings_digest: PostingsDigest,
    events_digest: EventsDigest,
    sums: HashMap<String, i64>,
    misplaced: bool,
}

impl Content {
    fn posting(&mut self, line: &PostingLine, batch: &BatchRow) {
        self.postings += 1;
        self.postings_digest.add(&line.row);
        self.misplaced |= line.batch != batch.number || line.row.at != batch.at;
        if line.balance.is_none() && is_of_nobody(&line.row.account) {
            let sum = self.sums.entry(line.row.account.clone()).or_default();
            *sum = sum.wrapping_add(line.row.delta);
        }
        if line.row.account.starts_with("order:") {
            let sum = self.sums.entry(OPEN_ESCROW.to_owned()).or_default();
            *sum = sum.wrapping_add(line.row.delta);
        }
    }

    fn event(&mut self, line: &EventLine, batch: &BatchRow) {
        self.misplaced |= line.batch != batch.number || line.line != self.events;
        self.misplaced |= line.stored_at != batch.at;
        self.events += 1;
        self.events_digest.add(&line.row);
    }

    fn agrees(mut self, batch: &BatchRow) -> bool {
        self.sums.retain(|_, sum| *sum != 0);
        let stated = batch.sum_accounts.iter().cloned().zip(batch.sum_deltas.iter().copied());
        let stated: HashMap<String, i64> = stated.filter(|(_, delta)| *delta != 0).collect();
        // The grave of a commit that never came has neither outcomes nor digests.
        let is_empty = (self.postings, self.events) == (0, 0);
        let is_grave = batch.outcomes.is_none();
        let digests_agree = self.postings_digest.finish()[..] == batch.postings_digest[..]
            && self.events_digest.finish()[..] == batch.events_digest[..];
        !self.misplaced
            && self.sums == stated
            && (self.postings, self.events) == (batch.postings, batch.events)
            && if is_grave { is_empty } else { digests_agree }
    }
}

/// Accounts that no rule reads: those of nobody.
fn is_of_nobody(account: &str) -> bool {
    !account.contains(':') || account.starts_with("fees:")
}

type LinkColumns =
    (BigInt, BigInt, Text, BigInt, Text, Integer, Binary, Binary, Nullable<BigInt>, Binary);
type LinkRow = (i64, i64, String, i64, String, i32, Vec<u8>, Vec<u8>, Option<i64>, Vec<u8>);

const LINKS: &str = "\
SELECT number, position, id, at, outcomes, events, postings_digest, events_digest, last_event, hash
FROM batches WHERE position > ? ORDER BY position LIMIT ?";

/// Walks the chain; says which commits are not where it says.
async fn chain(connection: &mut AsyncPgConnection) -> Result<HashSet<i64>, Failure> {
    let mut broken = HashSet::new();
    let (mut position, mut event, mut hash) = (0, 0, [0; 32]);
    loop {
        let rows = query::<LinkColumns>(LINKS).number(position).number(ROWS);
        let rows: Vec<LinkRow> = rows.load(connection).await?;
        if rows.is_empty() {
            break;
        }
        for row in rows {
            let (number, at_position, id, at, outcomes, events, postings_digest, ..) = &row;
            let (.., events_digest, last_event, stated) = &row;
            let link = ChainLink {
                position: *at_position,
                id,
                at: *at,
                outcomes,
                postings: postings_digest,
                events: events_digest,
            };
            // A commit without events ends nowhere in the feed.
            let expect = (*events > 0).then_some(event + i64::from(*events));
            let follows = *at_position == position + 1
                && *last_event == expect
                && link.hash(&hash)[..] == stated[..];
            if !follows {
                broken.insert(*number);
            }
            (position, event) = (*at_position, last_event.unwrap_or(event));
            hash = stated.as_slice().try_into().unwrap_or_default();
        }
    }
    let end = query::<(BigInt, BigInt, Binary)>("SELECT position, event, hash FROM chain");
    let end: (i64, i64, Vec<u8>) = end.get_result(connection).await?;
    if end != (position, event, hash.to_vec()) {
        // The last commits are gone, or the end was moved: there is no row to name.
        broken.insert(i64::MAX);
    }
    Ok(broken)
}

/// A row of a table that is read in the order of its key.
trait Keyed: Sized {
    /// The page after a row, or the first one.
    async fn page(
        connection: &mut AsyncPgConnection,
        after: Option<&Self>,
    ) -> Result<Vec<Self>, Failure>;
}

/// A table in the order of its key, a page at a time.
struct Stream<R> {
    rows: VecDeque<R>,
    last: Option<R>,
    ended: bool,
}

impl<R> Default for Stream<R> {
    fn default() -> Self {
        Self { rows: VecDeque::new(), last: None, ended: false }
    }
}

impl<R: Keyed + Clone> Stream<R> {
    async fn next_if(
        &mut self,
        connection: &mut AsyncPgConnection,
        wanted: impl FnOnce(&R) -> bool,
    ) -> Result<Option<R>, Failure> {
        if self.rows.is_empty() && !self.ended {
            let rows = R::page(connection, self.last.as_ref()).await?;
            self.ended = rows.is_empty();
            self.last = rows.last().cloned().or(self.last.take());
            self.rows.extend(rows);
        }
        Ok(if self.rows.front().is_some_and(wanted) { self.rows.pop_front() } else { None })
    }
}

#[derive(Clone, Queryable)]
struct BatchRow {
    number: i64,
    at: i64,
    outcomes: Option<String>,
    postings: i32,
    events: i32,
    postings_digest: Vec<u8>,
    events_digest: Vec<u8>,
    sum_accounts: Vec<String>,
    sum_deltas: Vec<i64>,
    position: Option<i64>,
}

type BatchColumns = (
    BigInt,
    BigInt,
    Nullable<Text>,
    Integer,
    Integer,
    Binary,
    Binary,
    Array<Text>,
    Array<BigInt>,
    Nullable<BigInt>,
);

const BATCHES: &str = "\
SELECT number, at, outcomes, postings, events, postings_digest, events_digest, sum_accounts,
    sum_deltas, position
FROM batches WHERE number > ? ORDER BY number LIMIT ?";

impl Keyed for BatchRow {
    async fn page(
        connection: &mut AsyncPgConnection,
        after: Option<&Self>,
    ) -> Result<Vec<Self>, Failure> {
        let after = after.map_or(i64::MIN, |row| row.number);
        Ok(query::<BatchColumns>(BATCHES).number(after).number(ROWS).load(connection).await?)
    }
}

type PostingColumns = <<PostingRow as Selectable<Pg>>::SelectExpression as Expression>::SqlType;
type EventColumns = <<EventRow as Selectable<Pg>>::SelectExpression as Expression>::SqlType;

#[derive(Clone, Queryable)]
struct PostingLine {
    position: i64,
    batch: i64,
    balance: Option<i64>,
    row: PostingRow,
}

const POSTINGS: &str = "\
SELECT position, batch, balance, entry, line, lines, account, delta, kind, reason, at
FROM postings WHERE position > ? ORDER BY position LIMIT ?";

impl Keyed for PostingLine {
    async fn page(
        connection: &mut AsyncPgConnection,
        after: Option<&Self>,
    ) -> Result<Vec<Self>, Failure> {
        let after = after.map_or(i64::MIN, |row| row.position);
        type Columns = (BigInt, BigInt, Nullable<BigInt>, PostingColumns);
        Ok(query::<Columns>(POSTINGS).number(after).number(ROWS).load(connection).await?)
    }
}

#[derive(Clone, Queryable)]
struct EventLine {
    batch: i64,
    line: i32,
    stored_at: i64,
    row: EventRow,
}

const EVENTS: &str = "\
SELECT batch, line, stored_at, id, subject, name, audience, at, data
FROM events WHERE (batch, line) > (?, ?) ORDER BY batch, line LIMIT ?";

impl Keyed for EventLine {
    async fn page(
        connection: &mut AsyncPgConnection,
        after: Option<&Self>,
    ) -> Result<Vec<Self>, Failure> {
        let (batch, line) = after.map_or((i64::MIN, 0), |row| (row.batch, row.line));
        type Columns = (BigInt, Integer, BigInt, EventColumns);
        let page = query::<Columns>(EVENTS).number(batch).number(line).number(ROWS);
        Ok(page.load(connection).await?)
    }
}
