//! `POST /token/transfer`, `POST /teg/send`, and our own `POST /token/pull`.

use axum::Extension;
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use marketplace_money::{Amount, Did};
use marketplace_ports::{Teg as _, TegTransfer, TransferFee};
use serde::Deserialize;
use serde_json::{Value, json};

use super::fault::ThisRequest;
use super::reply::{Answer, Refusal, amount, body, did, key, time};
use super::{App, Shared};
use crate::Sending;

/// Longest message, in characters.
const LONGEST_MESSAGE: usize = 256;

#[derive(Deserialize)]
struct Transfer {
    receiver_agent_id: String,
    amount: Value,
    message: Option<String>,
}

#[derive(Deserialize)]
struct Pull {
    payer_agent_id: String,
    amount: Value,
    message: Option<String>,
}

#[derive(Deserialize)]
struct Send {
    receiver_did: String,
    amount: Value,
    message: Option<String>,
    #[serde(default)]
    dry_run: bool,
}

pub(super) async fn transfer(
    State(app): App,
    request: Option<Extension<ThisRequest>>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Answer {
    let sender = app.caller(&headers).await?;
    let asked: Transfer = body(&bytes)?;
    let receiver = did(&asked.receiver_agent_id, "receiver_agent_id")?;
    let amount = amount(&asked.amount)?;
    let wish = Wish { sender, receiver, amount, message: asked.message, pulled: false };
    app.moved(wish, request, &headers).await
}

pub(super) async fn pull(
    State(app): App,
    request: Option<Extension<ThisRequest>>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Answer {
    let receiver = app.caller(&headers).await?;
    if receiver != *app.server.node.owner() {
        return Err(Refusal::forbidden("only the owner of this node fetches tokens of others"));
    }
    let asked: Pull = body(&bytes)?;
    let sender = did(&asked.payer_agent_id, "payer_agent_id")?;
    let amount = amount(&asked.amount)?;
    let wish = Wish { sender, receiver, amount, message: asked.message, pulled: true };
    app.moved(wish, request, &headers).await
}

/// All agents are at home here, so every way is the local one.
pub(super) async fn send(
    State(app): App,
    request: Option<Extension<ThisRequest>>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Refusal> {
    let sender = app.caller(&headers).await?;
    let asked: Send = body(&bytes)?;
    let receiver = did(&asked.receiver_did, "receiver_did")?;
    let amount = amount(&asked.amount)?;
    let answer = |method: &str, status: &str, id: Option<String>| {
        Json(json!({
            "method": method,
            "status": status,
            "transfer_id": id,
            "currency_sent": "AVT",
            "currency_received": "AVT",
            "receiver_registry": null,
        }))
    };
    if asked.dry_run {
        return Ok(answer("local", "dry_run", None).into_response());
    }
    let wish = Wish { sender, receiver, amount, message: asked.message, pulled: false };
    let sending = app.sending(wish, request.as_ref(), &headers)?;
    if request.is_some_and(|Extension(request)| request.settles_later) {
        // Taken now, done afterwards, as between two registries.
        let node = app.server.node.clone();
        tokio::spawn(async move {
            if let Err(error) = node.send_as(sending).await {
                tracing::info!(%error, "a transfer that was to settle later did not");
            }
        });
        return Ok((StatusCode::ACCEPTED, answer("async", "locked", None)).into_response());
    }
    let done = app.server.node.send_as(sending).await?;
    Ok(answer("local", "completed", Some(done.id.0)).into_response())
}

/// Tokens that somebody wants to move.
struct Wish {
    sender: Did,
    receiver: Did,
    amount: Amount,
    message: Option<String>,
    pulled: bool,
}

impl Shared {
    async fn moved(
        &self,
        wish: Wish,
        request: Option<Extension<ThisRequest>>,
        headers: &HeaderMap,
    ) -> Answer {
        let message = wish.message.clone();
        let done = self.server.node.send_as(self.sending(wish, request.as_ref(), headers)?).await?;
        let left = self.server.node.balance_of(&done.sender).await?.unwrap_or_default().available;
        Ok(shown(&done, message.as_deref(), left))
    }

    fn sending(
        &self,
        wish: Wish,
        request: Option<&Extension<ThisRequest>>,
        headers: &HeaderMap,
    ) -> Result<Sending, Refusal> {
        let Wish { sender, receiver, amount, message, pulled } = wish;
        let memo = message.unwrap_or_default();
        if memo.chars().count() > LONGEST_MESSAGE {
            return Err(Refusal::invalid(&["body", "message"], "at most 256 characters fit"));
        }
        let fee = self.fee(request).on(amount);
        let fee = fee.ok_or_else(|| Refusal::invalid(&["body", "amount"], "is out of range"))?;
        let key = key(headers);
        Ok(Sending { key, sender, receiver, amount, memo, fee: Some(fee), pulled })
    }

    /// What this request is charged.
    pub(super) fn fee(&self, request: Option<&Extension<ThisRequest>>) -> TransferFee {
        request.and_then(|Extension(request)| request.fee).unwrap_or(self.server.fee)
    }
}

fn shown(done: &TegTransfer, message: Option<&str>, left: Amount) -> Json<Value> {
    Json(json!({
        "transaction_id": done.id.0,
        "status": "completed",
        "sender_agent_id": done.sender.as_str(),
        "receiver_agent_id": done.receiver.as_str(),
        "amount": done.amount.to_string(),
        "fee_amount": done.fee.to_string(),
        "new_sender_balance": left.to_string(),
        "timestamp": time(done.at),
        "attached_message": message,
    }))
}
