//! The feed: events in the order in which their commits were sealed.
//!
//! An event's row is written once, by its commit, and knows only its place in the commit. Where
//! the commit ends in the feed is in the commit's row, written by the sealer: what is not sealed
//! yet has no place, and is not seen. What is put away is not seen any more.

use diesel::expression::{Expression, Selectable};
use diesel::pg::Pg;
use diesel::sql_types::BigInt;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use marketplace_money::Did;
use marketplace_ports::SealedEvent;
use marketplace_store_rows::{EventRow, count, party_key};

use crate::failure::Failure;
use crate::query::query;

type Columns = <<EventRow as Selectable<Pg>>::SelectExpression as Expression>::SqlType;
type Placed = (i64, EventRow);
type PlacedColumns = (BigInt, Columns);

/// At most as many commits as events are wanted: each of them has one at least.
const AFTER: &str = "\
SELECT b.last_event - b.events + 1 + e.line, e.id, e.subject, e.name, e.audience, e.at, e.data
FROM (
    SELECT number, at, events, last_event FROM batches
    WHERE last_event > GREATEST(?, (SELECT event FROM retired)) AND events > 0
    ORDER BY last_event LIMIT ?
) b
JOIN events e ON e.batch = b.number AND e.stored_at = b.at
WHERE b.last_event - b.events + 1 + e.line > ?
ORDER BY b.last_event, e.line LIMIT ?";

/// For each place that the agent may see: the commit in which it is, and the line in there. A row
/// of the audience says it for 63 places: as many rows before the position may reach behind it.
/// Another name may have the same key, so the name is looked for in the event.
const FOR_ONE: &str = "\
SELECT a.position, e.id, e.subject, e.name, e.audience, e.at, e.data
FROM (
    SELECT r.position + bit AS position
    FROM (
        SELECT position, lines FROM event_audience
        WHERE agent = ? AND position > ? ORDER BY position LIMIT ?
    ) r
    CROSS JOIN generate_series(0, 62) AS bit
    WHERE (r.lines >> bit) & 1 = 1
        AND r.position + bit > GREATEST(?, (SELECT event FROM retired))
    ORDER BY 1 LIMIT ?
) a
CROSS JOIN LATERAL (
    SELECT number, at, a.position - last_event + events - 1 AS line FROM batches
    WHERE last_event >= a.position AND events > 0 ORDER BY last_event LIMIT 1
) b
JOIN events e ON e.batch = b.number AND e.stored_at = b.at AND e.line = b.line
WHERE POSITION(? IN e.audience) > 0
ORDER BY a.position";

/// Places that one row of the audience speaks of.
const WINDOW: i64 = 63;

/// Events after a position.
pub(crate) async fn after(
    connection: &mut AsyncPgConnection,
    position: u64,
    limit: u32,
) -> Result<Vec<SealedEvent>, Failure> {
    let (position, limit) = (count(position), i64::from(limit));
    let found = query::<PlacedColumns>(AFTER);
    let found = found.number(position).number(limit).number(position).number(limit);
    sealed(found.load(connection).await?)
}

/// Events after a position that an agent may see.
pub(crate) async fn for_one(
    connection: &mut AsyncPgConnection,
    did: &Did,
    position: u64,
    limit: u32,
) -> Result<Vec<SealedEvent>, Failure> {
    let (position, limit) = (count(position), i64::from(limit));
    let found = query::<PlacedColumns>(FOR_ONE)
        .number(party_key(did.as_str()))
        .number(position.saturating_sub(WINDOW))
        .number(limit + WINDOW)
        .number(position)
        .number(limit)
        .text(format!("\"{did}\""));
    sealed(found.load(connection).await?)
}

fn sealed(rows: Vec<Placed>) -> Result<Vec<SealedEvent>, Failure> {
    rows.into_iter().map(|(position, row)| Ok(row.sealed(position)?)).collect()
}

/// The position of the last event.
pub(crate) async fn head(connection: &mut AsyncPgConnection) -> Result<u64, Failure> {
    let head: i64 = query::<BigInt>("SELECT event FROM chain").get_result(connection).await?;
    Ok(marketplace_store_rows::from_count(head))
}
