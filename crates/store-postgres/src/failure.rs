//! What can go wrong, and what it means to whom.
//!
//! Statements of commits go over tokio-postgres itself, whose errors carry the SQLSTATE: messages
//! are in the language of the database and decide nothing.

use diesel::result::{DatabaseErrorKind, Error as DieselError};
use marketplace_ports::StoreError;
use marketplace_store_rows::RowError;
use tokio_postgres::error::{Severity, SqlState};

/// Why a store does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL cannot be read. It is not repeated here, since it may hold a password.
    #[error("the URL of the database cannot be used: {reason}")]
    Url {
        /// What is wrong with it.
        reason: String,
    },
    /// No certificates to trust.
    #[error("cannot prepare TLS: {reason}")]
    Tls {
        /// What is wrong.
        reason: String,
    },
    /// A market is being moved into it.
    #[error(
        "a market is being moved into this database and not all of it is there: let \
         marketplace-admin migrate-store finish"
    )]
    Unfinished,
    /// The database is not there, does not let us in, or is not ours.
    #[error("cannot open the database: {reason}")]
    Database {
        /// What it said.
        reason: String,
    },
}

/// Why work on a connection failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// On a connection of the commit's.
    Wire(tokio_postgres::Error),
    /// On a connection of diesel's.
    Diesel(DieselError),
    /// By what we found.
    Store(StoreError),
}

/// How many connections in a row may turn out to be gone: when the database was started again, all
/// that wait in a pool are.
pub(crate) const MOST_GONE: u32 = 20;

/// What a failed statement means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// The connection is gone: what was sent may have been done.
    Lost,
    /// Others were in the way; the same again may go.
    Again,
    /// A unique key is taken: somebody was faster, or the batch has it twice.
    Taken,
    /// The database refuses what is in the statement.
    Refused,
    /// The database cannot, now.
    Unavailable,
}

impl Failure {
    pub(crate) fn unavailable(reason: impl Into<String>) -> Self {
        Self::Store(StoreError::Unavailable(reason.into()))
    }

    pub(crate) fn meaning(&self) -> Meaning {
        match self {
            // What ends the connection may come while a COMMIT is on its way.
            Self::Wire(error) => match error.as_db_error() {
                Some(said) if said.parsed_severity() != Some(Severity::Fatal) => {
                    of_state(said.code())
                }
                _ => Meaning::Lost,
            },
            Self::Diesel(error) => of_diesel(error),
            Self::Store(StoreError::Rejected(_)) => Meaning::Refused,
            Self::Store(_) => Meaning::Unavailable,
        }
    }

    /// Whether others were in the way, and the same may go now.
    pub(crate) fn is_transient(&self) -> bool {
        self.meaning() == Meaning::Again
    }

    /// Whether the connection, not the statement, failed.
    pub(crate) fn is_lost(&self) -> bool {
        self.meaning() == Meaning::Lost
    }
}

/// By its class: SQLSTATE is made for that.
fn of_state(state: &SqlState) -> Meaning {
    match state.code() {
        // Some wire-compatible engines say so when a commit's fate is unknown.
        "40003" => Meaning::Lost,
        "23505" => Meaning::Taken,
        code => match code.get(..2).unwrap_or_default() {
            "40" => Meaning::Again,
            "22" | "23" | "54" => Meaning::Refused,
            _ => Meaning::Unavailable,
        },
    }
}

fn of_diesel(error: &DieselError) -> Meaning {
    match error {
        DieselError::DatabaseError(kind, _) => match kind {
            DatabaseErrorKind::UniqueViolation => Meaning::Taken,
            DatabaseErrorKind::ForeignKeyViolation
            | DatabaseErrorKind::NotNullViolation
            | DatabaseErrorKind::CheckViolation => Meaning::Refused,
            DatabaseErrorKind::SerializationFailure => Meaning::Again,
            DatabaseErrorKind::UnableToSendCommand | DatabaseErrorKind::ClosedConnection => {
                Meaning::Lost
            }
            _ => Meaning::Unavailable,
        },
        DieselError::SerializationError(_) | DieselError::QueryBuilderError(_) => Meaning::Refused,
        _ => Meaning::Unavailable,
    }
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Wire(error)
    }
}

impl From<DieselError> for Failure {
    fn from(error: DieselError) -> Self {
        Self::Diesel(error)
    }
}

impl From<diesel::ConnectionError> for Failure {
    fn from(error: diesel::ConnectionError) -> Self {
        Self::unavailable(error.to_string())
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
    /// As everywhere but at the end of a commit, where a lost connection means `Unknown`.
    fn from(failure: Failure) -> Self {
        match (failure.meaning(), failure) {
            (_, Failure::Store(error)) => error,
            // Asked for only where another row says that it is there; or a column of another type.
            (
                _,
                Failure::Diesel(
                    error @ (DieselError::NotFound | DieselError::DeserializationError(_)),
                ),
            ) => Self::Corrupt(error.to_string()),
            (Meaning::Refused | Meaning::Taken, failure) => Self::Rejected(failure.to_string()),
            (_, failure) => Self::Unavailable(failure.to_string()),
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Wire(error) => match error.as_db_error() {
                Some(said) => write!(f, "{} ({})", said.message(), said.code().code()),
                None => {
                    write!(f, "{error}")?;
                    let source = std::error::Error::source(error);
                    source.map_or(Ok(()), |source| write!(f, ": {source}"))
                }
            },
            Self::Diesel(error) => error.fmt(f),
            Self::Store(error) => error.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_mean_what_their_class_says() {
        let check = |state: SqlState, expect: Meaning| {
            assert_eq!(of_state(&state), expect, "{}", state.code());
        };
        check(SqlState::T_R_DEADLOCK_DETECTED, Meaning::Again);
        check(SqlState::T_R_SERIALIZATION_FAILURE, Meaning::Again);
        check(SqlState::T_R_STATEMENT_COMPLETION_UNKNOWN, Meaning::Lost);
        check(SqlState::UNIQUE_VIOLATION, Meaning::Taken);
        check(SqlState::CHECK_VIOLATION, Meaning::Refused);
        check(SqlState::UNTRANSLATABLE_CHARACTER, Meaning::Refused);
        check(SqlState::PROGRAM_LIMIT_EXCEEDED, Meaning::Refused);
        check(SqlState::ADMIN_SHUTDOWN, Meaning::Unavailable);
        check(SqlState::QUERY_CANCELED, Meaning::Unavailable);
        check(SqlState::LOCK_NOT_AVAILABLE, Meaning::Unavailable);
        check(SqlState::READ_ONLY_SQL_TRANSACTION, Meaning::Unavailable);
        check(SqlState::DISK_FULL, Meaning::Unavailable);
    }
}
