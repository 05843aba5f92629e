//! Bringing a shared database to this version, and nothing else.

use marketplace_store_postgres::{Options, PostgresStore};

use crate::{BootError, SettingsError};

/// Makes or changes the tables of the database at `url`, one process at a time. What is there
/// already is left alone, so it may run again.
///
/// # Errors
/// When the URL is none of PostgreSQL's, or the database cannot be reached or changed.
pub async fn migrate(url: &str) -> Result<(), BootError> {
    if !(url.starts_with("postgres://") || url.starts_with("postgresql://")) {
        let must = "must be postgres://…; a SQLite file is brought to this version by its server";
        return Err(BootError::Settings(SettingsError::of("DATABASE_URL", must)));
    }
    // It runs beside the servers of the last version, which have theirs.
    let few = Options { writers: 2, readers: 1, ..Options::default() };
    let store = PostgresStore::open(url, few).await;
    drop(store.map_err(|error| BootError::Store(error.into()))?);
    Ok(())
}
