//! `GET /token/transactions`: the caller's transfers, newest first.

use axum::Json;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json};

use super::App;
use super::reply::{Answer, Refusal, time};
use crate::StatementLine;
use crate::client::PULL;

#[derive(Deserialize)]
pub(super) struct Page {
    #[serde(default = "usual_limit")]
    limit: u32,
    #[serde(default)]
    offset: u32,
}

const fn usual_limit() -> u32 {
    100
}

pub(super) async fn list(State(app): App, Query(page): Query<Page>, headers: HeaderMap) -> Answer {
    let agent = app.caller(&headers).await?;
    let Page { limit, offset } = page;
    if !(1..=1_000).contains(&limit) {
        return Err(Refusal::invalid(&["query", "limit"], "must be from 1 to 1000"));
    }
    let (lines, total) = app.server.node.statement(&agent, offset, limit).await?;
    let lines: Vec<Value> = lines.iter().map(shown).collect();
    Ok(Json(json!({ "transactions": lines, "total": total, "limit": limit, "offset": offset })))
}

fn shown(StatementLine { transfer, pulled, rated }: &StatementLine) -> Value {
    json!({
        "transaction_id": transfer.id.0,
        "sender_agent_id": transfer.sender.as_str(),
        "receiver_agent_id": transfer.receiver.as_str(),
        "amount": transfer.amount.to_string(),
        "fee_amount": transfer.fee.to_string(),
        "status": "completed",
        "transaction_type": if *pulled { PULL } else { "transfer" },
        "timestamp": time(transfer.at),
        "error_message": null,
        "attached_message": transfer.memo,
        "reputation_signal_applied": rated,
    })
}
