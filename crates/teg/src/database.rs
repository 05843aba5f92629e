//! Opens the node's database: its place, its lock, its pragmas, its migrations.

use std::path::{Path, PathBuf};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::OpenError;
use crate::lock::FileLock;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/teg-sqlite");
const IN_MEMORY: &str = ":memory:";

/// Where the books are.
#[derive(Debug)]
pub(crate) enum Place {
    /// Gone when the node is dropped.
    Memory,
    /// Locked as long as this lives.
    File { path: String, _lock: FileLock },
}

impl Place {
    /// Makes the folder if need be and locks the file.
    pub(crate) fn file(path: &Path) -> Result<Self, OpenError> {
        let io = |source| OpenError::Io { path: path.display().to_string(), source };
        let absolute = std::path::absolute(path).map_err(io)?;
        if let Some(folder) = absolute.parent() {
            std::fs::create_dir_all(folder).map_err(io)?;
        }
        // Two names of one file must meet at one lock.
        let resolved = resolve(&absolute).map_err(io)?;
        let text = resolved.to_str().ok_or(OpenError::Path)?.to_owned();
        Ok(Self::File { path: text, _lock: FileLock::acquire(&resolved)? })
    }

    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Memory => IN_MEMORY,
            Self::File { path, .. } => path,
        }
    }

    /// A new connection, set up. In memory this is an empty database.
    pub(crate) fn connect(&self) -> Result<SqliteConnection, OpenError> {
        let failed = |reason: String| OpenError::Database { path: self.name().to_owned(), reason };
        let mut connection =
            SqliteConnection::establish(self.name()).map_err(|error| failed(error.to_string()))?;
        self.set_up(&mut connection).map_err(|error| failed(error.to_string()))?;
        Ok(connection)
    }

    pub(crate) fn migrate(&self, connection: &mut SqliteConnection) -> Result<(), OpenError> {
        connection.run_pending_migrations(MIGRATIONS).map(drop).map_err(|error| {
            OpenError::Database { path: self.name().to_owned(), reason: error.to_string() }
        })
    }

    fn set_up(&self, connection: &mut SqliteConnection) -> QueryResult<()> {
        // A backup or an operator's shell may hold the file for a moment: wait, don't fail.
        connection.batch_execute("PRAGMA busy_timeout = 5000")?;
        if let Self::File { .. } = self {
            let mode: JournalMode =
                diesel::sql_query("PRAGMA journal_mode = WAL").get_result(connection)?;
            if mode.journal_mode != "wal" {
                let reason = format!("this file system has no WAL, only {}", mode.journal_mode);
                return Err(diesel::result::Error::QueryBuilderError(reason.into()));
            }
        }
        connection.batch_execute("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON")
    }
}

/// The file behind symbolic links, or where it will be.
fn resolve(absolute: &Path) -> std::io::Result<PathBuf> {
    match (absolute.canonicalize(), absolute.parent(), absolute.file_name()) {
        (Ok(existing), ..) => Ok(existing),
        (Err(_), Some(folder), Some(name)) => Ok(folder.canonicalize()?.join(name)),
        (Err(error), ..) => Err(error),
    }
}

#[derive(QueryableByName)]
struct JournalMode {
    #[diesel(sql_type = diesel::sql_types::Text)]
    journal_mode: String,
}
