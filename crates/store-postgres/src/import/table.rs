//! The statements that write rows of another store into a table of ours.

use std::collections::BTreeMap;

use marketplace_ports::StoreError;
use marketplace_store_rows::MovingRows;
use tokio_postgres::Client;

use crate::failure::Failure;

const COLUMNS: &str = "SELECT attname::text, format_type(atttypid, atttypmod) FROM pg_attribute \
     WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped ORDER BY attnum";

/// Columns that the other store has for its own sake.
const DROPPED: [(&str, &str); 7] = [
    ("balances", "last_bought"),
    ("balances", "last_posting"),
    ("balances", "last_sold"),
    ("idempotency", "position"),
    ("nonces", "position"),
    ("orders", "bought_before"),
    ("orders", "sold_before"),
];

/// A name's short key, as `marketplace_store_rows::party_key` makes it.
macro_rules! short_key {
    ($name:literal) => {
        concat!(
            "('x' || encode(substr(sha256(convert_to(",
            $name,
            ", 'UTF8')), 1, 8), 'hex'))::bit(64)::bigint"
        )
    };
}

/// A text with its length, as it goes into the name of an answer.
macro_rules! framed {
    ($text:literal) => {
        concat!("int8send(octet_length(", $text, ")::bigint) || convert_to(", $text, ", 'UTF8')")
    };
}

/// Columns that we have for our own sake, by the others of the row.
const DERIVED: [(&str, &str, &str); 5] = [
    ("orders", "buyer_key", short_key!("buyer")),
    ("orders", "seller_key", short_key!("seller")),
    (
        "postings",
        "account_key",
        concat!("CASE WHEN balance IS NOT NULL THEN ", short_key!("account"), " END"),
    ),
    (
        "idempotency",
        "id",
        concat!(
            "sha256(",
            framed!("caller"),
            " || ",
            framed!("route"),
            " || ",
            framed!("key"),
            ")"
        ),
    ),
    (
        "nonces",
        "id",
        concat!("sha256(", framed!("signer"), " || ", framed!("value"), " || int8send(0))"),
    ),
];

/// A table of ours, as the database describes it.
#[derive(Debug)]
pub(super) struct Known {
    name: String,
    /// Types by column.
    columns: BTreeMap<String, String>,
}

impl Known {
    pub(super) async fn read(client: &Client, name: &str) -> Result<Self, Failure> {
        let rows = client.query(COLUMNS, &[&name]).await?;
        if rows.is_empty() {
            return Err(super::unknown(name));
        }
        let columns = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        Ok(Self { name: name.to_owned(), columns })
    }

    /// The columns that both stores have, as a table of values.
    fn values(&self, rows: &MovingRows) -> Result<(Vec<String>, String), Failure> {
        let (mut names, mut values) = (Vec::new(), Vec::new());
        for (place, column) in rows.columns.iter().enumerate() {
            let Some(kind) = self.columns.get(column) else {
                if DROPPED.contains(&(self.name.as_str(), column.as_str())) {
                    continue;
                }
                let problem = format!("nothing is said of the column {column} of {}", self.name);
                return Err(Failure::Store(StoreError::Rejected(problem)));
            };
            values.push(match kind.as_str() {
                "bytea" => format!("decode(row->>{place}, 'hex') AS \"{column}\""),
                kind => format!("(row->>{place})::{kind} AS \"{column}\""),
            });
            names.push(column.clone());
        }
        let table = format!(
            "SELECT {} FROM jsonb_array_elements($1::text::jsonb) AS rows (row)",
            values.join(", ")
        );
        Ok((names, table))
    }

    /// Writes them; takes the rows as its parameter.
    pub(super) fn insert(&self, rows: &MovingRows) -> Result<String, Failure> {
        let (names, values) = self.values(rows)?;
        let mut into: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
        let mut select = into.clone();
        for (table, column, expression) in DERIVED {
            if table == self.name {
                into.push(format!("\"{column}\""));
                select.push(expression.to_owned());
            }
        }
        Ok(format!(
            "INSERT INTO {} ({}) SELECT {} FROM ({values}) AS moved",
            self.name,
            into.join(", "),
            select.join(", ")
        ))
    }

    /// Counts those that are here with the same values.
    pub(super) fn matching(&self, rows: &MovingRows) -> Result<String, Failure> {
        let (names, values) = self.values(rows)?;
        let (key, rest) = names.split_first().ok_or_else(|| super::unknown(&self.name))?;
        let same =
            |name: &String| format!("AND t.\"{name}\" IS NOT DISTINCT FROM moved.\"{name}\"");
        let rest: Vec<String> = rest.iter().map(same).collect();
        Ok(format!(
            "SELECT count(*) FROM ({values}) AS moved JOIN {} t ON t.\"{key}\" = moved.\"{key}\" {}",
            self.name,
            rest.join(" ")
        ))
    }

    /// Of the audience, from rows of events: who may see which position. The commits are there.
    pub(super) fn audience() -> String {
        format!(
            "INSERT INTO event_audience (agent, position, lines) SELECT {}, position, 1 FROM \
             (SELECT DISTINCT a.name, b.last_event - b.events + 1 + (row->>1)::bigint AS position \
              FROM jsonb_array_elements($1::text::jsonb) AS rows (row) \
              JOIN batches b ON b.number = (row->>0)::bigint \
              CROSS JOIN LATERAL json_array_elements_text((row->>5)::json) AS a (name)) AS heard \
             ON CONFLICT DO NOTHING",
            short_key!("name")
        )
    }

    /// Fills the list of open orders from the orders.
    pub(super) fn open_orders(&self) -> String {
        let columns: Vec<&str> = self.columns.keys().map(String::as_str).collect();
        let columns = columns.join(", ");
        format!(
            "INSERT INTO orders_not_completed ({columns}) SELECT {columns} FROM orders \
             WHERE status <> 'COMPLETED'"
        )
    }
}
