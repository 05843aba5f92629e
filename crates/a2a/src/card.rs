//! Who we are, for agents: the card of A2A 1.0, signed, and that of the dialects before it.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use marketplace_ports::Signer;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::order_task::SETTLEMENT;

/// The cards of a deployment.
pub struct Cards {
    card: Value,
    extended: Value,
    old: String,
    signer: Arc<dyn Signer>,
    since: DateTime<Utc>,
}

const MODES: [&str; 2] = ["application/json", "text/plain"];

fn skill(id: &str, name: &str, description: &str, examples: &[&str]) -> Value {
    json!({
        "id": id, "name": name, "description": description,
        "tags": ["marketplace", "escrow"], "examples": examples,
    })
}

/// What one can ask for.
fn skills() -> Value {
    json!([
        skill(
            "search",
            "Search services",
            "Finds services by words, price and standing",
            &[
                "search translation under 5",
                "{\"action\":\"search\",\"query\":\"csv\",\"max_price\":\"5\"}",
            ]
        ),
        skill(
            "quote",
            "Quote a price",
            "Price, fee and total, promised for five minutes",
            &["{\"action\":\"quote\",\"listing_id\":\"…\"}",]
        ),
        skill(
            "list_service",
            "List a service",
            "Offers a service for a price in AVT",
            &[
                "{\"action\":\"list_service\",\"service\":{\"service_type\":\"custom\",\"name\":\"…\",\
             \"description\":\"…\",\"price\":\"5\"}}",
            ]
        ),
        skill(
            "purchase",
            "Buy a service",
            "Pays into escrow until the work is accepted; the \
            order is a task",
            &["buy <listing id>", "{\"action\":\"purchase\",\"listing_id\":\"…\"}"]
        ),
        skill(
            "deliver",
            "Deliver",
            "The seller hands over",
            &["{\"action\":\"deliver\",\"inline\":\"…\"} with the order's taskId",]
        ),
        skill(
            "accept",
            "Accept",
            "The buyer accepts; the seller is paid",
            &["accept <order id>", "{\"action\":\"accept\"} with the order's taskId",]
        ),
        skill("wallet", "Show the balance", "What the caller has here", &["balance"]),
    ])
}

impl Cards {
    /// The cards of a deployment that is reached at `url`; `manifest` has its names.
    #[must_use]
    pub fn new(manifest: &Value, url: &str, pushes: bool, signer: Arc<dyn Signer>) -> Self {
        let did = signer.did().to_string();
        let card = card(manifest, url, pushes, &did);
        let mut extended = card.clone();
        if let Some(map) = extended.as_object_mut() {
            map.insert("description".to_owned(), extended_description(manifest));
        }
        let old = old(manifest, url, pushes, &did).to_string();
        Self { card, extended, old, signer, since: Utc::now() }
    }

    /// Other capabilities and interfaces than the product's: for servers of another behaviour.
    #[must_use]
    pub fn of(card: Value, signer: Arc<dyn Signer>) -> Self {
        let old = Value::Null.to_string();
        Self { extended: card.clone(), card, old, signer, since: Utc::now() }
    }

    /// The card of A2A 1.0, with a signature of our present key.
    pub(crate) fn public(&self) -> String {
        signed(&self.card, self.signer.as_ref()).to_string()
    }

    /// For those who say who they are.
    pub(crate) fn extended(&self) -> Value {
        signed(&self.extended, self.signer.as_ref())
    }

    /// For clients of the dialects before 1.0.
    pub(crate) fn old(&self) -> String {
        self.old.clone()
    }

    /// Since when the cards are as they are.
    pub(crate) fn since(&self) -> String {
        self.since.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
    }
}

fn extended_description(manifest: &Value) -> Value {
    let plain = manifest["description"].as_str().unwrap_or("A marketplace for agents");
    format!("{plain}. Prices, fees and limits in force: GET /agent_card.json.").into()
}

fn card(manifest: &Value, url: &str, pushes: bool, did: &str) -> Value {
    json!({
        "name": manifest["name"],
        "description": manifest["description"],
        "version": manifest["version"],
        "documentationUrl": format!("{url}/api/docs/"),
        "provider": { "organization": manifest["name"], "url": url },
        "supportedInterfaces": [
            { "url": format!("{url}/a2a"), "protocolBinding": "JSONRPC", "protocolVersion": "1.0" },
            { "url": url, "protocolBinding": "HTTP+JSON", "protocolVersion": "1.0" },
            { "url": format!("{url}/a2a"), "protocolBinding": "JSONRPC", "protocolVersion": "0.3" },
        ],
        "capabilities": {
            "streaming": true,
            "pushNotifications": pushes,
            "extendedAgentCard": true,
            "extensions": [{
                "uri": SETTLEMENT,
                "description": "Orders carry their escrow in metadata[\"a2a-se\"]",
                "params": { "preferredExchange": url, "exchangeUrls": [url], "currency": "AVT" },
            }],
        },
        "defaultInputModes": MODES,
        "defaultOutputModes": MODES,
        "skills": skills(),
        "securitySchemes": {
            "did": { "httpAuthSecurityScheme": {
                "scheme": "Bearer", "bearerFormat": "did-auth+jwt",
                "description": format!("A token that you sign for each request. typ did-auth+jwt; \
                    iss and sub your DID (did:key or did:web), aud {did} or {url}, iat, exp at \
                    most 120 s later, jti, htm, htu, bsh = base64url(SHA-256(body))"),
            } },
            "bearer": { "httpAuthSecurityScheme": {
                "scheme": "Bearer", "bearerFormat": "JWT",
                "description": format!("A did-jwt (iss, aud {did} or {url}, iat, exp, nonce), or \
                    an access token of POST {url}/api/v1/auth/token"),
            } },
            "apiKey": { "apiKeySecurityScheme": { "location": "header", "name": "X-API-Key" } },
        },
        "securityRequirements": [
            { "schemes": { "did": { "list": [] } } },
            { "schemes": { "bearer": { "list": [] } } },
            { "schemes": { "apiKey": { "list": [] } } },
        ],
    })
}

/// The card of A2A 0.3, with the fields of AgentVault and TheProtocol beside.
fn old(manifest: &Value, url: &str, pushes: bool, did: &str) -> Value {
    let human = did.trim_start_matches("did:").replace(':', "/");
    let mut skills = skills();
    for skill in skills.as_array_mut().into_iter().flatten() {
        if let Some(tags) = skill["tags"].as_array_mut() {
            tags.push(did.into());
        }
    }
    json!({
        "schemaVersion": "1.0",
        "protocolVersion": "0.3.0",
        "humanReadableId": human,
        "agentVersion": manifest["version"],
        "name": manifest["name"],
        "description": manifest["description"],
        "version": manifest["version"],
        "url": format!("{url}/a2a"),
        "preferredTransport": "JSONRPC",
        "provider": { "organization": manifest["name"], "name": manifest["name"], "url": url },
        "capabilities": {
            "streaming": true, "pushNotifications": pushes, "stateTransitionHistory": false,
            "a2aVersion": "0.3", "supportsPushNotifications": pushes,
        },
        "supportsAuthenticatedExtendedCard": true,
        "defaultInputModes": MODES,
        "defaultOutputModes": MODES,
        "skills": skills,
        "tags": ["marketplace", "escrow", did],
        "authSchemes": [
            { "scheme": "bearer", "description": "A did-jwt or an access token" },
            { "scheme": "apiKey", "description": "X-API-Key" },
        ],
        "securitySchemes": {
            "bearer": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" },
            "apiKey": { "type": "apiKey", "in": "header", "name": "X-API-Key" },
        },
        "security": [{ "bearer": [] }, { "apiKey": [] }],
    })
}

/// Signs a card: a JWS over its canonical form (RFC 8785), without fields that say nothing.
#[must_use]
pub fn signed(card: &Value, signer: &dyn Signer) -> Value {
    let payload = URL_SAFE_NO_PAD.encode(canonical(&meaningful(card).unwrap_or_default()));
    let sign = |protected: &str| signer.sign(format!("{protected}.{payload}").as_bytes());
    // The key that signs is known from a signature: its name goes into what is signed.
    let key = URL_SAFE_NO_PAD.encode(sign("").public_key);
    let header = json!({ "alg": "EdDSA", "kid": format!("{}#{key}", signer.did()), "typ": "JOSE" });
    let protected = URL_SAFE_NO_PAD.encode(header.to_string());
    let signature = URL_SAFE_NO_PAD.encode(sign(&protected).signature);
    let mut signed = card.clone();
    if let Some(map) = signed.as_object_mut() {
        let signatures = json!([{ "protected": protected, "signature": signature }]);
        map.insert("signatures".to_owned(), signatures);
    }
    signed
}

/// Without what is empty, which readers do not see.
fn meaningful(value: &Value) -> Option<Value> {
    match value {
        Value::Object(map) => {
            let kept = map.iter().filter(|(name, _)| *name != "signatures");
            let kept: Map<String, Value> =
                kept.filter_map(|(name, v)| Some((name.clone(), meaningful(v)?))).collect();
            (!kept.is_empty()).then(|| kept.into())
        }
        Value::Array(list) => {
            let kept: Vec<Value> = list.iter().filter_map(meaningful).collect();
            (!kept.is_empty()).then(|| kept.into())
        }
        Value::String(text) if text.is_empty() => None,
        Value::Null => None,
        other => Some(other.clone()),
    }
}

/// RFC 8785. Cards have no numbers, names are ASCII, and serde escapes as the RFC wants.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let mut names: Vec<&String> = map.keys().collect();
            names.sort();
            let member =
                |name: &String| format!("{}:{}", Value::from(name.as_str()), canonical(&map[name]));
            let members: Vec<String> = names.into_iter().map(member).collect();
            format!("{{{}}}", members.join(","))
        }
        Value::Array(list) => {
            let items: Vec<String> = list.iter().map(canonical).collect();
            format!("[{}]", items.join(","))
        }
        other => other.to_string(),
    }
}

/// The name of a card's text.
pub(crate) fn tag(body: &str) -> String {
    let digest = Sha256::digest(body.as_bytes());
    format!("\"{}\"", URL_SAFE_NO_PAD.encode(&digest[..16]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_form() {
        let value = json!({ "b": ["x", true], "a": { "é": "\u{1}\n\"€" }, "aa": "" });
        assert_eq!(canonical(&value), r#"{"a":{"é":"\u0001\n\"€"},"aa":"","b":["x",true]}"#);
        let shown = meaningful(&json!({ "a": "", "b": [], "c": {}, "d": false, "e": [""] }));
        assert_eq!(shown, Some(json!({ "d": false })));
    }
}
