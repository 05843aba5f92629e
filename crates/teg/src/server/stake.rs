//! `POST /governance/staking/stake`, `…/unstake`, `GET …/mystake`.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use marketplace_money::{Amount, Did};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::App;
use super::reply::{Answer, Refusal, amount, body, key, time};
use crate::Stake;
use crate::client::ALL;

#[derive(Deserialize)]
struct Lock {
    amount: Value,
}

#[derive(Deserialize)]
struct Unlock {
    stake_id: String,
}

#[derive(Deserialize)]
pub(super) struct Which {
    #[serde(default = "yes")]
    active_only: bool,
}

const fn yes() -> bool {
    true
}

pub(super) async fn stake(State(app): App, headers: HeaderMap, bytes: Bytes) -> Answer {
    let agent = app.caller(&headers).await?;
    let asked: Lock = body(&bytes)?;
    let amount = amount(&asked.amount)?;
    let stake = app.server.node.stake_as(&agent, key(&headers), amount).await?;
    Ok(Json(shown(&agent, &stake)))
}

/// `all` gives all of it back, under one key; nobody else's TEG knows that name.
pub(super) async fn unstake(State(app): App, headers: HeaderMap, bytes: Bytes) -> Answer {
    let agent = app.caller(&headers).await?;
    let asked: Unlock = body(&bytes)?;
    let one = match asked.stake_id.as_str() {
        ALL => None,
        text => Some(Uuid::parse_str(text).map_err(|_| Refusal::not_found("no such stake"))?),
    };
    let stakes = app.server.node.unstake_as(&agent, key(&headers), one).await?;
    let ended = |stake: &&Stake| one.map_or(stake.until.is_some(), |id| stake.id == id);
    let latest = stakes.iter().filter_map(|stake| stake.until).max();
    // Of all, those that ended together, last.
    let together = |stake: &&Stake| one.is_some() || stake.until == latest;
    let ended = stakes.iter().filter(ended).filter(together).map(|stake| stake.amount);
    let amount = Amount::checked_sum(ended).unwrap_or_default();
    Ok(Json(json!({
        "stake_id": asked.stake_id,
        "amount_unstaked": amount.to_string(),
        "total_returned": amount.to_string(),
        "unstaked_at": time(latest.unwrap_or_else(|| app.server.node.now())),
        "is_active": false,
    })))
}

pub(super) async fn mine(
    State(app): App,
    Query(which): Query<Which>,
    headers: HeaderMap,
) -> Answer {
    let agent = app.caller(&headers).await?;
    let stakes = app.server.node.stakes_of(&agent).await?;
    let active = stakes.iter().filter(|stake| stake.until.is_none());
    let total = Amount::checked_sum(active.map(|stake| stake.amount)).unwrap_or_default();
    let listed = stakes.iter().filter(|stake| !which.active_only || stake.until.is_none());
    let listed: Vec<Value> = listed.map(|stake| shown(&agent, stake)).collect();
    Ok(Json(json!({
        "agent_id": agent.as_str(),
        "total_staked": total.to_string(),
        "stakes": listed,
    })))
}

fn shown(agent: &Did, stake: &Stake) -> Value {
    json!({
        "stake_id": stake.id.to_string(),
        "agent_id": agent.as_str(),
        "amount": stake.amount.to_string(),
        "staked_at": time(stake.since),
        "unstaked_at": stake.until.map(time),
        "is_active": stake.until.is_none(),
        "last_reward_claim": null,
    })
}
