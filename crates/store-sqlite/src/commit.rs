//! One batch, one transaction: what still holds is written, once for each row.

use std::collections::HashSet;

use diesel::prelude::*;
use marketplace_ports::{
    Batch, CommitOutcome, Current, EffectChange, Key, StoreError, Writes, admit,
};
use marketplace_store_rows::{
    AgentRow, ApiKeyRow, DepositRow, ListingRow, MotionRow, ReviewsRow, TaskRow, TegRecordRow,
    WithdrawalRow, id_text, tables,
};
use uuid::Uuid;

use crate::books::Books;
use crate::draft::{Draft, Versioned};
use crate::failure::Failure;
use crate::forget::Forgotten;
use crate::heads::LISTING_COUNT;
use crate::outcomes;
use crate::rows::{ClearTimer, FinishEffect, RetryEffect, UpdateOrder};
use crate::statement::insert_all;
use crate::tasks as kept_tasks;

impl Books {
    /// Writes what holds of a batch, unless the batch was written before; says what became of each
    /// set then or now.
    pub(crate) fn commit(&mut self, batch: Batch) -> Result<Vec<CommitOutcome>, StoreError> {
        if let Some(known) = self.known_outcome(batch.id)? {
            return Ok(known);
        }
        if self.abandoned.contains(&batch.id) {
            return Ok(vec![CommitOutcome::Conflict; batch.sets.len()]);
        }
        let keys: HashSet<Key> = batch.sets.iter().flat_map(|(_, set)| set.keys()).collect();
        let view = self.view(&keys)?;
        let outcomes = admit(Current::from_view(&view), &batch.sets);
        let mut writes = Writes::merge(batch.sets, &outcomes);
        let draft = self.draft(batch.id, &outcomes, &mut writes)?;
        let rows = draft.rows();
        let forgotten = self.transaction(rows, |connection| write(connection, &draft))?;
        self.remember(draft, writes, &forgotten);
        Ok(outcomes)
    }

    /// What became of a batch; one that was not written is not written later either.
    pub(crate) fn outcome(
        &mut self,
        batch: Uuid,
    ) -> Result<Option<Vec<CommitOutcome>>, StoreError> {
        let outcomes = self.known_outcome(batch)?;
        if outcomes.is_none() {
            self.abandoned.insert(batch);
        }
        Ok(outcomes)
    }

    fn known_outcome(&mut self, batch: Uuid) -> Result<Option<Vec<CommitOutcome>>, StoreError> {
        use tables::batches::dsl;
        let text: Option<String> = self.read(|connection| {
            let query = dsl::batches.filter(dsl::id.eq(id_text(batch))).select(dsl::outcomes);
            Ok(query.get_result(connection).optional()?)
        })?;
        Ok(text.as_deref().map(outcomes::from_text))
    }

    /// What the database has now is what we know.
    fn remember(&mut self, draft: Draft, writes: Writes, forgotten: &Forgotten) {
        let mut cache = self.cache.lock();
        self.heads = draft.heads;
        self.feed.send_replace(marketplace_store_rows::from_count(self.heads.event));
        self.heads.first_answer_expires = forgotten.first_answer_expires;
        self.heads.first_nonce_expires = forgotten.first_nonce_expires;
        for (id, write) in writes.orders {
            cache.orders.put(id, Some(write.row));
        }
        for (id, write) in writes.listings {
            cache.listings.put(id, Some(write.row));
        }
        for (did, write) in writes.agents {
            cache.agents.put(did, Some(write.row));
        }
        for (account, row) in draft.balances {
            cache.balances.put(account, row);
        }
        for (key, record) in writes.idempotency {
            cache.answers.put(key, Some(record));
        }
        for (nonce, _) in writes.nonces {
            cache.nonces.put(nonce, true);
        }
        forgotten.answers.iter().for_each(|key| cache.answers.forget(key));
        forgotten.nonces.iter().for_each(|nonce| cache.nonces.forget(nonce));
    }
}

/// Every row guarded by the version that it replaces: this thread has checked it, and nobody else
/// writes; if somebody did, the whole batch falls.
fn write(connection: &mut SqliteConnection, draft: &Draft) -> Result<Forgotten, Failure> {
    insert_all(connection, std::slice::from_ref(&draft.batch))?;
    insert_all(connection, &draft.orders)?;
    insert_all(connection, &draft.checks)?;
    for (read, row) in &draft.order_updates {
        one("orders", &row.id, UpdateOrder { row, read: *read }.execute(connection)?)?;
    }
    write_parties(connection, draft)?;
    insert_all(connection, &draft.postings)?;
    let balances: Vec<_> = draft.balances.values().cloned().collect();
    insert_all(connection, &balances)?;
    insert_all(connection, &draft.sums)?;
    insert_all(connection, &draft.events)?;
    write_work(connection, draft)?;
    insert_all(connection, &draft.answers)?;
    insert_all(connection, &draft.nonces)?;
    insert_all(connection, &draft.blobs)?;
    draft.judged.write(connection)?;
    Forgotten::sweep(connection, draft)
}

pub(crate) fn one(table: &'static str, id: &str, changed: usize) -> Result<(), Failure> {
    if changed == 1 {
        return Ok(());
    }
    let problem = "was changed by somebody else";
    Err(marketplace_store_rows::RowError::new(table, id, problem).into())
}

/// Inserts or replaces rows of a table under their keys.
macro_rules! write_rows {
    ($connection:expr, $table:ident . $key:ident, $rows:expr) => {
        for (read, row) in $rows {
            let changed = if *read == 0 {
                diesel::insert_into(tables::$table::table).values(row).execute($connection)?
            } else {
                let old = tables::$table::table
                    .filter(tables::$table::$key.eq(&row.$key))
                    .filter(tables::$table::version.eq(read));
                diesel::update(old).set(row).execute($connection)?
            };
            $crate::commit::one(stringify!($table), &row.$key, changed)?;
        }
    };
}

pub(crate) use write_rows;

fn write_parties(connection: &mut SqliteConnection, draft: &Draft) -> Result<(), Failure> {
    insert_all(connection, &draft.listings)?;
    let updates: &[Versioned<ListingRow>] = &draft.listing_updates;
    write_rows!(connection, listings.id, updates);
    let agents: &[Versioned<AgentRow>] = &draft.agents;
    write_rows!(connection, agents.did, agents);
    let withdrawals: &[Versioned<WithdrawalRow>] = &draft.withdrawals;
    write_rows!(connection, withdrawals.id, withdrawals);
    let deposits: &[Versioned<DepositRow>] = &draft.deposits;
    write_rows!(connection, deposits.id, deposits);
    let transfers: &[Versioned<TegRecordRow>] = &draft.teg_records;
    write_rows!(connection, teg_records.id, transfers);
    let api_keys: &[Versioned<ApiKeyRow>] = &draft.api_keys;
    write_rows!(connection, api_keys.sha256, api_keys);
    let kept: &[Versioned<TaskRow>] = &draft.tasks;
    write_rows!(connection, tasks.key, kept);
    if !kept.is_empty() {
        kept_tasks::forget(connection, draft.batch.at, kept.len())?;
    }
    let motions: &[Versioned<MotionRow>] = &draft.motions;
    write_rows!(connection, motions.id, motions);
    let reviews: &[Versioned<ReviewsRow>] = &draft.reviews;
    write_rows!(connection, reviews.order_id, reviews);
    if draft.listing_count_moved {
        use tables::counters::dsl;
        diesel::replace_into(dsl::counters)
            .values((dsl::name.eq(LISTING_COUNT), dsl::value.eq(draft.heads.listing_count)))
            .execute(connection)?;
    }
    Ok(())
}

fn write_work(connection: &mut SqliteConnection, draft: &Draft) -> Result<(), Failure> {
    insert_all(connection, &draft.timers)?;
    for (subject, kind) in &draft.cleared {
        ClearTimer { subject, kind }.execute(connection)?;
    }
    insert_all(connection, &draft.effects)?;
    for change in &draft.retried {
        if let EffectChange::Retry { id, due, attempts, error } = change {
            let (id, attempts) = (id_text(*id), i64::from(*attempts));
            RetryEffect { id: &id, due: due.micros(), attempts, error }.execute(connection)?;
        }
    }
    for id in &draft.finished {
        FinishEffect { id: &id_text(*id) }.execute(connection)?;
    }
    Ok(())
}
