//! Timers, the outbox and jobs: what is due is set aside for one worker at a time.
//!
//! A lease takes what nobody else is taking at this moment (`SKIP LOCKED`) and never waits, so
//! that it can stand in nobody's way whatever order others lock their rows in.

use diesel::expression::{Expression, Selectable};
use diesel::pg::Pg;
use diesel::sql_types::{BigInt, Nullable};
use diesel::{ExpressionMethods, QueryDsl, SelectableHelper};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use marketplace_money::Timestamp;
use marketplace_ports::{DeadEffect, Dues, Effect, Lease, Timer};
use marketplace_store_rows::{EffectRow, RowError, TimerRow, id_text, tables};
use uuid::Uuid;

use crate::failure::Failure;
use crate::query::query;

type TimerColumns = <<TimerRow as Selectable<Pg>>::SelectExpression as Expression>::SqlType;
type EffectColumns = <<EffectRow as Selectable<Pg>>::SelectExpression as Expression>::SqlType;

const LEASE_TIMERS: &str = "\
WITH due AS MATERIALIZED (
    SELECT subject, kind FROM timers WHERE due <= ? AND leased_until <= ?
    ORDER BY due LIMIT ? FOR UPDATE SKIP LOCKED
)
UPDATE timers SET leased_until = ?, lease_owner = ?
FROM due WHERE timers.subject = due.subject AND timers.kind = due.kind
RETURNING timers.subject, timers.kind, timers.sequence, timers.due";

const LEASE_EFFECTS: &str = "\
WITH due AS MATERIALIZED (
    SELECT id FROM outbox WHERE due <= ? AND leased_until <= ?
    ORDER BY due LIMIT ? FOR UPDATE SKIP LOCKED
)
UPDATE outbox SET leased_until = ?, lease_owner = ?
FROM due WHERE outbox.id = due.id
RETURNING outbox.id, outbox.work, outbox.due, outbox.attempts";

/// Timers that are due and free, oldest first.
pub(crate) async fn timers(
    connection: &mut AsyncPgConnection,
    lease: Lease,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<Timer>, Failure> {
    let leased = query::<TimerColumns>(LEASE_TIMERS).number(now.micros()).number(now.micros());
    let leased = leased.number(limit).number(now.plus(lease.duration).micros());
    let mut rows: Vec<TimerRow> = leased.text(id_text(lease.owner)).load(connection).await?;
    rows.sort_by_key(|row| row.due);
    Ok(readable(rows.iter().map(TimerRow::timer)))
}

/// Work that is due and free, oldest first.
pub(crate) async fn effects(
    connection: &mut AsyncPgConnection,
    lease: Lease,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<Effect>, Failure> {
    let leased = query::<EffectColumns>(LEASE_EFFECTS).number(now.micros()).number(now.micros());
    let leased = leased.number(limit).number(now.plus(lease.duration).micros());
    let mut rows: Vec<EffectRow> = leased.text(id_text(lease.owner)).load(connection).await?;
    rows.sort_by_key(|row| row.due);
    Ok(readable(rows.iter().map(EffectRow::effect)))
}

/// A row that cannot be read must not stop the others; it stays leased, so that it is not seen
/// again at once.
fn readable<T>(rows: impl Iterator<Item = Result<T, RowError>>) -> Vec<T> {
    rows.filter_map(|row| row.inspect_err(|error| tracing::error!(%error)).ok()).collect()
}

const LEASE_JOB: &str = "\
INSERT INTO jobs (name, owner, leased_until) VALUES (?, ?, ?)
ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, leased_until = excluded.leased_until
WHERE jobs.owner = excluded.owner OR jobs.leased_until <= ?";

/// Whether the job is ours until the lease ends.
pub(crate) async fn job(
    connection: &mut AsyncPgConnection,
    name: &str,
    lease: Lease,
    now: Timestamp,
) -> Result<bool, Failure> {
    let leased = query::<()>(LEASE_JOB).text(name).text(id_text(lease.owner));
    let leased = leased.number(now.plus(lease.duration).micros()).number(now.micros());
    Ok(leased.execute(connection).await? > 0)
}

/// What is leased was due: it is found where what is due is.
const RELEASE_TIMERS: &str = "\
WITH held AS MATERIALIZED (
    SELECT subject, kind FROM timers WHERE due <= ? AND lease_owner = ? FOR UPDATE SKIP LOCKED
)
UPDATE timers SET leased_until = 0, lease_owner = NULL
FROM held WHERE timers.subject = held.subject AND timers.kind = held.kind";

const RELEASE_EFFECTS: &str = "\
WITH held AS MATERIALIZED (
    SELECT id FROM outbox WHERE due <= ? AND lease_owner = ? FOR UPDATE SKIP LOCKED
)
UPDATE outbox SET leased_until = 0, lease_owner = NULL FROM held WHERE outbox.id = held.id";

/// Gives back what an owner holds. What a commit is changing at this moment is given back by it.
pub(crate) async fn release(
    connection: &mut AsyncPgConnection,
    owner: Uuid,
    now: Timestamp,
) -> Result<(), Failure> {
    let owner = id_text(owner);
    for held in [RELEASE_TIMERS, RELEASE_EFFECTS] {
        query::<()>(held).number(now.micros()).text(owner.as_str()).execute(connection).await?;
    }
    query::<()>("DELETE FROM jobs WHERE owner = ?").text(owner).execute(connection).await?;
    Ok(())
}

/// Work that was given up.
pub(crate) async fn dead_effects(
    connection: &mut AsyncPgConnection,
    limit: u32,
) -> Result<Vec<DeadEffect>, Failure> {
    use tables::outbox::dsl;
    let rows: Vec<(EffectRow, Option<String>)> = dsl::outbox
        .filter(dsl::due.eq(Effect::NEVER.micros()))
        .limit(limit.into())
        .select((EffectRow::as_select(), dsl::error))
        .load(connection)
        .await?;
    let dead = |(row, error): (EffectRow, Option<String>)| {
        Ok(DeadEffect { effect: row.effect()?, error: error.unwrap_or_default() })
    };
    rows.into_iter().map(dead).collect()
}

const DUES: &str = "\
SELECT
    (SELECT due FROM timers WHERE leased_until <= ? ORDER BY due LIMIT 1),
    (SELECT due FROM outbox WHERE leased_until <= ? AND due < ? ORDER BY due LIMIT 1)";

/// When the first timer and the first effect are due that nobody holds.
pub(crate) async fn dues(
    connection: &mut AsyncPgConnection,
    now: Timestamp,
) -> Result<Dues, Failure> {
    let dues = query::<(Nullable<BigInt>, Nullable<BigInt>)>(DUES);
    let dues = dues.number(now.micros()).number(now.micros()).number(Effect::NEVER.micros());
    let (timer, effect): (Option<i64>, Option<i64>) = dues.get_result(connection).await?;
    let at = |micros: Option<i64>| micros.map(Timestamp::from_micros);
    Ok(Dues { timer: at(timer), effect: at(effect) })
}
