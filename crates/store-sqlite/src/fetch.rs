//! Rows by their keys, for the writer and for queries.

use std::collections::HashMap;
use std::sync::Arc;

use diesel::prelude::*;
use marketplace_escrow::Order;
use marketplace_store_rows::{OrderRow, tables};

use crate::failure::Failure;

/// Most keys in one statement.
pub(crate) const MOST_KEYS: usize = 500;

/// Loads rows by a text column: one by one with a statement that is compiled once, or many with
/// one that is compiled for them.
macro_rules! rows_by {
    ($connection:expr, $table:ident . $column:ident, $selection:expr, $row:ty, $keys:expr) => {{
        let keys: &[String] = $keys;
        let mut rows: Vec<$row> = Vec::with_capacity(keys.len());
        if keys.len() <= 4 {
            for key in keys {
                let query = tables::$table::table
                    .filter(tables::$table::$column.eq(key))
                    .select($selection);
                rows.extend(query.get_result::<$row>($connection).optional()?);
            }
        } else {
            for keys in keys.chunks($crate::fetch::MOST_KEYS) {
                let query = tables::$table::table
                    .filter(tables::$table::$column.eq_any(keys))
                    .select($selection);
                rows.extend(query.load::<$row>($connection)?);
            }
        }
        rows
    }};
}
pub(crate) use rows_by;

/// Turns order rows into orders. Checks that several of them share are read once.
#[derive(Default)]
pub(crate) struct OrderReader {
    checks: HashMap<Vec<u8>, Arc<str>>,
}

impl OrderReader {
    pub(crate) fn order(
        &mut self,
        connection: &mut SqliteConnection,
        row: &OrderRow,
    ) -> Result<Order, Failure> {
        let checks = match &row.checks {
            None => Arc::from(""),
            Some(sha256) => self.text(connection, sha256)?,
        };
        Ok(row.order(checks)?)
    }

    fn text(
        &mut self,
        connection: &mut SqliteConnection,
        sha256: &[u8],
    ) -> Result<Arc<str>, Failure> {
        if let Some(known) = self.checks.get(sha256) {
            return Ok(known.clone());
        }
        let body: String = tables::checks::table
            .find(sha256)
            .select(tables::checks::body)
            .get_result(connection)?;
        let body: Arc<str> = body.into();
        self.checks.insert(sha256.to_vec(), body.clone());
        Ok(body)
    }
}
