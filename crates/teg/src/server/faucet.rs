//! `POST /token/testing/faucet`: play money, once for each agent.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use marketplace_ports::Teg as _;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::App;
use super::reply::{Answer, body, did, time};
use crate::FAUCET_GIFT;

#[derive(Deserialize)]
struct Faucet {
    agent_did: String,
}

pub(super) async fn give(State(app): App, headers: HeaderMap, bytes: Bytes) -> Answer {
    let asked: Faucet = body(&bytes)?;
    let agent = did(&asked.agent_did, "agent_did")?;
    let work = async {
        let balance = app.server.node.faucet(&agent).await?;
        Ok(Json(json!({
            "transaction_id": Uuid::new_v4().to_string(),
            "agent_did": agent.as_str(),
            "amount": FAUCET_GIFT.to_string(),
            "new_balance": balance.available.to_string(),
            "timestamp": time(app.server.node.now()),
            "message": "play money",
        })))
    };
    app.replays.once(&headers, format!("faucet {agent}"), work).await
}
