//! Ourselves before others: our key, the messages that it signs, and what registries know of us.

use std::sync::Arc;
use std::time::Duration;

use marketplace_api::our_endpoint;
use marketplace_ports::{AgentTokens, Notifier, Registry, RegistryError, Silence, Store};
use marketplace_registry::{
    EmbeddedRegistry, FetchSettings, HttpNotifier, HttpRegistry, KeySource, OwnKeys,
};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::edges::blocking;
use crate::{BootError, Clock, Deployment};

/// For one message to an endpoint, all of it.
const MESSAGE_TIME: Duration = Duration::from_secs(10);
const CONNECT_TIME: Duration = Duration::from_secs(3);
/// Between looks whether another server has changed the key, and between tries to be known.
const PACE: Duration = Duration::from_secs(30);

/// Who is who, here or elsewhere.
#[derive(Clone)]
pub(crate) struct Directory {
    pub(crate) registry: Arc<dyn Registry>,
    /// The registry behind REGISTRY_URL, as the TEG's client and the card need it.
    pub(crate) remote: Option<Arc<HttpRegistry>>,
}

impl Directory {
    /// Our token at the registry, where there is one that issues tokens.
    pub(crate) fn tokens(&self) -> Option<Arc<dyn AgentTokens>> {
        self.remote.clone().map(|remote| remote as Arc<dyn AgentTokens>)
    }
}

pub(crate) async fn open_directory(deployment: &Deployment) -> Result<Directory, BootError> {
    if let Some(settings) = &deployment.registry_http {
        let remote = HttpRegistry::new(settings.clone()).map_err(BootError::RegistryClient)?;
        let remote = Arc::new(remote);
        return Ok(Directory { registry: remote.clone(), remote: Some(remote) });
    }
    let (path, did) = (deployment.registry.clone(), deployment.config.did.clone());
    let embedded = blocking(move || EmbeddedRegistry::open(&path, did)).await;
    let registry = Arc::new(embedded.map_err(BootError::Registry)?);
    Ok(Directory { registry, remote: None })
}

/// The key comes from the operator's secret, from the store where several servers share one, else
/// from a file beside the database.
pub(crate) async fn open_keys(
    deployment: &Deployment,
    store: &Arc<dyn Store>,
    clock: &Clock,
) -> Result<Arc<OwnKeys>, BootError> {
    let source = match deployment.agent_key {
        Some(secret) => KeySource::Fixed(secret),
        None if store.is_shared() => KeySource::Shared(store.clone()),
        None => KeySource::File(deployment.key_file.clone()),
    };
    let did = deployment.config.did.clone();
    Ok(Arc::new(OwnKeys::open(did, source, clock()).await.map_err(BootError::OwnKey)?))
}

/// Without CA certificates there is no HTTPS, which is no reason to have no market.
pub(crate) fn open_notifier(
    deployment: &Deployment,
    directory: &Directory,
    keys: &Arc<OwnKeys>,
    clock: &Clock,
) -> Arc<dyn Notifier> {
    let settings = FetchSettings {
        allow_private: deployment.fetch_private_addresses,
        connect_timeout: CONNECT_TIME,
        total_timeout: MESSAGE_TIME,
    };
    let registry = directory.registry.clone();
    match HttpNotifier::new(settings, registry, keys.clone(), clock.clone()) {
        Ok(notifier) => Arc::new(notifier),
        Err(error) => {
            tracing::warn!(%error, "agents cannot be told of their orders");
            Arc::new(Silence)
        }
    }
}

/// Makes ourselves known, and follows changes of our key, until `stop`. A registry that does not
/// answer is asked again; nothing of the market waits for it.
pub(crate) async fn stay_known(
    keys: Arc<OwnKeys>,
    directory: Directory,
    public_url: String,
    card: Option<Value>,
    clock: Clock,
    stop: CancellationToken,
) {
    let endpoint = our_endpoint(&public_url);
    let (mut key_known, mut card_known) = (false, card.is_none());
    loop {
        if !key_known {
            let told = keys.announce(directory.registry.as_ref(), &endpoint, clock()).await;
            key_known = is_settled("our key", told);
        }
        if let (false, Some(remote), Some(card)) = (card_known, &directory.remote, &card) {
            card_known = is_settled("our card", remote.publish_card(card).await);
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(PACE) => {}
        }
        if let Err(error) = keys.refresh().await {
            tracing::warn!(%error, "whether our key was changed is not known");
        }
    }
}

/// What is refused today is refused tomorrow.
fn is_settled(what: &str, told: Result<(), RegistryError>) -> bool {
    match told {
        Ok(()) => true,
        Err(RegistryError::Refused(reason)) => {
            tracing::warn!(what, reason, "the registry was not told");
            true
        }
        Err(RegistryError::Unavailable(reason)) => {
            tracing::warn!(what, reason, "the registry is told later");
            false
        }
    }
}

/// Our card as registries of all generations take it: the fields of both shapes side by side.
pub(crate) fn card(manifest: &Value, did: &str, public_url: &str) -> Value {
    let endpoint = our_endpoint(public_url);
    let name = did.trim_start_matches("did:").replace(':', "/");
    json!({
        "schemaVersion": "1.0",
        "protocolVersion": "1.0",
        "humanReadableId": name,
        "agentVersion": manifest["version"],
        "version": manifest["version"],
        "name": manifest["name"],
        "description": manifest["description"],
        "did": did,
        "url": endpoint,
        "supportedInterfaces": [{ "url": endpoint, "protocolBinding": "JSONRPC" }],
        "provider": { "name": manifest["name"] },
        "capabilities": { "a2aVersion": "1.0", "streaming": false },
        "authSchemes": [{ "scheme": "bearer" }, { "scheme": "apiKey" }],
        "tags": ["marketplace", did],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_for_both_generations() {
        let manifest = json!({ "name": "Market", "version": "1.0.0", "description": "Trades" });
        let card = card(&manifest, "did:agentvault:marketplace-v1", "https://market.example");
        assert_eq!(card["humanReadableId"], "agentvault/marketplace-v1");
        assert_eq!(card["url"], "https://market.example/a2a/message");
        assert_eq!(card["tags"][1], "did:agentvault:marketplace-v1");
    }
}
