//! API keys: secrets that stand for one agent, for clients that cannot sign.

use marketplace_money::{Did, Timestamp};

/// An API key as we keep it: of the secret only the hash. Whoever reads our files calls nobody's
/// orders his own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Of the secret's text; also its name, which may be shown.
    pub sha256: [u8; 32],
    /// From 1.
    pub version: u64,
    /// For whom it speaks, for ever.
    pub agent: Did,
    /// What its holder calls it; inert text.
    pub label: String,
    /// When it was made known to us.
    pub at: Timestamp,
    /// Since when it speaks for nobody. Never taken back.
    pub revoked_at: Option<Timestamp>,
}
