//! What is wrong with a stored row.

use std::fmt;

use marketplace_ports::StoreError;

/// A row that we did not write, or wrote wrongly.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{table} {id}: {problem}")]
pub struct RowError {
    /// In which table.
    pub table: &'static str,
    /// Which row.
    pub id: String,
    /// What cannot be read.
    pub problem: String,
}

impl RowError {
    /// Says that `id` in `table` cannot be read.
    pub fn new(table: &'static str, id: impl fmt::Display, problem: impl fmt::Display) -> Self {
        Self { table, id: id.to_string(), problem: problem.to_string() }
    }
}

impl From<RowError> for StoreError {
    fn from(error: RowError) -> Self {
        Self::Corrupt(error.to_string())
    }
}
