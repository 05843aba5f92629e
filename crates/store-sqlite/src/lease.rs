//! Timers and the outbox: what is due is set aside for one worker at a time.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use marketplace_money::Timestamp;
use marketplace_ports::{DeadEffect, Dues, Effect, Lease, StoreError, Timer};
use marketplace_store_rows::{EffectRow, RowError, TimerRow, id_text, tables};
use uuid::Uuid;

use crate::books::Books;
use crate::failure::Failure;
use crate::statement::statement;

statement! {
    /// Sets a timer aside.
    LeaseTimer { subject: &'a str, kind: &'a str, until: i64, owner: &'a str } =
    "UPDATE timers SET leased_until = " until as BigInt,
    ", lease_owner = " owner as Text,
    " WHERE subject = " subject as Text,
    " AND kind = " kind as Text,
}

statement! {
    /// Sets work aside.
    LeaseEffect { id: &'a str, until: i64, owner: &'a str } =
    "UPDATE outbox SET leased_until = " until as BigInt,
    ", lease_owner = " owner as Text,
    " WHERE id = " id as Text,
}

statement! {
    /// Gives timers back.
    ReleaseTimers { owner: &'a str, now: i64 } =
    "UPDATE timers SET leased_until = 0, lease_owner = NULL WHERE lease_owner = " owner as Text,
    " AND due <= " now as BigInt,
}

statement! {
    /// Gives work back.
    ReleaseEffects { owner: &'a str, now: i64 } =
    "UPDATE outbox SET leased_until = 0, lease_owner = NULL WHERE lease_owner = " owner as Text,
    " AND due <= " now as BigInt,
}

/// Who holds a job, and until when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    owner: Uuid,
    until: Timestamp,
}

impl Books {
    /// Sets a job aside, unless somebody else holds it.
    pub(crate) fn lease_job(&mut self, name: &str, lease: Lease) -> bool {
        let now = self.clock.now();
        let is_taken = |held: &Held| held.owner != lease.owner && held.until > now;
        if self.jobs.get(name).is_some_and(is_taken) {
            return false;
        }
        let held = Held { owner: lease.owner, until: now.plus(lease.duration) };
        self.jobs.insert(name.to_owned(), held);
        true
    }

    /// Gives back what an owner holds. Only what is due can be held, so the index of the due finds
    /// it.
    pub(crate) fn release_leases(&mut self, owner: Uuid) -> Result<(), StoreError> {
        self.jobs.retain(|_, held| held.owner != owner);
        let (owner, now) = (id_text(owner), self.clock.now().micros());
        self.transaction(1, |connection| {
            ReleaseTimers { owner: &owner, now }.execute(connection)?;
            ReleaseEffects { owner: &owner, now }.execute(connection)?;
            Ok(())
        })
    }

    /// Timers that are due and free, oldest first.
    pub(crate) fn lease_timers(
        &mut self,
        lease: Lease,
        limit: u32,
    ) -> Result<Vec<Timer>, StoreError> {
        use tables::timers::dsl;
        let now = self.clock.now();
        let rows: Vec<TimerRow> = self.read(|connection| {
            let due = dsl::timers
                .filter(dsl::due.le(now.micros()))
                .filter(dsl::leased_until.le(now.micros()))
                .order(dsl::due)
                .limit(limit.into());
            Ok(due.select(TimerRow::as_select()).load(connection)?)
        })?;
        let (until, owner) = terms(lease, now);
        self.lease(&rows, |connection, row| {
            let (subject, kind) = (&row.subject, &row.kind);
            LeaseTimer { subject, kind, until, owner: &owner }.execute(connection)
        })?;
        Ok(readable(rows.iter().map(TimerRow::timer)))
    }

    /// Work that is due and free, oldest first.
    pub(crate) fn lease_effects(
        &mut self,
        lease: Lease,
        limit: u32,
    ) -> Result<Vec<Effect>, StoreError> {
        use tables::outbox::dsl;
        let now = self.clock.now();
        let rows: Vec<EffectRow> = self.read(|connection| {
            let due = dsl::outbox
                .filter(dsl::due.le(now.micros()))
                .filter(dsl::leased_until.le(now.micros()))
                .order(dsl::due)
                .limit(limit.into());
            Ok(due.select(EffectRow::as_select()).load(connection)?)
        })?;
        let (until, owner) = terms(lease, now);
        self.lease(&rows, |connection, row| {
            LeaseEffect { id: &row.id, until, owner: &owner }.execute(connection)
        })?;
        Ok(readable(rows.iter().map(EffectRow::effect)))
    }

    /// Writes nothing when there is nothing: an idle worker costs no commit.
    fn lease<R>(
        &mut self,
        rows: &[R],
        update: impl Fn(&mut SqliteConnection, &R) -> QueryResult<usize>,
    ) -> Result<(), StoreError> {
        if rows.is_empty() {
            return Ok(());
        }
        self.transaction(rows.len(), |connection| {
            rows.iter().try_for_each(|row| update(connection, row).map(drop)).map_err(Failure::from)
        })
    }
}

fn terms(lease: Lease, now: Timestamp) -> (i64, String) {
    (now.plus(lease.duration).micros(), id_text(lease.owner))
}

/// A row that cannot be read must not stop the others; it stays leased, so that it is not seen
/// again at once.
fn readable<T>(rows: impl Iterator<Item = Result<T, RowError>>) -> Vec<T> {
    rows.filter_map(|row| row.inspect_err(|error| tracing::error!(%error)).ok()).collect()
}

/// When the first timer or effect is due that nobody holds at `now`.
pub(crate) fn dues(connection: &mut SqliteConnection, now: Timestamp) -> Result<Dues, Failure> {
    use tables::{outbox, timers};
    let timer: Option<i64> = timers::table
        .filter(timers::leased_until.le(now.micros()))
        .order(timers::due)
        .select(timers::due)
        .first(connection)
        .optional()?;
    let effect: Option<i64> = outbox::table
        .filter(outbox::leased_until.le(now.micros()))
        .order(outbox::due)
        .select(outbox::due)
        .first(connection)
        .optional()?;
    let effect = effect.filter(|due| *due != Effect::NEVER.micros());
    let at = |micros: Option<i64>| micros.map(Timestamp::from_micros);
    Ok(Dues { timer: at(timer), effect: at(effect) })
}

#[derive(Queryable)]
struct DeadRow {
    row: EffectRow,
    error: Option<String>,
}

/// Work that was given up.
pub(crate) fn dead_effects(
    connection: &mut SqliteConnection,
    limit: u32,
) -> Result<Vec<DeadEffect>, Failure> {
    use tables::outbox::dsl;
    let rows: Vec<DeadRow> = dsl::outbox
        .filter(dsl::due.eq(Effect::NEVER.micros()))
        .limit(limit.into())
        .select((EffectRow::as_select(), dsl::error))
        .load(connection)?;
    let dead = rows.into_iter().map(|DeadRow { row, error }| {
        Ok(DeadEffect { effect: row.effect()?, error: error.unwrap_or_default() })
    });
    dead.collect()
}
