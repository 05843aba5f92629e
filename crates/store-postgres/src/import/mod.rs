//! Takes over a market from a store of another kind.
//!
//! What is written down in the target's table `unfinished_import`, in the transaction of the rows
//! themselves: how far each table is. So a move that was killed goes on where it was; and as long as
//! the table is there, no server opens the database.

mod table;

use std::collections::HashMap;

use marketplace_ports::{Audit, StoreError};
use marketplace_store_rows::{MovingRows, MovingStep};
use tokio_postgres::Client;

use crate::address::Address;
use crate::clock::StoreClock;
use crate::connect::Connector;
use crate::failure::{Failure, OpenError};
use crate::{audit, months, only_postgres, servers};

const MARKS: &str = "unfinished_import";
/// The row of the mark table that names the source.
const SOURCE: &str = "";
/// Nobody waits for us, and large tables take their time.
const SETTINGS: &str = "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0";

/// Whether a move into a database was begun and not finished.
pub(crate) async fn is_unfinished(client: &Client) -> Result<bool, Failure> {
    let row = client.query_one("SELECT to_regclass($1) IS NOT NULL", &[&MARKS]).await?;
    Ok(row.get(0))
}

/// A database that takes over a market.
#[derive(Debug)]
pub struct PostgresImport {
    connector: Connector,
    client: Client,
    known: HashMap<String, table::Known>,
}

/// Where the history of the source ends.
#[derive(Clone, Copy, Debug)]
pub struct ImportEnds {
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
}

fn refused(reason: impl Into<String>) -> OpenError {
    OpenError::Database { reason: reason.into() }
}

fn opening(failure: Failure) -> OpenError {
    refused(StoreError::from(failure).to_string())
}

impl PostgresImport {
    /// Opens an empty database, or one into which the move of the same source was begun.
    ///
    /// # Errors
    /// When there is something else in it, somebody else moves into it, or it cannot be used.
    pub async fn open(url: &str, source: &str) -> Result<Self, OpenError> {
        let connector = Connector::new(url.parse::<Address>()?)?;
        let client = connector.session().await.map_err(opening)?;
        crate::migrate::run(&client).await?;
        let import = Self { connector, client, known: HashMap::new() };
        import.client.batch_execute(SETTINGS).await.map_err(|error| opening(error.into()))?;
        import.begin(source).await.map_err(opening)?.map_or(Ok(import), |why| Err(refused(why)))
    }

    /// Says why it cannot begin, if it cannot.
    async fn begin(&self, source: &str) -> Result<Option<String>, Failure> {
        if !only_postgres::move_alone(&self.client).await? {
            return Ok(Some("another process moves a market into it".to_owned()));
        }
        if is_unfinished(&self.client).await? {
            let known = self.mark(SOURCE).await?.and_then(|mark| mark.cursor);
            let is_same = known.as_deref() == Some(source);
            let other = "another market is being moved into it: drop the database, or finish that";
            return Ok((!is_same).then(|| other.to_owned()));
        }
        let used = "SELECT EXISTS (SELECT FROM batches) OR EXISTS (SELECT FROM secrets)
                    OR EXISTS (SELECT FROM servers) OR EXISTS (SELECT FROM notes)";
        if self.client.query_one(used, &[]).await?.get(0) {
            return Ok(Some("it is not empty: a server has been on it".to_owned()));
        }
        let make = format!(
            "BEGIN; CREATE TABLE {MARKS} (name TEXT COLLATE \"C\" NOT NULL PRIMARY KEY, \
             cursor TEXT, done BOOLEAN NOT NULL, rows BIGINT NOT NULL); DELETE FROM counters;"
        );
        self.client.batch_execute(&make).await?;
        let insert = format!("INSERT INTO {MARKS} VALUES ($1, $2, FALSE, 0)");
        self.client.execute(&insert, &[&SOURCE, &source]).await?;
        self.client.batch_execute("COMMIT").await?;
        Ok(None)
    }

    async fn mark(&self, name: &str) -> Result<Option<Mark>, Failure> {
        let select = format!("SELECT cursor, done, rows FROM {MARKS} WHERE name = $1");
        let row = self.client.query_opt(&select, &[&name]).await?;
        Ok(row.map(|row| Mark {
            cursor: row.get(0),
            done: row.get(1),
            rows: u64::try_from(row.get::<_, i64>(2)).unwrap_or(0),
        }))
    }

    /// How far a table is.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn progress(&self, table: &str) -> Result<Mark, StoreError> {
        Ok(self.mark(table).await?.unwrap_or_default())
    }

    /// Makes the months in which the history lies, before any of it is there.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn make_months(&self, instants: &[i64]) -> Result<(), StoreError> {
        let mut connection = self.connector.diesel().await?;
        for micros in instants {
            let at = marketplace_money::Timestamp::from_micros(*micros);
            months::make_ahead(&mut connection, at).await?;
        }
        Ok(())
    }

    /// Writes a step of a table, and how far the table is then, in one transaction.
    ///
    /// # Errors
    /// When the database refuses it.
    pub async fn write(&mut self, table: &str, step: &MovingStep) -> Result<(), StoreError> {
        for rows in &step.rows {
            self.know(&rows.table).await?;
        }
        self.client.batch_execute("BEGIN").await.map_err(Failure::from)?;
        let written = self.write_all(table, step).await;
        let end = if written.is_ok() { "COMMIT" } else { "ROLLBACK" };
        let ended = self.client.batch_execute(end).await;
        written?;
        Ok(ended.map_err(Failure::from)?)
    }

    async fn write_all(&self, table: &str, step: &MovingStep) -> Result<(), Failure> {
        for rows in &step.rows {
            let known = self.known.get(&rows.table).ok_or_else(|| unknown(&rows.table))?;
            self.client.execute(&known.insert(rows)?, &[&rows.rows]).await?;
            if rows.table == "events" {
                self.client.execute(&table::Known::audience(), &[&rows.rows]).await?;
            }
        }
        let mark = format!(
            "INSERT INTO {MARKS} VALUES ($1, $2, $3, $4) ON CONFLICT (name) DO UPDATE \
             SET cursor = excluded.cursor, done = excluded.done, \
             rows = {MARKS}.rows + excluded.rows"
        );
        let rows = i64::try_from(step.count()).unwrap_or(i64::MAX);
        self.client.execute(&mark, &[&table, &step.next, &step.next.is_none(), &rows]).await?;
        Ok(())
    }

    async fn know(&mut self, table: &str) -> Result<(), Failure> {
        if !self.known.contains_key(table) {
            let known = table::Known::read(&self.client, table).await?;
            self.known.insert(table.to_owned(), known);
        }
        Ok(())
    }

    /// What this store keeps beside the rows: lists of what is open, the end of the chain, the
    /// number of the next commit.
    ///
    /// # Errors
    /// When the database refuses it.
    pub async fn complete(&mut self, ends: ImportEnds) -> Result<(), StoreError> {
        self.know("orders_not_completed").await?;
        let known = self.known.get("orders_not_completed");
        let open = known.ok_or_else(|| unknown("orders_not_completed"))?.open_orders();
        let ImportEnds { batch, event, hash, retired_batch, retired_event } = ends;
        let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        // Again from the beginning, should an earlier attempt have come so far.
        let complete = format!(
            "BEGIN; DELETE FROM orders_not_completed; DELETE FROM payouts; {open}; \
             INSERT INTO payouts SELECT account FROM balances WHERE amount >= payout_at; \
             UPDATE chain SET position = {batch}, event = {event}, hash = decode('{hash}', 'hex'); \
             UPDATE retired SET position = {retired_batch}, event = {retired_event}, \
               at = COALESCE((SELECT at FROM batches WHERE position = {retired_batch}), 0); \
             SELECT setval('batch_numbers', {next}, FALSE); COMMIT; ANALYZE",
            next = batch + 1,
        );
        Ok(self.client.batch_execute(&complete).await.map_err(Failure::from)?)
    }

    /// How many of these rows are here, as they are.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn matching(&mut self, rows: &MovingRows) -> Result<u64, StoreError> {
        self.know(&rows.table).await?;
        let known = self.known.get(&rows.table).ok_or_else(|| unknown(&rows.table))?;
        let count = self.client.query_one(&known.matching(rows)?, &[&rows.rows]).await;
        let count: i64 = count.map_err(Failure::from)?.get(0);
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// How many rows a table has.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn count(&self, table: &str) -> Result<u64, StoreError> {
        let count = format!("SELECT count(*) FROM {table}");
        let count: i64 = self.client.query_one(&count, &[]).await.map_err(Failure::from)?.get(0);
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// Checks the invariants over everything that is here.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn audit(&self) -> Result<Audit, StoreError> {
        let mut connection = self.connector.diesel().await?;
        let clock = StoreClock::new(None);
        let now = servers::now(&mut connection, &clock).await?;
        Ok(audit::run(&mut connection, now).await?)
    }

    /// Keeps a key that lay beside the source.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn keep_secret(&self, name: &str, key: [u8; 32]) -> Result<(), StoreError> {
        let insert = "INSERT INTO secrets VALUES ($1, $2) ON CONFLICT DO NOTHING";
        self.client.execute(insert, &[&name, &&key[..]]).await.map_err(Failure::from)?;
        Ok(())
    }

    /// Keeps a text that lay beside the source.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn keep_note(&self, name: &str, text: &str) -> Result<(), StoreError> {
        let insert = "INSERT INTO notes VALUES ($1, $2) ON CONFLICT DO NOTHING";
        self.client.execute(insert, &[&name, &text]).await.map_err(Failure::from)?;
        Ok(())
    }

    /// From now on servers may open the database.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn finish(self) -> Result<(), StoreError> {
        let drop = format!("DROP TABLE {MARKS}");
        Ok(self.client.batch_execute(&drop).await.map_err(Failure::from)?)
    }
}

fn unknown(table: &str) -> Failure {
    Failure::Store(StoreError::Corrupt(format!("there is no table {table}")))
}

/// How far a table is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// Where the next step begins.
    pub cursor: Option<String>,
    /// Whether all of it is here.
    pub done: bool,
    /// Rows that are here.
    pub rows: u64,
}
