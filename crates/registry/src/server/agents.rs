//! Agents: who a token speaks for, which key speaks for a DID, and its profile.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use marketplace_money::Did;
use marketplace_ports::{AgentRecord, Registry};
use serde_json::{Value, json};

use super::RegistryServer;
use super::reply::{Refusal, Reply, bearer, time};
use crate::claim::ClaimText;
use crate::jws;

type Server = State<Arc<RegistryServer>>;

fn jwk(key: &[u8; 32]) -> Value {
    json!({ "kty": "OKP", "crv": "Ed25519", "x": jws::encode(key) })
}

/// The caller's own account.
pub(super) async fn me(State(server): Server, headers: HeaderMap) -> Result<Reply, Refusal> {
    let did = bearer(&headers).and_then(|token| server.holder(token));
    let did = did.ok_or_else(|| Refusal::unauthorized("Could not validate credentials"))?;
    let key = server.directory.public_key(&did).await?;
    let now = time(server.now());
    let mut body = json!({
        "did": did.as_str(),
        "client_id": did.as_str(),
        "status": "active",
        "creator_developer_id": 0,
        "created_at": now,
        "last_active_at": now,
    });
    if let Some(key) = &key {
        body["public_key_jwk"] = jwk(key);
    }
    Ok(Reply(StatusCode::OK, body))
}

async fn record(server: &RegistryServer, did: &str) -> Result<AgentRecord, Refusal> {
    let did: Did = did.parse().map_err(|_| Refusal::invalid("this is not a DID"))?;
    let record = server.directory.resolve(&did).await?;
    record.ok_or_else(|| Refusal::not_found("Agent not found"))
}

/// The key as a JWK.
pub(super) async fn key(State(server): Server, Path(did): Path<String>) -> Result<Reply, Refusal> {
    let record = record(&server, &did).await?;
    Ok(Reply(StatusCode::OK, jwk(&record.public_key)))
}

/// Binds a DID to a key. The claim carries its proof and needs no token, but for the DID that is
/// reserved here: that is bound by whoever holds its account.
pub(super) async fn bind(
    State(server): Server,
    Path(did): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Reply, Refusal> {
    let unreadable = |_| Refusal::invalid("the body must be a claim: did, public_key, serial, …");
    let claim: ClaimText = serde_json::from_slice(&body).map_err(unreadable)?;
    let wrong = |field: &str| Refusal::invalid(&format!("{field} cannot be read"));
    let claim = claim.registration().map_err(wrong)?;
    if claim.record.did.as_str() != did {
        return Err(Refusal::invalid("the path names another DID than the claim"));
    }
    let holder = bearer(&headers).and_then(|token| server.holder(token));
    if claim.record.did == server.did && holder.as_ref() == Some(&server.did) {
        server.directory.register_ourselves(&claim).await?;
    } else {
        server.directory.register(&claim).await?;
    }
    Ok(Reply(
        StatusCode::OK,
        json!({ "did": did, "public_key_jwk": jwk(&claim.record.public_key) }),
    ))
}

/// Everything known of an agent.
pub(super) async fn profile(
    State(server): Server,
    Path(did): Path<String>,
) -> Result<Reply, Refusal> {
    let record = record(&server, &did).await?;
    let card = server.directory.card_of(&record.did).await?;
    let body = json!({
        "did": record.did.as_str(),
        "status": "active",
        "public_key_jwk": jwk(&record.public_key),
        "endpoint": record.endpoint,
        "agent_card": card.map(|card| json!({ "id": card.id, "card_data": card.json() })),
    });
    Ok(Reply(StatusCode::OK, body))
}
