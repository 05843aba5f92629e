//! Where the events of each agent are.
//!
//! An index that grew with each event would change pages all over the file in every commit. So the
//! keeper makes lists of whole chunks of the log in the background, and the writer puts them into
//! the file between two commits, a few rows at a time. What is not in lists yet is read through.

use std::collections::{BTreeMap, VecDeque};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};
use marketplace_money::Did;
use marketplace_ports::SealedEvent;
use marketplace_store_rows::{EventRow, count, tables};

use crate::failure::Failure;
use crate::retire::Retired;

/// Events in a chunk. Their offsets fit two bytes.
const CHUNK: i64 = 16_384;
/// Rows that the writer puts into the file at once: a few milliseconds.
const ROWS_AT_ONCE: usize = 1_000;
/// Lists that a reader reads at once.
const LISTS_AT_ONCE: i64 = 16;

/// Lists on their way into the file.
#[derive(Debug)]
pub(crate) struct Piece {
    until: i64,
    lists: Vec<(String, Vec<u8>)>,
    /// With it the chunk is whole.
    is_last: bool,
}

#[derive(QueryableByName)]
struct Until {
    #[diesel(sql_type = Nullable<BigInt>)]
    until: Option<i64>,
}

#[derive(QueryableByName)]
struct Seen {
    #[diesel(sql_type = BigInt)]
    position: i64,
    #[diesel(sql_type = Text)]
    audience: String,
}

#[derive(QueryableByName)]
struct List {
    #[diesel(sql_type = BigInt)]
    until: i64,
    #[diesel(sql_type = Binary)]
    offsets: Vec<u8>,
}

#[derive(QueryableByName)]
struct Place {
    #[diesel(sql_type = BigInt)]
    position: i64,
}

/// Up to where everything is in lists.
fn listed(connection: &mut SqliteConnection) -> QueryResult<i64> {
    let last = diesel::sql_query("SELECT MAX(until) AS until FROM event_chunks");
    Ok(last.get_result::<Until>(connection)?.until.unwrap_or(0))
}

/// The lists of the next whole chunk, in pieces; none while there is no whole one.
pub(crate) fn next_chunk(connection: &mut SqliteConnection) -> QueryResult<VecDeque<Piece>> {
    let begin = listed(connection)?;
    let until = begin + CHUNK;
    let last = diesel::sql_query("SELECT MAX(position) AS until FROM events");
    if last.get_result::<Until>(connection)?.until.unwrap_or(0) < until {
        return Ok(VecDeque::new());
    }
    let events: Vec<Seen> = diesel::sql_query(
        "SELECT position, audience FROM events WHERE position > ? AND position <= ?",
    )
    .bind::<BigInt, _>(begin)
    .bind::<BigInt, _>(until)
    .load(connection)?;
    let mut lists: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for event in events {
        let Ok(offset) = u16::try_from(event.position - begin - 1) else { continue };
        // A list of names in JSON, none of which has a quote in it.
        for name in event.audience.split('"').skip(1).step_by(2) {
            lists.entry(name.to_owned()).or_default().extend(offset.to_be_bytes());
        }
    }
    let mut pieces = VecDeque::new();
    let mut lists = lists.into_iter();
    loop {
        let some: Vec<_> = lists.by_ref().take(ROWS_AT_ONCE).collect();
        let is_last = some.len() < ROWS_AT_ONCE;
        pieces.push_back(Piece { until, lists: some, is_last });
        if is_last {
            return Ok(pieces);
        }
    }
}

/// Takes away the lists of chunks that are put away as a whole.
pub(crate) fn forget(connection: &mut SqliteConnection, from: i64, until: i64) -> QueryResult<()> {
    // There is one more such chunk: only then are all lists looked through.
    if from / CHUNK < until / CHUNK {
        diesel::sql_query("DELETE FROM event_lists WHERE until <= ?")
            .bind::<BigInt, _>(until)
            .execute(connection)?;
    }
    Ok(())
}

/// Puts a piece into the file; again after a crash, should its chunk not be whole.
pub(crate) fn write(connection: &mut SqliteConnection, piece: &Piece) -> QueryResult<()> {
    connection.batch_execute("BEGIN IMMEDIATE")?;
    let written = write_rows(connection, piece);
    connection.batch_execute(if written.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
    written
}

fn write_rows(connection: &mut SqliteConnection, piece: &Piece) -> QueryResult<()> {
    for (did, offsets) in &piece.lists {
        diesel::sql_query(
            "INSERT OR REPLACE INTO event_lists (did, until, offsets) VALUES (?, ?, ?)",
        )
        .bind::<Text, _>(did)
        .bind::<BigInt, _>(piece.until)
        .bind::<Binary, _>(offsets)
        .execute(connection)?;
    }
    if piece.is_last {
        diesel::sql_query("INSERT OR REPLACE INTO event_chunks (until) VALUES (?)")
            .bind::<BigInt, _>(piece.until)
            .execute(connection)?;
    }
    Ok(())
}

/// Events after a position that an agent may see.
pub(crate) fn events_for(
    connection: &mut SqliteConnection,
    did: &Did,
    position: u64,
    limit: u32,
) -> Result<Vec<SealedEvent>, Failure> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    // Lists still name what is put away.
    let after = count(position).max(Retired::read(connection)?.event);
    let listed = listed(connection)?;
    let mut places = listed_places(connection, did, after, listed, limit)?;
    if places.len() < limit {
        let rest = i64::try_from(limit - places.len()).unwrap_or(i64::MAX);
        places.extend(late_places(connection, did, after.max(listed), rest)?);
    }
    let mut found = Vec::with_capacity(places.len());
    for some in places.chunks(crate::fetch::MOST_KEYS) {
        use tables::events::dsl;
        let rows: Vec<(i64, EventRow)> = dsl::events
            .filter(dsl::position.eq_any(some))
            .order(dsl::position)
            .select((dsl::position, EventRow::as_select()))
            .load(connection)?;
        for (position, row) in rows {
            found.push(row.sealed(position)?);
        }
    }
    Ok(found)
}

/// By the lists.
fn listed_places(
    connection: &mut SqliteConnection,
    did: &Did,
    after: i64,
    listed: i64,
    limit: usize,
) -> Result<Vec<i64>, Failure> {
    let (mut places, mut begin) = (Vec::new(), after);
    while places.len() < limit && begin < listed {
        let lists: Vec<List> = diesel::sql_query(
            "SELECT until, offsets FROM event_lists
             WHERE did = ? AND until > ? AND until <= ? ORDER BY until LIMIT ?",
        )
        .bind::<Text, _>(did.as_str())
        .bind::<BigInt, _>(begin)
        .bind::<BigInt, _>(listed)
        .bind::<BigInt, _>(LISTS_AT_ONCE)
        .load(connection)?;
        let Some(last) = lists.last() else { break };
        begin = last.until;
        for list in &lists {
            let first = list.until - CHUNK + 1;
            let (offsets, _) = list.offsets.as_chunks::<2>();
            let of_list = offsets.iter().map(|bytes| first + i64::from(u16::from_be_bytes(*bytes)));
            places.extend(of_list.filter(|position| *position > after));
        }
    }
    places.truncate(limit);
    Ok(places)
}

/// Of what is in no list yet, read through.
fn late_places(
    connection: &mut SqliteConnection,
    did: &Did,
    after: i64,
    limit: i64,
) -> Result<Vec<i64>, Failure> {
    let places: Vec<Place> = diesel::sql_query(
        "SELECT position FROM events WHERE position > ? AND instr(audience, ?) > 0
         ORDER BY position LIMIT ?",
    )
    .bind::<BigInt, _>(after)
    // No name has a quote in it: with both, it is the whole name.
    .bind::<Text, _>(format!("\"{did}\""))
    .bind::<BigInt, _>(limit)
    .load(connection)?;
    Ok(places.into_iter().map(|place| place.position).collect())
}

#[cfg(test)]
mod tests {
    use crate::database::{Place, Purpose};

    use super::*;

    /// Events of three agents in turn, some of two, after those that are there.
    fn fill(connection: &mut SqliteConnection, count: i64) {
        let statement = format!(
            "INSERT INTO events (id, subject, name, audience, at, data, batch)
             SELECT '0197f3a2-7c1e-7aaa-8b1b-' || printf('%012x', value),
                 'order:0197f3a2-7c1e-7aaa-8b1b-000000000001', 'order.placed',
                 CASE value % 3 WHEN 0 THEN '[\"did:a\",\"did:b\"]' WHEN 1 THEN '[\"did:b\"]'
                     ELSE '[\"did:a:b\"]' END, 1, '{{}}', 1
             FROM (WITH RECURSIVE n(value) AS
                 (SELECT 0 UNION ALL SELECT value + 1 FROM n WHERE value + 1 < {count})
                 SELECT value FROM n)"
        );
        connection.batch_execute(&statement).unwrap();
    }

    fn all_of(connection: &mut SqliteConnection, did: &str, after: u64, limit: u32) -> Vec<u64> {
        let events = events_for(connection, &did.parse().unwrap(), after, limit).unwrap();
        events.iter().map(|event| event.position).collect()
    }

    #[test]
    fn with_lists_the_answers_are_what_they_were_without() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::prepare(&folder.path().join("lists.db")).unwrap();
        let mut writer = place.connect(Purpose::Write).unwrap();
        place.migrate(&mut writer).unwrap();
        assert!(next_chunk(&mut writer).unwrap().is_empty());
        fill(&mut writer, 3 * CHUNK + 100);
        let middle = u64::try_from(CHUNK).unwrap();
        let questions = [
            ("did:a", 0, 100_000),
            ("did:b", 0, 7),
            ("did:a:b", middle - 5, 20),
            ("did:b", middle, 100_000),
            ("did:a", 3 * middle - 2, 100_000),
            ("did:a", 4 * middle, 5),
            ("did:stranger", 0, 5),
        ];
        let answers = |connection: &mut SqliteConnection| {
            questions.map(|(did, after, limit)| all_of(connection, did, after, limit))
        };
        let expect = answers(&mut writer);
        assert!(expect[0].len() > 16_000 && expect[1] == [1, 2, 4, 5, 7, 8, 10]);
        for chunk in 1..=3 {
            let pieces = next_chunk(&mut writer).unwrap();
            for piece in &pieces {
                write(&mut writer, piece).unwrap();
            }
            assert_eq!(listed(&mut writer).unwrap(), chunk * CHUNK);
            assert_eq!(answers(&mut writer), expect, "after {chunk} chunks");
        }
        assert!(next_chunk(&mut writer).unwrap().is_empty());
    }

    #[test]
    fn a_chunk_counts_when_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::prepare(&folder.path().join("lists.db")).unwrap();
        let mut writer = place.connect(Purpose::Write).unwrap();
        place.migrate(&mut writer).unwrap();
        fill(&mut writer, CHUNK);
        let expect = all_of(&mut writer, "did:a", 0, 100_000);
        let mut pieces = next_chunk(&mut writer).unwrap();
        let piece = pieces.front_mut().unwrap();
        (piece.is_last, piece.lists[0].1) = (false, Vec::new());
        write(&mut writer, piece).unwrap();
        assert_eq!(all_of(&mut writer, "did:a", 0, 100_000), expect);
        for piece in next_chunk(&mut writer).unwrap() {
            write(&mut writer, &piece).unwrap();
        }
        assert_eq!(all_of(&mut writer, "did:a", 0, 100_000), expect);
    }
}
