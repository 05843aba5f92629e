//! What can go wrong, and what it means to whom.

use diesel::result::{DatabaseErrorKind, Error};
use marketplace_ports::StoreError;
use marketplace_store_rows::RowError;

/// Why a store does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process, or another store in this one, serves the file.
    #[error(
        "{path} is in use by another server: a SQLite file has one server, which does the work of \
         the worker too. Stop the other one, or name another file in DATABASE_URL"
    )]
    InUse {
        /// The file.
        path: String,
    },
    /// A path that SQLite cannot be given.
    #[error("the path of the database must be UTF-8")]
    Path,
    /// The folder, the file, the lock beside it, or a thread.
    #[error("cannot prepare {path}")]
    Io {
        /// The file.
        path: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The file is no database of ours, or cannot be used.
    #[error("cannot open {path}: {reason}")]
    Database {
        /// The file.
        path: String,
        /// What SQLite said.
        reason: String,
    },
}

/// Why work on a connection failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// By SQLite.
    Database(Error),
    /// By what we found.
    Store(StoreError),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Database(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<RowError> for Failure {
    fn from(error: RowError) -> Self {
        Self::Store(error.into())
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Store(error) => error,
            Failure::Database(error) if is_refusal(&error) => Self::Rejected(error.to_string()),
            // Asked for only where another row says that it is there.
            Failure::Database(Error::NotFound) => Self::Corrupt("a row is missing".to_owned()),
            Failure::Database(error) => Self::Unavailable(error.to_string()),
        }
    }
}

/// Whether the database refuses what is in the statement, so that trying again is no use.
fn is_refusal(error: &Error) -> bool {
    match error {
        Error::DatabaseError(kind, info) => match kind {
            DatabaseErrorKind::UniqueViolation
            | DatabaseErrorKind::ForeignKeyViolation
            | DatabaseErrorKind::NotNullViolation
            | DatabaseErrorKind::CheckViolation => true,
            // SQLite's other refusals have no kind of their own in diesel.
            _ => ["string or blob too big", "cannot store", "datatype mismatch", "append-only"]
                .iter()
                .any(|refusal| info.message().contains(refusal)),
        },
        Error::SerializationError(_) | Error::QueryBuilderError(_) => true,
        _ => false,
    }
}
