//! Puts away history by policy: what accounts held by then becomes their opening balance, and of
//! each commit the digests stay from which its hash follows.

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Text};
use marketplace_money::{Amount, Timestamp};
use marketplace_ports::StoreError;
use marketplace_store_rows::tables;

use crate::audit_history::{next_batches, next_events, next_postings};
use crate::books::Books;
use crate::event_lists;
use crate::failure::Failure;
use crate::rows::NewBatch;
use crate::seal::Seal;

/// Where what is kept begins: behind these positions.
#[derive(Clone, Copy, Debug, Default, QueryableByName)]
pub(crate) struct Retired {
    #[diesel(sql_type = BigInt)]
    pub(crate) batch: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) posting: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) event: i64,
}

impl Retired {
    pub(crate) fn read(connection: &mut SqliteConnection) -> QueryResult<Self> {
        diesel::sql_query("SELECT batch, posting, event FROM retired").get_result(connection)
    }
}

/// The digests of a commit that is put away.
#[derive(QueryableByName)]
pub(crate) struct Digests {
    #[diesel(sql_type = Binary)]
    pub(crate) postings: Vec<u8>,
    #[diesel(sql_type = Binary)]
    pub(crate) events: Vec<u8>,
}

impl Digests {
    pub(crate) fn read(connection: &mut SqliteConnection, batch: i64) -> QueryResult<Self> {
        diesel::sql_query("SELECT postings, events FROM retired_digests WHERE batch = ?")
            .bind::<BigInt, _>(batch)
            .get_result(connection)
    }
}

/// What the postings sum to that are put away.
pub(crate) fn opening(connection: &mut SqliteConnection, account: &str) -> QueryResult<Amount> {
    use tables::openings::dsl;
    let amount = dsl::openings.find(account).select(dsl::amount).get_result(connection);
    let amount: Option<i64> = amount.optional()?;
    Ok(Amount::from_nano(amount.unwrap_or(0)))
}

impl Books {
    /// Puts away the history of commits before an instant, `limit` commits of it; says of how many.
    pub(crate) fn retire(&mut self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let newest = self.heads.batch;
        let (from, batches) = self.read(|connection| {
            let from = Retired::read(connection)?;
            let batches = next_batches(connection, from.batch)?.into_iter();
            let is_old = |batch: &NewBatch| batch.at < before.micros() && batch.position < newest;
            let old = batches.map(|(_, batch)| batch).take(limit as usize).take_while(is_old);
            Ok((from, old.collect::<Vec<_>>()))
        })?;
        if batches.is_empty() {
            return Ok(0);
        }
        self.transaction(batches.len(), |connection| put_away(connection, from, &batches))?;
        Ok(batches.len() as u64)
    }
}

/// Goes through the rows of the commits once more: what does not hash to what it should is
/// evidence, and stays.
fn put_away(
    connection: &mut SqliteConnection,
    from: Retired,
    batches: &[NewBatch],
) -> Result<(), Failure> {
    let mut previous = hash_of(connection, from.batch)?;
    let mut until = from;
    let mut deltas: BTreeMap<String, i64> = BTreeMap::new();
    for batch in batches {
        let mut seal = Seal::begin(&previous, batch);
        for posting in of_batch(until.posting, batch.position, |after| {
            let rows = next_postings(connection, after)?;
            Ok(rows.into_iter().map(|(at, row)| (at, row.batch, row)).collect())
        })? {
            let delta = deltas.entry(posting.row.account.clone()).or_default();
            *delta = delta
                .checked_add(posting.row.delta)
                .ok_or_else(|| too_much(&posting.row.account))?;
            until.posting = posting.position;
            seal.posting(&posting);
        }
        for event in of_batch(until.event, batch.position, |after| {
            let rows = next_events(connection, after)?;
            Ok(rows.into_iter().map(|(at, row)| (at, row.batch, row)).collect())
        })? {
            until.event = event.position;
            seal.event(&event);
        }
        until.batch = batch.position;
        let (hash, postings, events) = seal.finish_with_digests();
        if hash[..] != batch.hash[..] {
            let problem = format!("commit {} does not hash to what it should", batch.id);
            return Err(StoreError::Corrupt(problem).into());
        }
        previous = hash;
        diesel::sql_query("INSERT INTO retired_digests (batch, postings, events) VALUES (?, ?, ?)")
            .bind::<BigInt, _>(batch.position)
            .bind::<Binary, _>(&postings[..])
            .bind::<Binary, _>(&events[..])
            .execute(connection)?;
    }
    open(connection, &deltas)?;
    erase(connection, from, until)
}

fn too_much(account: &str) -> Failure {
    StoreError::Corrupt(format!("the postings of {account} are beyond all money")).into()
}

fn hash_of(connection: &mut SqliteConnection, batch: i64) -> Result<[u8; 32], Failure> {
    use tables::batches::dsl;
    if batch == 0 {
        return Ok([0; 32]);
    }
    let hash: Vec<u8> = dsl::batches.find(batch).select(dsl::hash).get_result(connection)?;
    Ok(marketplace_store_rows::bytes32("batches", "retired", &hash)?)
}

/// The rows of a batch, which stand side by side behind `after`.
fn of_batch<R>(
    after: i64,
    batch: i64,
    mut read: impl FnMut(i64) -> Result<Vec<(i64, i64, R)>, Failure>,
) -> Result<Vec<R>, Failure> {
    let (mut rows, mut after) = (Vec::new(), after);
    loop {
        let page = read(after)?;
        let length = page.len();
        let mine = page.into_iter().take_while(|(_, of, _)| *of <= batch);
        let before = rows.len();
        for (position, _, row) in mine {
            after = position;
            rows.push(row);
        }
        if length == 0 || rows.len() - before < length {
            return Ok(rows);
        }
    }
}

fn open(connection: &mut SqliteConnection, deltas: &BTreeMap<String, i64>) -> Result<(), Failure> {
    for (account, delta) in deltas {
        diesel::sql_query(
            "INSERT INTO openings (account, amount) VALUES (?, ?)
             ON CONFLICT (account) DO UPDATE SET amount = amount + excluded.amount",
        )
        .bind::<Text, _>(account)
        .bind::<BigInt, _>(delta)
        .execute(connection)?;
        diesel::sql_query("DELETE FROM openings WHERE account = ? AND amount = 0")
            .bind::<Text, _>(account)
            .execute(connection)?;
    }
    Ok(())
}

/// In this order: only what is put away may be deleted.
fn erase(connection: &mut SqliteConnection, from: Retired, until: Retired) -> Result<(), Failure> {
    diesel::sql_query("UPDATE retired SET batch = ?, posting = ?, event = ?")
        .bind::<BigInt, _>(until.batch)
        .bind::<BigInt, _>(until.posting)
        .bind::<BigInt, _>(until.event)
        .execute(connection)?;
    use tables::{events, postings};
    let old = postings::position.gt(from.posting).and(postings::position.le(until.posting));
    diesel::delete(postings::table.filter(old)).execute(connection)?;
    let old = events::position.gt(from.event).and(events::position.le(until.event));
    diesel::delete(events::table.filter(old)).execute(connection)?;
    Ok(event_lists::forget(connection, from.event, until.event)?)
}
