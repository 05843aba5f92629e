//! API keys: made with a proof or by an operator, kept as hashes, bound to one agent, revocable.

use marketplace_wire::hex;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::common::{Agent, World};

fn id(secret: &str) -> String {
    hex(&Sha256::digest(secret))
}

/// A key of the agent's own making.
async fn make(world: &World, agent: &Agent) -> String {
    let call = world.post("/api/v1/api-keys").bearer(&world.proof(&agent.key));
    let reply = call.json(&json!({ "label": "cron" })).send().await;
    assert_eq!(reply.status.as_u16(), 201, "{reply:?}");
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let body = reply.json();
    let secret = body["api_key"].as_str().unwrap().to_owned();
    assert!(secret.len() > 60 && secret.starts_with("mk_"), "{secret}");
    assert_eq!((&body["id"], &body["label"]), (&json!(id(&secret)), &json!("cron")));
    assert_eq!(body["did"], agent.did().as_str());
    secret
}

#[tokio::test]
async fn a_key_speaks_for_its_agent_until_it_is_revoked() {
    let world = World::new().await;
    let agent = world.agent(1, 0).await;
    let secret = make(&world, &agent).await;
    let wallet = async || world.get("/api/v1/wallet").header("x-api-key", &secret).send().await;
    assert_eq!(wallet().await.expect_success()["did"], agent.did().as_str());

    let page = world.get("/api/v1/api-keys").by(&agent).send().await.expect_success();
    assert_eq!((&page["count"], &page["results"][0]["id"]), (&json!(1), &json!(id(&secret))));
    assert!(!page.to_string().contains(&secret));

    let path = format!("/api/v1/api-keys/{}/revoke", id(&secret));
    let stranger = world.agent(2, 0).await;
    let foreign = world.post(&path).by(&stranger).send().await;
    foreign.expect_problem(404, "not_found");
    wallet().await.expect_success();
    for _ in 0..2 {
        let revoked = world.post(&path).by(&agent).send().await.expect_success();
        assert!(revoked["revoked_at"].is_string());
        wallet().await.expect_problem(401, "api_key_revoked");
    }
    let page = world.get("/api/v1/api-keys").by(&agent).send().await.expect_success();
    assert!(page["results"][0]["revoked_at"].is_string());
}

#[tokio::test]
async fn only_a_proof_makes_a_key_and_a_key_makes_nothing() {
    let world = World::new().await;
    let agent = world.agent(1, 0).await;
    let secret = make(&world, &agent).await;
    let make = || world.post("/api/v1/api-keys");
    make().by(&agent).send().await.expect_problem(401, "proof_required");
    make().header("x-api-key", &secret).send().await.expect_problem(401, "proof_required");
    let exchange = world.post("/api/v1/auth/token").header("x-api-key", &secret).send().await;
    exchange.expect_problem(401, "proof_required");
    let proof = world.proof(&agent.key);
    assert_eq!(make().bearer(&proof).send().await.status.as_u16(), 201);
    make().bearer(&proof).send().await.expect_problem(401, "token_replayed");
    for label in ["x".repeat(121), "a\nb".to_owned()] {
        let call = make().bearer(&world.proof(&agent.key)).json(&json!({ "label": label }));
        call.send().await.expect_problem(422, "invalid");
    }
}

#[tokio::test]
async fn operators_bind_keys_that_are_in_use_elsewhere() {
    let world = World::new().await;
    let (agent, operator) = (world.agent(1, 0).await, world.operator().await);
    let foreign = "avreg_a-key-of-the-original-stack";
    let with_key = || world.get("/api/v1/wallet").header("x-api-key", foreign);
    with_key().send().await.expect_problem(401, "api_key_unknown");
    let bind = |did: &str| {
        let body = json!({
            "did": did, "sha256": id(foreign), "label": "imported", "reason": "from elsewhere",
        });
        world.post("/api/v1/admin/api-keys").by(&operator).json(&body)
    };
    for _ in 0..2 {
        let bound = bind(agent.did().as_str()).send().await;
        assert_eq!(bound.status.as_u16(), 201, "{bound:?}");
    }
    assert_eq!(with_key().send().await.expect_success()["did"], agent.did().as_str());
    bind("did:agentvault:other").send().await.expect_problem(409, "api_key_taken");
    let place = format!("/api/v1/admin/api-keys?did={}", agent.did());
    let page = world.get(&place).by(&operator).send().await.expect_success();
    assert_eq!(page["count"], 1);
    let path = format!("/api/v1/admin/api-keys/{}/revoke", id(foreign));
    let revoke = |body: &serde_json::Value| world.post(&path).by(&operator).json(body);
    revoke(&json!({})).send().await.expect_problem(422, "invalid_body");
    revoke(&json!({ "reason": " " })).send().await.expect_problem(422, "invalid");
    let tried = json!({ "reason": "it leaked", "dry_run": true });
    assert!(revoke(&tried).send().await.expect_success()["revoked_at"].is_string());
    with_key().send().await.expect_success();
    revoke(&json!({ "reason": "it leaked" })).send().await.expect_success();
    with_key().send().await.expect_problem(401, "api_key_revoked");
    // Revoked is revoked: the same secret never speaks for anybody again.
    bind(agent.did().as_str()).send().await.expect_problem(409, "api_key_taken");

    for body in [
        json!({ "did": "nonsense", "sha256": id("x") }),
        json!({ "did": "did:a:b", "sha256": "zz" }),
        json!({ "did": "did:a:b", "sha256": id("x"), "label": "x".repeat(200) }),
        json!({ "did": "did:a:b", "sha256": id("x"), "reason": "" }),
    ] {
        let mut body = body;
        if body["reason"].is_null() {
            body["reason"] = "why not".into();
        }
        let call = world.post("/api/v1/admin/api-keys").by(&operator).json(&body);
        call.send().await.expect_problem(422, "invalid");
    }
    let call = world.get("/api/v1/admin/api-keys?did=x").by(&operator);
    call.send().await.expect_problem(400, "invalid_query");
}

#[tokio::test]
async fn keys_that_are_none() {
    let world = World::new().await;
    for key in ["", "x", "mk_0", "é", &"x".repeat(10_000)] {
        let call = world.get("/api/v1/wallet").header("x-api-key", key);
        call.send().await.expect_problem(401, "api_key_unknown");
    }
}

#[tokio::test]
async fn our_key_is_shown_and_an_operator_cannot_change_what_a_secret_gives() {
    let world = World::new().await;
    let operator = world.operator().await;
    let keys = world.get("/.well-known/jwks.json").send().await.expect_success();
    assert_eq!(
        (&keys["keys"][0]["kty"], &keys["keys"][0]["crv"]),
        (&json!("OKP"), &json!("Ed25519"))
    );
    let rotate = world.post("/api/v1/admin/key/rotate").by(&operator);
    let rotate = rotate.json(&json!({ "reason": "it is old" })).send().await;
    rotate.expect_problem(409, "key_not_changed");
}
