//! Why a server did not start.

use std::net::SocketAddr;

use crate::SettingsError;

/// Why a server did not start. Nothing of it goes on running.
#[derive(Debug, thiserror::Error)]
pub enum BootError {
    /// The settings.
    #[error("the settings do not fit:\n{0}")]
    Settings(#[from] SettingsError),
    /// Logging.
    #[error("logging cannot start: {reason}")]
    Logs {
        /// What is wrong.
        reason: String,
    },
    /// The port.
    #[error("cannot listen on {address}: stop what uses it, or set {setting}")]
    Bind {
        /// Where.
        address: SocketAddr,
        /// What says so.
        setting: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// Orders and money.
    #[error("the store cannot be opened")]
    Store(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Tokens.
    #[error("the embedded TEG cannot be opened")]
    Teg(#[from] marketplace_teg::OpenError),
    /// Tokens, elsewhere.
    #[error("the TEG's client cannot be made")]
    TegClient(#[from] marketplace_teg::HttpTegError),
    /// Names.
    #[error("the embedded registry cannot be opened")]
    Registry(#[source] marketplace_registry::OpenError),
    /// Names, elsewhere.
    #[error("the registry's client cannot be made")]
    RegistryClient(#[source] marketplace_registry::FetcherError),
    /// Our own key.
    #[error("our own key cannot be had")]
    OwnKey(#[source] marketplace_registry::OwnKeyError),
    /// A market that moves to another store.
    #[error("the market was not moved: {reason}")]
    Move {
        /// Why.
        reason: String,
    },
    /// Tokens and names in files of one server, beside a database of several.
    #[error(
        "another server of this database has the embedded TEG and registry: start one \
         marketplace-teg, and set TEG_LAYER_URL and REGISTRY_URL at all servers"
    )]
    EmbeddedElsewhere,
    /// A worker that could not see what servers see.
    #[error(
        "a marketplace-worker needs a database and edges that it shares with servers: set \
         DATABASE_URL to postgres://…, and TEG_LAYER_URL and REGISTRY_URL to a TEG and a registry \
         elsewhere, such as marketplace-teg. A SQLite file belongs to its one server, which does \
         the work of a worker itself"
    )]
    NothingShared,
    /// Signals.
    #[error("the system does not let us listen to signals")]
    Signals(#[source] std::io::Error),
    /// Keys.
    #[error("no keys can be made")]
    Randomness(#[from] marketplace_registry::NoRandomness),
    /// A store that is open but does not answer.
    #[error("the store does not answer")]
    StoreAnswer(#[from] marketplace_ports::StoreError),
    /// The marketplace.
    #[error("the marketplace cannot open")]
    Open(#[from] marketplace_engine::Error),
}

impl BootError {
    /// What the process exits with: 2 when only other settings help, else 1.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Settings(_)
            | Self::Logs { .. }
            | Self::EmbeddedElsewhere
            | Self::NothingShared => 2,
            _ => 1,
        }
    }
}
