//! `did:web`: the keys of a DID are in a document on its host.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use marketplace_money::Did;
use marketplace_ports::{Fetcher, IdentityError};
use serde_json::Value;
use tokio::time::Instant;

use crate::bound::AgentVerifier;
use crate::did_key;

/// Documents are asked for again after this.
const LIFE: Duration = Duration::from_secs(300);
/// What does not fit a document that was asked for longer ago asks again: a key may have been
/// replaced. Not more often, or strangers could have us ask a host as fast as they ask us.
const NOW: Duration = Duration::from_secs(10);
/// Documents in memory.
const MOST: usize = 1_024;
const LARGEST: u64 = 64 * 1024;

/// Resolves documents, hostile ones too.
pub(crate) struct DidWeb {
    fetcher: Arc<dyn Fetcher>,
    known: Mutex<HashMap<Did, (Instant, Arc<Value>)>>,
}

impl DidWeb {
    pub(crate) fn new(fetcher: Arc<dyn Fetcher>) -> Self {
        Self { fetcher, known: Mutex::default() }
    }

    /// The key that a DID URL names, if its document lists it for authentication.
    pub(crate) async fn key(&self, did: &Did, kid: &str) -> Result<AgentVerifier, IdentityError> {
        let known = self.document(did, LIFE).await?;
        match listed(&known, did, kid) {
            Some(key) => Ok(key),
            None => self.key_of_now(did, kid).await,
        }
    }

    /// The same of a document that was not asked for long ago: its keys may be other ones by now.
    pub(crate) async fn key_of_now(
        &self,
        did: &Did,
        kid: &str,
    ) -> Result<AgentVerifier, IdentityError> {
        let document = self.document(did, NOW).await?;
        listed(&document, did, kid).ok_or_else(|| IdentityError::UnknownKey(did.clone()))
    }

    async fn document(&self, did: &Did, life: Duration) -> Result<Arc<Value>, IdentityError> {
        if let Some(known) = self.remembered(did, life) {
            return Ok(known);
        }
        let url = url(did).ok_or(IdentityError::Malformed("iss is not a did:web of a host"))?;
        let bytes = self.fetcher.fetch(&url, LARGEST).await.map_err(|error| {
            tracing::debug!(%did, %error, "a DID document is not to be had");
            IdentityError::UnknownKey(did.clone())
        })?;
        let document: Value =
            serde_json::from_slice(&bytes).map_err(|_| IdentityError::UnknownKey(did.clone()))?;
        let document = Arc::new(document);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(did.clone(), (Instant::now(), document.clone()));
        Ok(document)
    }

    fn remembered(&self, did: &Did, life: Duration) -> Option<Arc<Value>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, document) = known.get(did)?;
        (at.elapsed() < life).then(|| document.clone())
    }
}

/// The key of this name, among those that a DID's own document lists for authentication.
fn listed(document: &Value, did: &Did, kid: &str) -> Option<AgentVerifier> {
    if document["id"].as_str() != Some(did.as_str()) {
        return None;
    }
    let named = |id: &Value| id.as_str().is_some_and(|id| absolute(did, id) == kid);
    let methods = document["verificationMethod"].as_array();
    let mut listed = document["authentication"].as_array().into_iter().flatten();
    listed.find_map(|entry| {
        let method = match entry {
            Value::Object(_) if named(&entry["id"]) => Some(entry),
            Value::String(_) if named(entry) => {
                methods.into_iter().flatten().find(|method| named(&method["id"]))
            }
            _ => None,
        };
        method.and_then(verifier)
    })
}

fn absolute(did: &Did, id: &str) -> String {
    if id.starts_with('#') { format!("{did}{id}") } else { id.to_owned() }
}

/// Where the document is. A host of our own machine is asked without TLS; whether it is asked at
/// all, the fetcher decides.
fn url(did: &Did) -> Option<String> {
    let mut parts = did.as_str().strip_prefix("did:web:")?.split(':');
    let host = parts.next()?.replace("%3A", ":").replace("%3a", ":");
    if host.is_empty() || host.contains(['/', '@', '%', '?', '#']) {
        return None;
    }
    let path: Vec<&str> = parts.collect();
    if path.iter().any(|part| part.is_empty() || part.contains(['/', '%', '?', '#'])) {
        return None;
    }
    let bare = host.split(':').next().unwrap_or_default();
    let scheme = if matches!(bare, "localhost" | "127.0.0.1") { "http" } else { "https" };
    Some(match path.as_slice() {
        [] => format!("{scheme}://{host}/.well-known/did.json"),
        path => format!("{scheme}://{host}/{}/did.json", path.join("/")),
    })
}

fn verifier(method: &Value) -> Option<AgentVerifier> {
    if let Some(text) = method["publicKeyMultibase"].as_str() {
        return did_key::from_multibase(text);
    }
    let jwk = &method["publicKeyJwk"];
    let bytes = |name: &str| URL_SAFE_NO_PAD.decode(jwk[name].as_str()?).ok();
    match (jwk["kty"].as_str(), jwk["crv"].as_str()) {
        (Some("OKP"), Some("Ed25519")) => {
            let key: [u8; 32] = bytes("x")?.try_into().ok()?;
            did_key::usable(&key).map(AgentVerifier::Ed25519)
        }
        (Some("EC"), Some("P-256")) => {
            // Whether it is a point of the curve is checked where it is used.
            let point = [vec![4], bytes("x")?, bytes("y")?].concat();
            Some(AgentVerifier::P256(Box::new(point.try_into().ok()?)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_have_one_place() {
        let check = |did: &str, expect: Option<&str>| {
            assert_eq!(url(&did.parse().unwrap()).as_deref(), expect, "{did}");
        };
        check("did:web:example.com", Some("https://example.com/.well-known/did.json"));
        check("did:web:example.com:agents:a", Some("https://example.com/agents/a/did.json"));
        check("did:web:localhost%3A8080", Some("http://localhost:8080/.well-known/did.json"));
        check("did:web:a%2Fb", None);
        check("did:key:z6Mk", None);
    }
}
