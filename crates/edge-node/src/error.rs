//! Why the server does not start.

use std::net::SocketAddr;

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum EdgeError {
    /// A setting that makes no sense.
    #[error("{setting}: {reason}")]
    Setting {
        /// Its name.
        setting: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// Logging.
    #[error("logging cannot start: {0}")]
    Logs(String),
    /// The port.
    #[error("cannot listen on {address}: stop what uses it, or set TEG_LISTEN_ADDR")]
    Bind {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The books.
    #[error("the books cannot be opened")]
    Teg(#[from] marketplace_teg::OpenError),
    /// The directory.
    #[error("the directory cannot be opened")]
    Registry(#[source] marketplace_registry::OpenError),
    /// Keys for tokens.
    #[error("no keys can be made")]
    Randomness(#[from] marketplace_registry::NoRandomness),
    /// Signals.
    #[error("the system does not let us listen to signals")]
    Signals(#[source] std::io::Error),
    /// Serving.
    #[error("serving failed")]
    Serve(#[source] std::io::Error),
}

impl EdgeError {
    /// What the process exits with: 2 when only other settings help, else 1.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Setting { .. } | Self::Logs(_) => 2,
            _ => 1,
        }
    }
}
