//! Opens the database file: its place, its lock, its settings, its migrations.

use std::path::{Path, PathBuf};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::OpenError;
use crate::lock::FileLock;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");

/// Where the database is. Locked as long as this lives.
#[derive(Debug)]
pub(crate) struct Place {
    path: String,
    _lock: FileLock,
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The one that writes.
    Write,
    /// Queries.
    Read,
    /// Moves the log into the file.
    Keep,
}

impl Place {
    /// Makes the folder and the file if need be, and locks the file.
    pub(crate) fn prepare(path: &Path) -> Result<Self, OpenError> {
        let io = |source| OpenError::Io { path: path.display().to_string(), source };
        let absolute = std::path::absolute(path).map_err(io)?;
        if let Some(folder) = absolute.parent() {
            std::fs::create_dir_all(folder).map_err(io)?;
        }
        // Two names of one file must meet at one lock.
        let resolved = resolve(&absolute).map_err(io)?;
        let text = resolved.to_str().ok_or(OpenError::Path)?.to_owned();
        let lock = FileLock::acquire(&resolved)?;
        create(&resolved).map_err(io)?;
        Ok(Self { path: text, _lock: lock })
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    pub(crate) fn failed(&self, reason: &impl ToString) -> OpenError {
        OpenError::Database { path: self.path.clone(), reason: reason.to_string() }
    }

    /// A new connection, set up for its purpose.
    pub(crate) fn connect(&self, purpose: Purpose) -> Result<SqliteConnection, OpenError> {
        let mut connection =
            SqliteConnection::establish(&self.url()).map_err(|error| self.failed(&error))?;
        set_up(&mut connection, purpose).map_err(|error| self.failed(&error))?;
        Ok(connection)
    }

    /// The file as a URL, so that no name is taken for one of SQLite's own.
    fn url(&self) -> String {
        let mut url = "file:".to_owned();
        for character in self.path.chars() {
            match character {
                '%' => url.push_str("%25"),
                '?' => url.push_str("%3f"),
                '#' => url.push_str("%23"),
                other => url.push(other),
            }
        }
        url
    }

    pub(crate) fn migrate(&self, connection: &mut SqliteConnection) -> Result<(), OpenError> {
        let done = connection.run_pending_migrations(MIGRATIONS);
        done.map(drop).map_err(|error| self.failed(&error))
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

/// The keys of our access tokens are in it: nobody but its owner may read a new file. SQLite gives
/// the files beside it the same rights.
fn create(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.create(true).truncate(false).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

fn set_up(connection: &mut SqliteConnection, purpose: Purpose) -> QueryResult<()> {
    // A backup or an operator's shell may hold the file for a moment: wait, don't fail.
    connection.batch_execute("PRAGMA busy_timeout = 5000")?;
    let mode: JournalMode =
        diesel::sql_query("PRAGMA journal_mode = WAL").get_result(connection)?;
    if mode.journal_mode != "wal" {
        let reason = format!("this file system has no WAL, only {}", mode.journal_mode);
        return Err(diesel::result::Error::QueryBuilderError(reason.into()));
    }
    connection.batch_execute("PRAGMA synchronous = FULL; PRAGMA foreign_keys = OFF")?;
    connection.batch_execute(match purpose {
        // SQLite walks through its whole page cache at most commits: a large one is slow. What is
        // not in it is in the system's. The log is moved into the file by the keeper; if that one
        // ever fails, by the writer when the log has grown to 256 MiB.
        Purpose::Write => {
            "PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY;
             PRAGMA wal_autocheckpoint = 65536; PRAGMA journal_size_limit = 134217728"
        }
        Purpose::Read => "PRAGMA cache_size = -4096; PRAGMA query_only = ON",
        Purpose::Keep => "PRAGMA cache_size = -256; PRAGMA wal_autocheckpoint = 0",
    })
}

#[derive(QueryableByName)]
struct JournalMode {
    #[diesel(sql_type = diesel::sql_types::Text)]
    journal_mode: String,
}
