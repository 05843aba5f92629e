//! `GET /reputation/agents/{agent_id}/reputation` and `POST /token/{transaction_id}/reputation-signal`.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use marketplace_ports::TegTransactionId;
use serde::Deserialize;
use serde_json::json;

use super::App;
use super::reply::{Answer, Refusal, body, did};

/// From this raw score on, an agent is in the tier.
const TIERS: &[(i64, &str)] = &[(500, "GOLD"), (100, "SILVER")];

#[derive(Deserialize)]
struct Signal {
    signal_value: i64,
}

pub(super) async fn of_agent(State(app): App, Path(agent): Path<String>) -> Answer {
    let agent = did(&agent, "agent_id")?;
    let Some(raw) = app.server.node.raw_reputation(&agent).await? else {
        return Err(Refusal::not_found(&format!("there is no agent {agent}")));
    };
    let tier = TIERS.iter().find(|(from, _)| raw >= *from).map_or("BRONZE", |(_, tier)| tier);
    Ok(Json(json!({
        "agent_id": agent.as_str(),
        "reputation_score": raw,
        "reputation_tier": tier,
        "last_updated": null,
    })))
}

pub(super) async fn signal(
    State(app): App,
    Path(transaction): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Answer {
    let agent = app.caller(&headers).await?;
    let asked: Signal = body(&bytes)?;
    let value = asked.signal_value;
    if !matches!(value, 1 | -1) {
        return Err(Refusal::invalid(&["body", "signal_value"], "must be 1 or -1"));
    }
    let id = TegTransactionId(transaction);
    let work = async {
        let done = app.server.node.signal_as(&agent, &id, value == 1).await?;
        Ok(Json(json!({
            "transaction_id": id.0,
            "sender_agent_id": done.sender.as_str(),
            "receiver_agent_id": done.receiver.as_str(),
            "signal_value": value,
            "new_receiver_reputation": done.raw,
            "status": "applied",
        })))
    };
    app.replays.once(&headers, format!("signal {agent} {} {value}", id.0), work).await
}
