//! How many connections to PostgreSQL a process may keep.

use marketplace_store_postgres::Options;

use super::problem::Problems;
use super::{Settings, given};

/// One more loads while the others commit, and one seals.
const BESIDE_COMMITS: usize = 2;
/// A query that takes long must not stop all others.
const FEWEST_READERS: usize = 2;
const MOST: usize = 200;

impl Settings {
    /// Connections for commits and for everything else; a third is for commits, but as many as
    /// commits need that are on their way at the same time.
    pub(super) fn connections(&self, commits: usize, problems: &mut Problems) -> (usize, usize) {
        let needed = commits + BESIDE_COMMITS;
        let defaults = Options::default();
        let otherwise = (defaults.writers.max(needed), defaults.readers);
        let Some(text) = given(self.database_connections.as_ref()) else { return otherwise };
        let fewest = needed + FEWEST_READERS;
        match text.parse::<usize>() {
            Ok(number) if (fewest..=MOST).contains(&number) => {
                let writers = needed.max(number / 3);
                (writers, number - writers)
            }
            _ => {
                let must = format!(
                    "must be a whole number from {fewest} (COMMITS_IN_FLIGHT + 4) to {MOST}"
                );
                problems.add("DATABASE_CONNECTIONS", must);
                otherwise
            }
        }
    }
}
