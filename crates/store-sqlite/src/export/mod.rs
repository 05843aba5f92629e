//! Reads a whole store out, to move it to another kind of store. The file is locked meanwhile, so
//! that no server writes to it.
//!
//! Tables are read in the order of their keys, the history in that of its commits; each step says
//! where the next one begins.

mod history;

use std::path::Path;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use marketplace_ports::StoreError;
use marketplace_store_rows::{MovingRows, MovingStep};

use crate::OpenError;
use crate::database::{Place, Purpose};
use crate::failure::Failure;

/// The history, which is one thing in three tables.
pub const HISTORY: &str = "history";
/// Made from the history by this store, and by the other one in its own way; `retired` goes into
/// the other's books at the end.
const OURS: [&str; 8] = [
    "batches",
    "dispute_commits",
    "event_chunks",
    "event_lists",
    "events",
    "postings",
    "retired",
    "retired_digests",
];
/// Rows of a step.
const ROWS: u16 = 2_000;
/// Rows of a step where each may be large.
const LARGE_ROWS: u16 = 8;

/// A store that is being read out.
pub struct SqliteExport {
    connection: SqliteConnection,
    rows: u16,
    _place: Place,
}

/// A table to be moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportTable {
    /// Its name, or [`HISTORY`].
    pub name: String,
    /// How many rows it has.
    pub rows: u64,
}

/// Where the history ends, and up to where it is put away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExportEnds {
    /// The number of the last commit.
    pub batch: i64,
    /// The position of the last event.
    pub event: i64,
    /// The hash of the last commit.
    pub hash: [u8; 32],
    /// The last commit that is put away.
    pub retired_batch: i64,
    /// The last event that is put away.
    pub retired_event: i64,
    /// When the first and the last commit were, in microseconds.
    pub times: (i64, i64),
}

#[derive(QueryableByName)]
struct Named {
    #[diesel(sql_type = Text)]
    name: String,
}

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

#[derive(QueryableByName)]
struct Column {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    kind: String,
    /// Its place in the key, from 1; 0 when it is not in it.
    #[diesel(sql_type = BigInt)]
    key: i64,
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
    #[diesel(sql_type = Text)]
    key: String,
}

impl SqliteExport {
    /// Opens a file and locks it; brings it to the newest migration.
    ///
    /// # Errors
    /// When a server has the file, or it cannot be used.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let place = Place::prepare(path)?;
        let mut connection = place.connect(Purpose::Write)?;
        place.migrate(&mut connection)?;
        Ok(Self { connection, rows: ROWS, _place: place })
    }

    /// With steps of about so many rows.
    #[must_use]
    pub fn in_steps_of(self, rows: u16) -> Self {
        Self { rows: rows.max(1), ..self }
    }

    /// What there is to move: the history first, for everything else follows from it.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn tables(&mut self) -> Result<Vec<ExportTable>, StoreError> {
        self.read(|connection| {
            let all = "SELECT name FROM sqlite_schema WHERE type = 'table' \
                       AND name NOT LIKE 'sqlite~_%' ESCAPE '~' \
                       AND name NOT LIKE '~_~_diesel%' ESCAPE '~' ORDER BY name";
            let all: Vec<Named> = diesel::sql_query(all).load(connection)?;
            let history = count(connection, "batches")?
                + count(connection, "postings")?
                + count(connection, "events")?;
            let mut tables = vec![ExportTable { name: HISTORY.to_owned(), rows: history }];
            for Named { name } in all {
                if !OURS.contains(&name.as_str()) {
                    let rows = count(connection, &name)?;
                    tables.push(ExportTable { name, rows });
                }
            }
            Ok(tables)
        })
    }

    /// The next rows of a table after a place.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn step(&mut self, table: &str, after: Option<&str>) -> Result<MovingStep, StoreError> {
        let rows = self.rows;
        if table == HISTORY {
            return self.read(|connection| history::step(connection, after, rows.into()));
        }
        self.read(|connection| {
            let columns = columns(connection, table)?;
            let large =
                columns.iter().any(|column| column.kind == "BLOB" && column.name == "bytes");
            let limit = i64::from(if large { rows.min(LARGE_ROWS) } else { rows });
            let select = select(table, &columns, after.is_some());
            let lines: Vec<Line> = match after {
                Some(after) => diesel::sql_query(select)
                    .bind::<Text, _>(after)
                    .bind::<BigInt, _>(limit)
                    .load(connection)?,
                None => diesel::sql_query(select).bind::<BigInt, _>(limit).load(connection)?,
            };
            let is_last = lines.len() < usize::try_from(limit).unwrap_or(usize::MAX);
            let next = lines.last().filter(|_| !is_last).map(|line| line.key.clone());
            let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
            let lines: Vec<String> = lines.into_iter().map(|line| line.line).collect();
            Ok(MovingStep { rows: vec![MovingRows::new(table, &names, &lines)], next })
        })
    }

    /// Where everything ends.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn ends(&mut self) -> Result<ExportEnds, StoreError> {
        self.read(history::ends)
    }

    /// Who this store is: the name of its first commit, which no other has.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn identity(&mut self) -> Result<String, StoreError> {
        self.read(|connection| {
            let first = "SELECT id AS name FROM batches ORDER BY position LIMIT 1";
            let first: Option<Named> =
                diesel::sql_query(first).get_result(connection).optional()?;
            Ok(first.map_or_else(|| "nothing was committed".to_owned(), |first| first.name))
        })
    }

    fn read<T>(
        &mut self,
        work: impl FnOnce(&mut SqliteConnection) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        work(&mut self.connection).map_err(StoreError::from)
    }
}

fn count(connection: &mut SqliteConnection, table: &str) -> Result<u64, Failure> {
    let count = format!("SELECT COUNT(*) AS count FROM {table}");
    let Counted { count } = diesel::sql_query(count).get_result(connection)?;
    Ok(u64::try_from(count).unwrap_or(0))
}

fn columns(connection: &mut SqliteConnection, table: &str) -> Result<Vec<Column>, Failure> {
    let columns = "SELECT name, type AS kind, pk AS key FROM pragma_table_info(?)";
    Ok(diesel::sql_query(columns).bind::<Text, _>(table).load(connection)?)
}

/// Rows as JSON arrays in the order of the key, each with its key as another.
fn select(table: &str, columns: &[Column], goes_on: bool) -> String {
    let as_json = |column: &Column| match column.kind.as_str() {
        "BLOB" => format!("iif({0} IS NULL, NULL, hex({0}))", column.name),
        _ => column.name.clone(),
    };
    let mut key: Vec<&Column> = columns.iter().filter(|column| column.key > 0).collect();
    key.sort_by_key(|column| column.key);
    let list = |parts: Vec<String>| parts.join(", ");
    let names = list(key.iter().map(|column| column.name.clone()).collect());
    let after = |(place, column): (usize, &&Column)| match column.kind.as_str() {
        "BLOB" => format!("unhex(json_extract(?1, '$[{place}]'))"),
        _ => format!("json_extract(?1, '$[{place}]')"),
    };
    let (place, limit) = if goes_on {
        let after = list(key.iter().enumerate().map(after).collect());
        (format!("WHERE ({names}) > ({after})"), "?2")
    } else {
        (String::new(), "?1")
    };
    format!(
        "SELECT json_array({}) AS line, json_array({}) AS key FROM {table} {place} \
         ORDER BY {names} LIMIT {limit}",
        list(columns.iter().map(as_json).collect()),
        list(key.iter().map(|column| as_json(column)).collect()),
    )
}
