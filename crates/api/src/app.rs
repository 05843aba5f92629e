//! What the routes stand on.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use marketplace_disputes::Packet;
use marketplace_engine::{Marketplace, SignedBy};
use marketplace_money::Timestamp;
use marketplace_ports::{Identity, OurKeys, Registry};

use crate::limits::Limits;

/// Tells the time, for the age of tokens.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Writes a verdict packet down: the stores know how.
pub type PacketText = Arc<dyn Fn(&Packet) -> String + Send + Sync>;

/// Everything that the HTTP surface needs.
pub struct App {
    /// The engine.
    pub marketplace: Marketplace,
    /// Who is who.
    pub identity: Arc<dyn Identity>,
    /// The directory.
    pub registry: Arc<dyn Registry>,
    /// Whether an operator signed a ruling.
    pub signed_by: SignedBy,
    /// A verdict packet as JSON.
    pub packet_text: PacketText,
    /// Our own keys.
    pub keys: Arc<dyn OurKeys>,
    /// What the operator decided.
    pub settings: ApiSettings,
    /// How often callers may call.
    pub limits: Limits,
    /// Signs quotes; all replicas share it.
    pub quote_key: [u8; 32],
    /// Whether this server takes part.
    pub ready: Arc<AtomicBool>,
    /// The age of a token is judged by this clock and not by the store's: a token is checked at
    /// every request, and none of them shall wait for a database for that.
    pub clock: Clock,
}

/// Who is believed to be who.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuthMode {
    /// Who proves it.
    #[default]
    Required,
    /// Everybody. For one machine with play money.
    Open,
}

/// What the operator decides about the HTTP surface.
#[derive(Clone, Debug)]
pub struct ApiSettings {
    /// Who is believed to be who.
    pub auth_mode: AuthMode,
    /// How others reach us, without a slash at its end.
    pub public_url: String,
    /// Where we listen: the open mode answers to no other host name.
    pub listen: SocketAddr,
    /// `agent_card.json` with the values in force.
    pub manifest: serde_json::Value,
    /// For one request; a long poll has its own time on top.
    pub request_timeout: Duration,
}
