//! What an operator decides about the embedded node.

use std::fmt;
use std::sync::Arc;

use marketplace_money::{Amount, Did, Timestamp};

/// Tells the time; passed in, so that tests and the simulator own it.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// How the embedded node behaves. Fixed while it is open; only `owner` and `genesis` leave a mark
/// in the file.
#[derive(Clone)]
pub struct EmbeddedTegSettings {
    /// Ourselves: every call of the port is made as this agent. A file keeps its owner.
    pub owner: Did,
    /// What the owner gets when the file is made; later opens give nothing. Not below zero.
    pub genesis: Amount,
    /// What the sender of a transfer pays on top, to the treasury. Not below zero.
    pub transfer_fee: Amount,
    /// Whether the faucet gives play money.
    pub faucet_open: bool,
    /// Stamps the entries.
    pub clock: Clock,
}

impl fmt::Debug for EmbeddedTegSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbeddedTegSettings")
            .field("owner", &self.owner)
            .field("genesis", &self.genesis)
            .field("transfer_fee", &self.transfer_fee)
            .field("faucet_open", &self.faucet_open)
            .finish_non_exhaustive()
    }
}
