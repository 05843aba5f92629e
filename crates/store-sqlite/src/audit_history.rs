//! Walks the whole history in its order: every batch with its postings and its events.

use std::collections::{BTreeMap, VecDeque};

use diesel::prelude::*;
use marketplace_money::Amount;
use marketplace_store_rows::{EventRow, PostingRow, tables};

use crate::audit::amount;
use crate::failure::Failure;
use crate::heads::OPEN_ESCROW;
use crate::retire::{Digests, Retired};
use crate::rows::{NewBatch, NewEvent, NewPosting};
use crate::seal::{Seal, hash};

/// Rows in memory at a time, of each table.
const ROWS: i64 = 5_000;

/// What the walk found.
#[derive(Default)]
pub(crate) struct History {
    pub(crate) postings: u64,
    pub(crate) unbalanced_entries: u64,
    pub(crate) broken_hashes: u64,
    /// Sums of the accounts that have no name behind their kind, in nano-AVT.
    pub(crate) summed: BTreeMap<String, i128>,
    kinds: BTreeMap<String, i128>,
    entry: Option<(String, i128)>,
}

impl History {
    pub(crate) fn walk(connection: &mut SqliteConnection) -> Result<Self, Failure> {
        let mut history = Self::default();
        let mut batches = Stream::new(next_batches);
        let mut postings = Stream::new(next_postings);
        let mut events = Stream::new(next_events);
        let mut previous = [0; 32];
        let retired = Retired::read(connection)?;
        let openings: Vec<(String, i64)> = tables::openings::table.load(connection)?;
        for (account, amount) in openings {
            history.add(&account, amount.into());
        }
        while let Some(batch) = batches.next_if(connection, |_| true)? {
            if batch.position <= retired.batch {
                let digests = Digests::read(connection, batch.position).optional()?;
                let expect = digests.map(|it| hash(&previous, &batch, &it.postings, &it.events));
                let follows = expect.is_some_and(|expect| expect[..] == batch.hash[..]);
                history.broken_hashes += u64::from(!follows);
                previous = batch.hash.try_into().unwrap_or_default();
                continue;
            }
            let mut seal = Seal::begin(&previous, &batch);
            while let Some(posting) =
                postings.next_if(connection, |row: &NewPosting| row.batch <= batch.position)?
            {
                seal.posting(&posting);
                history.count(&posting);
            }
            while let Some(event) =
                events.next_if(connection, |row: &NewEvent| row.batch <= batch.position)?
            {
                seal.event(&event);
            }
            history.broken_hashes += u64::from(seal.finish()[..] != batch.hash[..]);
            previous = batch.hash.try_into().unwrap_or_default();
        }
        // Rows of batches that are not there.
        let mut orphans = false;
        while let Some(posting) = postings.next_if(connection, |_| true)? {
            history.count(&posting);
            orphans = true;
        }
        orphans |= events.next_if(connection, |_| true)?.is_some();
        history.broken_hashes += u64::from(orphans);
        history.end_entry();
        Ok(history)
    }

    fn count(&mut self, posting: &NewPosting) {
        let row = &posting.row;
        let delta = i128::from(row.delta);
        self.postings += 1;
        self.add(&row.account, delta);
        match &mut self.entry {
            Some((entry, sum)) if *entry == row.entry => *sum += delta,
            _ => {
                self.end_entry();
                self.entry = Some((row.entry.clone(), delta));
            }
        }
    }

    fn add(&mut self, account: &str, delta: i128) {
        let (kind, name) = account.split_once(':').unwrap_or((account, ""));
        if kind == "fees" || name.is_empty() {
            *self.kinds.entry(account.to_owned()).or_default() += delta;
            // The insurance's balance is a row like an agent's.
            if account != "insurance" {
                *self.summed.entry(account.to_owned()).or_default() += delta;
            }
        } else {
            *self.kinds.entry(kind.to_owned()).or_default() += delta;
            if kind == "order" {
                *self.summed.entry(OPEN_ESCROW.to_owned()).or_default() += delta;
            }
        }
    }

    fn end_entry(&mut self) {
        if let Some((_, sum)) = self.entry.take() {
            self.unbalanced_entries += u64::from(sum != 0);
        }
    }

    /// Sums by account kind.
    pub(crate) fn totals(&self) -> Result<Vec<(String, Amount)>, Failure> {
        self.kinds.iter().map(|(kind, sum)| Ok((kind.clone(), amount(kind, *sum)?))).collect()
    }
}

/// Rows with their positions.
pub(crate) type Piece<R> = QueryResult<Vec<(i64, R)>>;

/// A table in the order of its positions, a piece at a time.
struct Stream<R> {
    rows: VecDeque<R>,
    read: fn(&mut SqliteConnection, i64) -> Piece<R>,
    after: i64,
    ended: bool,
}

impl<R> Stream<R> {
    fn new(read: fn(&mut SqliteConnection, i64) -> Piece<R>) -> Self {
        Self { rows: VecDeque::new(), read, after: i64::MIN, ended: false }
    }

    fn next_if(
        &mut self,
        connection: &mut SqliteConnection,
        wanted: impl FnOnce(&R) -> bool,
    ) -> QueryResult<Option<R>> {
        if self.rows.is_empty() && !self.ended {
            let rows = (self.read)(connection, self.after)?;
            self.ended = rows.is_empty();
            self.after = rows.last().map_or(self.after, |(position, _)| *position);
            self.rows.extend(rows.into_iter().map(|(_, row)| row));
        }
        Ok(if self.rows.front().is_some_and(wanted) { self.rows.pop_front() } else { None })
    }
}

pub(crate) fn next_batches(connection: &mut SqliteConnection, after: i64) -> Piece<NewBatch> {
    use tables::batches::dsl;
    type Row = (i64, String, i64, String, Vec<u8>);
    let rows: Vec<Row> = dsl::batches
        .filter(dsl::position.gt(after))
        .order(dsl::position)
        .limit(ROWS)
        .load(connection)?;
    let batch = |(position, id, at, outcomes, hash)| {
        (position, NewBatch { position, id, at, outcomes, hash })
    };
    Ok(rows.into_iter().map(batch).collect())
}

pub(crate) fn next_postings(connection: &mut SqliteConnection, after: i64) -> Piece<NewPosting> {
    use tables::postings::dsl;
    type Row = (i64, PostingRow, i64, Option<i64>, Option<i64>);
    let columns = (dsl::position, PostingRow::as_select(), dsl::batch, dsl::balance, dsl::previous);
    let rows: Vec<Row> = dsl::postings
        .filter(dsl::position.gt(after))
        .order(dsl::position)
        .limit(ROWS)
        .select(columns)
        .load(connection)?;
    let posting = |(position, row, batch, balance, previous)| {
        (position, NewPosting { position, row, batch, balance, previous })
    };
    Ok(rows.into_iter().map(posting).collect())
}

pub(crate) fn next_events(connection: &mut SqliteConnection, after: i64) -> Piece<NewEvent> {
    use tables::events::dsl;
    let rows: Vec<(i64, EventRow, i64)> = dsl::events
        .filter(dsl::position.gt(after))
        .order(dsl::position)
        .limit(ROWS)
        .select((dsl::position, EventRow::as_select(), dsl::batch))
        .load(connection)?;
    let event = |(position, row, batch)| (position, NewEvent { position, row, batch });
    Ok(rows.into_iter().map(event).collect())
}
