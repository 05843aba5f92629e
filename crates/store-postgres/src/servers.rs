//! What servers share beside the market: signs of life, downtime, keys, notes.

use diesel::dsl::max;
use diesel::sql_types::{BigInt, Nullable};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use marketplace_money::{Gap, Gaps, Seconds, Timestamp};
use marketplace_store_rows::{bytes32, id_text, tables};
use uuid::Uuid;

use crate::clock::{CLOCK, StoreClock};
use crate::failure::Failure;
use crate::query::query;

/// A silence from this length up is downtime.
const SHORTEST_GAP: Seconds = Seconds(30);
/// A server that was not heard of for so long is forgotten: each start is a new one.
const FORGOTTEN_AFTER: Seconds = Seconds::from_hours(24);

/// One statement on one snapshot: of servers that come back at the same moment each sees the same
/// silence, and the first of them writes it down.
const HEARTBEAT: &str = "\
WITH beat AS (SELECT ?::bigint AS at, ?::text AS id),
last AS (SELECT MAX(at) AS at FROM servers),
gap AS (
    INSERT INTO gaps (from_at, until_at)
    SELECT last.at, beat.at FROM last, beat WHERE beat.at - last.at >= ?
    ON CONFLICT (from_at) DO NOTHING
),
old AS (
    DELETE FROM servers USING beat WHERE servers.at < beat.at - ? AND servers.id <> beat.id
)
INSERT INTO servers (id, at) SELECT beat.id, beat.at FROM beat
ON CONFLICT (id) DO UPDATE SET at = GREATEST(servers.at, excluded.at)";

/// The store's clock.
pub(crate) async fn now(
    connection: &mut AsyncPgConnection,
    clock: &StoreClock,
) -> Result<Timestamp, Failure> {
    let read = query::<(BigInt, Nullable<BigInt>)>(CLOCK);
    let (database, latest): (i64, Option<i64>) = read.get_result(connection).await?;
    Ok(clock.tell(database, latest))
}

/// A server's sign of life.
pub(crate) async fn heartbeat(
    connection: &mut AsyncPgConnection,
    server: Uuid,
    now: Timestamp,
) -> Result<(), Failure> {
    let beat = query::<()>(HEARTBEAT).number(now.micros()).text(id_text(server));
    let beat = beat.number(SHORTEST_GAP.micros()).number(FORGOTTEN_AFTER.micros());
    beat.execute(connection).await?;
    Ok(())
}

/// The last sign of life of any server.
pub(crate) async fn last_heartbeat(
    connection: &mut AsyncPgConnection,
) -> Result<Option<Timestamp>, Failure> {
    use tables::servers::dsl;
    let last: Option<i64> = dsl::servers.select(max(dsl::at)).get_result(connection).await?;
    Ok(last.map(Timestamp::from_micros))
}

/// Our downtime.
pub(crate) async fn gaps(connection: &mut AsyncPgConnection) -> Result<Gaps, Failure> {
    let rows: Vec<(i64, i64)> = tables::gaps::table.load(connection).await?;
    let gap = |(from, until)| Gap {
        from: Timestamp::from_micros(from),
        until: Timestamp::from_micros(until),
    };
    Ok(Gaps::new(rows.into_iter().map(gap).collect()))
}

/// The first key ever given under a name.
pub(crate) async fn secret(
    connection: &mut AsyncPgConnection,
    name: &str,
    fresh: [u8; 32],
) -> Result<[u8; 32], Failure> {
    use tables::secrets::dsl;
    if let Some(known) = find_secret(connection, name).await? {
        return Ok(known);
    }
    diesel::insert_into(dsl::secrets)
        .values((dsl::name.eq(name), dsl::value.eq(&fresh[..])))
        .on_conflict_do_nothing()
        .execute(connection)
        .await?;
    // Ours, or that of whoever was faster.
    Ok(find_secret(connection, name).await?.unwrap_or(fresh))
}

async fn find_secret(
    connection: &mut AsyncPgConnection,
    name: &str,
) -> Result<Option<[u8; 32]>, Failure> {
    use tables::secrets::dsl;
    let query = dsl::secrets.find(name).select(dsl::value);
    let known: Option<Vec<u8>> = query.get_result(connection).await.optional()?;
    Ok(known.map(|known| bytes32("secrets", name, &known)).transpose()?)
}

/// The text under a name.
pub(crate) async fn note(
    connection: &mut AsyncPgConnection,
    name: &str,
) -> Result<Option<String>, Failure> {
    use tables::notes::dsl;
    let query = dsl::notes.find(name).select(dsl::value);
    Ok(query.get_result(connection).await.optional()?)
}

/// Remembers a text under a name.
pub(crate) async fn set_note(
    connection: &mut AsyncPgConnection,
    name: &str,
    value: &str,
) -> Result<(), Failure> {
    use tables::notes::dsl;
    diesel::insert_into(dsl::notes)
        .values((dsl::name.eq(name), dsl::value.eq(value)))
        .on_conflict(dsl::name)
        .do_update()
        .set(dsl::value.eq(value))
        .execute(connection)
        .await?;
    Ok(())
}
