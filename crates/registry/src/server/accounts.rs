//! `POST /api/v1/auth/agent/token`: an agent logs in.

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use hmac::{Hmac, KeyInit, Mac};
use marketplace_money::{Did, Seconds, Timestamp};
use marketplace_ports::{Identity, IdentityError};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::reply::{Refusal, Reply};
use super::{Account, RegistryServer};
use crate::{LocalIdentity, jws};

/// How long a token lives.
const LIFE: Seconds = Seconds(30 * 60);
const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

/// Who may log in, and the tokens of those who did.
pub(super) struct Accounts {
    /// By client id: for whom, and the hash of the secret.
    known: HashMap<String, (Did, [u8; 32])>,
    mac: Hmac<Sha256>,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    exp: i64,
}

impl Accounts {
    pub(super) fn new(accounts: Vec<Account>, key: [u8; 32]) -> Self {
        let entry = |account: Account| {
            let secret = Sha256::digest(account.credentials.client_secret).into();
            (account.credentials.client_id, (account.did, secret))
        };
        let mac = Hmac::new_from_slice(&key).expect("HMAC takes keys of any length");
        Self { known: accounts.into_iter().map(entry).collect(), mac }
    }

    fn log_in(&self, client_id: &str, secret: &str) -> Option<Did> {
        let (did, sha256) = self.known.get(client_id)?;
        // Hashes are compared: how long that takes tells nothing of the secret.
        let given: [u8; 32] = Sha256::digest(secret).into();
        (given == *sha256).then(|| did.clone())
    }

    fn issue(&self, did: &Did, client_id: &str, now: Timestamp) -> String {
        let issued = now.micros().div_euclid(1_000_000);
        let claims = json!({
            "sub": did.as_str(),
            "client_id": client_id,
            "iat": issued,
            "exp": issued + i64::from(LIFE.0),
        });
        let signed = format!("{}.{}", jws::encode(HEADER), jws::encode(claims.to_string()));
        let mac = self.mac.clone().chain_update(&signed).finalize().into_bytes();
        format!("{signed}.{}", jws::encode(mac))
    }

    pub(super) fn holder(&self, token: &str, now: Timestamp) -> Option<Did> {
        if token.len() > crate::LONGEST_TOKEN {
            return None;
        }
        let parts = jws::Compact::parse(token).ok()?;
        self.mac.clone().chain_update(parts.signed).verify_slice(&parts.signature).ok()?;
        let claims: Claims = serde_json::from_slice(&parts.payload).ok()?;
        let living = now.micros().div_euclid(1_000_000) < claims.exp;
        living.then(|| claims.sub.parse().ok()).flatten()
    }
}

/// Logs in with a form as OAuth 2 writes it, or with JSON. The name of an account without one is
/// the agent's DID, and its password a did-jwt made for us.
pub(super) async fn token(
    State(server): State<Arc<RegistryServer>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Reply, Refusal> {
    let (client_id, secret) = read(&headers, &body)?;
    let now = server.now();
    let did = match server.accounts.log_in(&client_id, &secret) {
        Some(did) => did,
        None => server.proved(&client_id, &secret, now).await?,
    };
    let token = server.accounts.issue(&did, &client_id, now);
    Ok(Reply(StatusCode::OK, json!({ "access_token": token, "token_type": "bearer" })))
}

impl RegistryServer {
    async fn proved(&self, did: &str, proof: &str, now: Timestamp) -> Result<Did, Refusal> {
        let wrong = || Refusal::unauthorized("Incorrect client_id or client_secret");
        let identity = LocalIdentity::new(self.did.clone(), None, &[0; 32], self.directory.clone());
        match identity.verify_proof(proof, now).await {
            Ok(proof) if proof.did.as_str() == did => Ok(proof.did),
            Err(IdentityError::Unavailable(reason)) => {
                Err(marketplace_ports::RegistryError::Unavailable(reason).into())
            }
            _ => Err(wrong()),
        }
    }
}

fn read(headers: &HeaderMap, body: &Bytes) -> Result<(String, String), Refusal> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let fields: HashMap<String, String> = match kind.and_then(|kind| kind.split(';').next()) {
        Some("application/x-www-form-urlencoded") => form(body),
        Some("application/json") => json_fields(&super::reply::object(body)?),
        _ => return Err(Refusal::invalid("send a form or JSON")),
    };
    let field = |names: [&str; 2]| names.iter().find_map(|name| fields.get(*name)).cloned();
    let (id, secret) = (field(["username", "client_id"]), field(["password", "client_secret"]));
    id.zip(secret).ok_or_else(|| Refusal::invalid("username and password are required"))
}

fn json_fields(body: &Value) -> HashMap<String, String> {
    let object = body.as_object().into_iter().flatten();
    object.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}

fn form(body: &[u8]) -> HashMap<String, String> {
    let query = String::from_utf8_lossy(body);
    // Any base will do: only the query is read.
    let url = reqwest::Url::parse(&format!("form:?{query}"));
    url.map(|url| url.query_pairs().into_owned().collect()).unwrap_or_default()
}
