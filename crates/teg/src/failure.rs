//! Why a file does not open, and how one request fails inside the node.

use marketplace_money::Did;
use marketplace_ports::TegError;

/// Why the node's file was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process, or another node in this one, serves the file.
    #[error("{path} is in use by another server: stop that one, or name another file")]
    InUse {
        /// The file.
        path: String,
    },
    /// The file belongs to another marketplace.
    #[error(
        "{path} is the TEG of {owner}, not of {asked}: set AGENT_DID back, or name another file"
    )]
    OtherOwner {
        /// The file.
        path: String,
        /// Whose it is.
        owner: String,
        /// Who asked.
        asked: Did,
    },
    /// A path that SQLite cannot be given.
    #[error("the path of the TEG's file must be UTF-8")]
    Path,
    /// A setting that makes no sense.
    #[error("{0} must not be below zero")]
    Negative(&'static str),
    /// The folder or the lock beside the file.
    #[error("cannot prepare {path}")]
    Io {
        /// The file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file itself.
    #[error("cannot open {path} as the TEG's database: {reason}")]
    Database {
        /// The file.
        path: String,
        /// What SQLite said.
        reason: String,
    },
}

/// How one request ends when it does not succeed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The rules say no; told to the caller.
    Refused { code: &'static str, reason: String },
    /// The database could not do it; the whole batch is in doubt.
    Database(diesel::result::Error),
}

impl Failure {
    pub(crate) fn refused(code: &'static str, reason: impl Into<String>) -> Self {
        Self::Refused { code, reason: reason.into() }
    }

    pub(crate) fn mismatch() -> Self {
        Self::refused(
            TegError::IDEMPOTENCY_MISMATCH,
            "this key was used before, for something else",
        )
    }
}

impl From<diesel::result::Error> for Failure {
    fn from(error: diesel::result::Error) -> Self {
        Self::Database(error)
    }
}
