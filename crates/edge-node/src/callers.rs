//! Whose token it is: the registry's, the operator's, or, in development, a bare DID.

use std::sync::Arc;

use async_trait::async_trait;
use marketplace_money::Did;
use marketplace_registry::RegistryServer;
use marketplace_teg::server::{BareDids, CallerError, Callers, KnownTokens};

/// All tokens that this server takes.
pub(crate) struct EdgeCallers {
    pub(crate) registry: Arc<RegistryServer>,
    pub(crate) known: KnownTokens,
    pub(crate) bare_dids: bool,
}

#[async_trait]
impl Callers for EdgeCallers {
    async fn caller(&self, token: &str) -> Result<Did, CallerError> {
        if let Some(did) = self.registry.holder(token) {
            return Ok(did);
        }
        match self.known.caller(token).await {
            Err(_) if self.bare_dids => BareDids.caller(token).await,
            known => known,
        }
    }
}
