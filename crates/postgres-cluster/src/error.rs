//! Why there is no server, in words for whoever runs the tests.

use std::fmt;

/// What went wrong, with what the programs said about it.
#[derive(Debug)]
pub struct ClusterError(String);

impl ClusterError {
    pub(crate) fn new(problem: impl fmt::Display) -> Self {
        Self(problem.to_string())
    }
}

impl fmt::Display for ClusterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ClusterError {}
