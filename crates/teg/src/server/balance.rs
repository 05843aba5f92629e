//! `GET /token/balance`, `GET /tokenomics/balance`, `GET /tokenomics/balance/{agent_did}`.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use marketplace_money::Did;
use marketplace_ports::{Teg as _, TegBalance};
use serde_json::{Value, json};

use super::reply::{Answer, Refusal, did};
use super::{App, Shared};

pub(super) async fn plain(State(app): App, headers: HeaderMap) -> Answer {
    let agent = app.caller(&headers).await?;
    let balance = app.balance(&agent).await?;
    Ok(Json(json!({ "agent_id": agent.as_str(), "balance": balance.available.to_string() })))
}

pub(super) async fn own(State(app): App, headers: HeaderMap) -> Answer {
    let agent = app.caller(&headers).await?;
    shown(&agent, app.balance(&agent).await?)
}

pub(super) async fn of_agent(
    State(app): App,
    Path(agent): Path<String>,
    headers: HeaderMap,
) -> Answer {
    let shown_token = headers.get("X-Service-Token").map(|value| value.as_bytes());
    let wanted = app.server.service_token.as_deref().map(str::as_bytes);
    if shown_token.is_none() || shown_token != wanted {
        return Err(Refusal::forbidden("a service token is needed"));
    }
    let agent = did(&agent, "agent_did")?;
    shown(&agent, app.balance(&agent).await?)
}

impl Shared {
    async fn balance(&self, agent: &Did) -> Result<TegBalance, Refusal> {
        Ok(self.server.node.balance_of(agent).await?.unwrap_or_default())
    }
}

fn shown(agent: &Did, balance: TegBalance) -> Answer {
    let TegBalance { available, staked, .. } = balance;
    let total = available.checked_add(staked).map(|total| total.to_string());
    let body: Value = json!({
        "agent_id": agent.as_str(),
        "balance": available.to_string(),
        "locked_balance": staked.to_string(),
        "total_balance": total.unwrap_or_default(),
    });
    Ok(Json(body))
}
