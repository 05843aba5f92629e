//! The wallet over REST.

use axum::http::Method;
use marketplace_money::Amount;
use serde_json::{Value, json};

use crate::common::{Agent, Reply, World};

async fn post(world: &World, agent: &Agent, path: &str, body: Value) -> Reply {
    world.post(&format!("/api/v1/wallet/{path}")).by(agent).json(&body).send().await
}

async fn wallet(world: &World, agent: &Agent) -> Value {
    world.get("/api/v1/wallet").by(agent).send().await.expect_success()
}

#[tokio::test]
async fn tokens_come_go_and_are_shown() {
    let world = World::new().await;
    world.teg.set_transfer_fee(Amount::from_nano(10_000_000));
    let (agent, other) = (world.agent(1, 10).await, world.agent(2, 0).await);
    let amount = |text: &str| json!({ "amount": text });
    let reply = post(&world, &agent, "deposit", amount("8")).await.expect_success();
    assert_eq!(reply, json!({ "available": "8" }));
    let transfer = json!({ "to": other.did().as_str(), "amount": 2.5, "reason": "thanks" });
    let reply = post(&world, &agent, "transfer", transfer).await.expect_success();
    assert_eq!(reply, json!({ "available": "5.5" }));
    let fee = world.get("/api/v1/wallet/withdrawal-fee").by(&agent).send().await;
    assert_eq!(fee.expect_success(), json!({ "fee": "0.01" }));
    let reply = post(&world, &agent, "withdraw", amount("5.5")).await;
    let problem = reply.expect_problem(402, "insufficient_balance");
    assert_eq!((&problem["need"], &problem["available"]), (&json!("5.51"), &json!("5.5")));
    let reply = post(&world, &agent, "withdraw", amount("5")).await;
    assert_eq!(reply.status.as_u16(), 202);
    let reply = reply.json();
    assert_eq!((&reply["status"], &reply["fee"]), (&json!("in_flight"), &json!("0.01")));
    assert_eq!(wallet(&world, &agent).await["in_flight"], "5.01");
    world.work().await;
    let after = wallet(&world, &agent).await;
    assert_eq!((&after["available"], &after["in_flight"]), (&json!("0.49"), &json!("0")));
    assert_eq!(after["did"], agent.did().as_str());

    let lines = world.get("/api/v1/wallet/entries?limit=2").by(&agent).send().await;
    let lines = lines.expect_success();
    assert_eq!(lines["count"], 2);
    let newest = &lines["results"][0];
    assert_eq!((&newest["kind"], &newest["amount"]), (&json!("withdrawal"), &json!("-5.01")));
    assert_eq!(newest["balance"], "0.49");
    let sent = &lines["results"][1];
    assert_eq!((&sent["kind"], &sent["reason"]), (&json!("transfer"), &json!("thanks")));
    assert_eq!(sent["others"], json!([format!("agent:{}", other.did())]));
    let path = format!("/api/v1/wallet/entries?cursor={}", lines["next_cursor"].as_str().unwrap());
    let rest = world.get(&path).by(&agent).send().await.expect_success();
    assert_eq!(rest["results"][0]["kind"], "deposit");
    assert!(rest.get("next_cursor").is_none());
    world.expect_clean_books().await;
}

#[tokio::test]
async fn a_deposit_needs_tokens_at_the_teg() {
    let world = World::new().await;
    let agent = world.agent(1, 1).await;
    let reply = post(&world, &agent, "deposit", json!({ "amount": "2" })).await;
    let problem = reply.expect_problem(402, "insufficient_balance");
    assert_eq!((&problem["need"], &problem["available"]), (&json!("2"), &json!("1")));
}

#[tokio::test]
async fn the_faucet_gives_once() {
    let world = World::new().await;
    let agent = world.agent(1, 0).await;
    let reply = world.post("/api/v1/wallet/faucet").by(&agent).send().await.expect_success();
    assert_eq!(reply["teg_balance"], "1000");
    let again = world.post("/api/v1/wallet/faucet").by(&agent).send().await;
    again.expect_problem(409, "faucet_used");
    assert_eq!(wallet(&world, &agent).await["teg_balance"], "1000");
}

#[tokio::test]
async fn payout_policies() {
    let world = World::new().await;
    let agent = world.agent(1, 0).await;
    let path = "/api/v1/wallet/payout-policy";
    let show = || world.get(path).by(&agent).send();
    let set = |body: Value| world.call(Method::PUT, path).by(&agent).json(&body).send();
    assert_eq!(show().await.expect_success(), json!({ "policy": "manual" }));
    let policy = json!({ "policy": "threshold", "threshold": "10" });
    assert_eq!(set(policy.clone()).await.expect_success(), policy);
    assert_eq!(show().await.expect_success(), policy);
    set(json!({ "policy": "immediate" })).await.expect_success();
    for (body, field) in [
        (json!({ "policy": "sometimes" }), "policy"),
        (json!({ "policy": "threshold" }), "threshold"),
        (json!({ "policy": "threshold", "threshold": "0" }), "threshold"),
        (json!({ "policy": "manual", "threshold": "1" }), "threshold"),
    ] {
        assert_eq!(set(body).await.expect_problem(422, "invalid")["field"], field);
    }
    assert_eq!(show().await.expect_success(), json!({ "policy": "immediate" }));
}

#[tokio::test]
async fn collateral_lets_a_bad_reputation_list() {
    let world = World::new().await;
    let agent = world.agent(1, 200).await;
    world.teg.set_reputation(agent.did(), -5);
    post(&world, &agent, "deposit", json!({ "amount": "150" })).await.expect_success();
    let locked = post(&world, &agent, "collateral/lock", json!({ "amount": "100" })).await;
    assert_eq!(locked.expect_success(), json!({ "available": "50" }));
    assert_eq!(wallet(&world, &agent).await["in_bonds"], "100");
    world.listing(&agent).await;
    let release = post(&world, &agent, "collateral/release", json!({ "amount": "1" })).await;
    release.expect_problem(409, "collateral_needed");
}
