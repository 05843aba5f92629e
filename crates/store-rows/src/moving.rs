//! What goes from one SQL store to another when a market moves.

/// Rows of a table, as text that both databases can read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MovingRows {
    /// The table where they go.
    pub table: String,
    /// Their columns, in the order of the values.
    pub columns: Vec<String>,
    /// A JSON array with an array for each row. Bytes are in hexadecimal.
    pub rows: String,
    /// How many.
    pub count: u64,
}

impl MovingRows {
    /// Of rows that are JSON arrays already.
    #[must_use]
    pub fn new(table: &str, columns: &[&str], rows: &[String]) -> Self {
        Self {
            table: table.to_owned(),
            columns: columns.iter().map(|column| (*column).to_owned()).collect(),
            rows: format!("[{}]", rows.join(",")),
            count: rows.len() as u64,
        }
    }
}

/// A step of a move: rows that are written in one transaction, with the place where to go on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MovingStep {
    /// Perhaps of several tables.
    pub rows: Vec<MovingRows>,
    /// Where the next step begins; nothing when this was the last.
    pub next: Option<String>,
}

impl MovingStep {
    /// Rows in all.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.rows.iter().map(|rows| rows.count).sum()
    }
}
