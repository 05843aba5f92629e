//! Who is believed to be who.

use axum::http::{Method, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use marketplace_money::Seconds;
use marketplace_registry::AgentKey;
use serde_json::json;

use crate::common::{OURS, PUBLIC_URL, World};

fn key() -> AgentKey {
    AgentKey::from_secret(&[1; 32])
}

#[tokio::test]
async fn a_proof_is_exchanged_once() {
    let world = World::new().await;
    let proof = world.proof(&key());
    let reply = world.post("/api/v1/auth/token").bearer(&proof).send().await;
    let token = reply.expect_success();
    assert_eq!(token["token_type"], "bearer");
    assert_eq!(token["expires_in"], 900);
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let again = world.post("/api/v1/auth/token").bearer(&proof).send().await;
    again.expect_problem(401, "token_replayed");
}

#[tokio::test]
async fn an_access_token_is_not_exchanged_again() {
    let world = World::new().await;
    let agent = world.agent(1, 0).await;
    let reply = world.post("/api/v1/auth/token").by(&agent).send().await;
    reply.expect_problem(401, "proof_required");
}

#[tokio::test]
async fn a_proof_serves_one_command_and_many_reads() {
    let world = World::new().await;
    let proof = world.proof(&key());
    for _ in 0..2 {
        world.get("/api/v1/wallet").bearer(&proof).send().await.expect_success();
    }
    let faucet = || world.post("/api/v1/wallet/faucet").bearer(&proof).send();
    faucet().await.expect_success();
    faucet().await.expect_problem(401, "token_replayed");
    world.get("/api/v1/wallet").bearer(&proof).send().await.expect_success();
}

#[tokio::test]
async fn a_refused_command_does_not_use_its_proof_up() {
    let world = World::new().await;
    let proof = world.proof(&key());
    let body = json!({ "to": OURS, "amount": "1" });
    let transfer = || world.post("/api/v1/wallet/transfer").bearer(&proof).json(&body).send();
    transfer().await.expect_problem(402, "insufficient_balance");
    transfer().await.expect_problem(402, "insufficient_balance");
    // What it is good for then, it is good for once.
    let payout = json!({ "policy": "immediate" });
    let set =
        || world.call(Method::PUT, "/api/v1/wallet/payout-policy").bearer(&proof).json(&payout);
    set().send().await.expect_success();
    set().send().await.expect_problem(401, "token_replayed");
    transfer().await.expect_problem(401, "token_replayed");
}

#[tokio::test]
async fn tokens_that_prove_nothing() {
    let world = World::new().await;
    let now = world.clock.now();
    let mint = |audience: &str, from, life| key().mint(audience, from, life, "nonce-0001");
    let minute = Seconds(60);
    let named = key().named("did:agentvault:nobody".parse().unwrap());
    let other = AgentKey::from_secret(&[2; 32]).named(key().did().clone());
    let cases = [
        ("x", "token_malformed"),
        ("eyJhbGciOiJub25lIn0.e30.", "token_malformed"),
        (&mint("did:other", now, minute), "token_wrong_audience"),
        (&mint(OURS, now.minus(Seconds(200)), minute), "token_expired"),
        (&mint(OURS, now.plus(Seconds(61)), minute), "token_bad_times"),
        (&mint(OURS, now, Seconds(3_601)), "token_bad_times"),
        (&named.mint(OURS, now, minute, "nonce-0002"), "token_unknown_key"),
        (&other.mint(OURS, now, minute, "nonce-0003"), "token_bad_signature"),
    ];
    for (token, code) in cases {
        let reply = world.get("/api/v1/wallet").bearer(token).send().await;
        reply.expect_problem(401, code);
        let challenge = reply.header("www-authenticate").unwrap();
        assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");
    }
    let reply = world.get("/api/v1/wallet").header("authorization", "Basic eDp5").send().await;
    reply.expect_problem(401, "token_malformed");
    let reply = world.get("/api/v1/wallet").send().await;
    reply.expect_problem(401, "token_missing");
    assert_eq!(reply.header("www-authenticate"), Some("Bearer realm=\"marketplace\""));
    // Where nobody has to show a token, a wrong one is still wrong.
    let listing = world.listing(&world.agent(9, 1).await).await;
    let path = format!("/api/v1/services/{listing}");
    world.get(&path).bearer("x").send().await.expect_problem(401, "token_malformed");
}

#[tokio::test]
async fn both_of_our_names_are_good_audiences() {
    let world = World::new().await;
    for audience in [OURS, PUBLIC_URL] {
        let proof = key().mint(audience, world.clock.now(), Seconds(60), "nonce-0001");
        world.get("/api/v1/wallet").bearer(&proof).send().await.expect_success();
    }
}

#[tokio::test]
async fn from_is_the_token() {
    let world = World::new().await;
    let (agent, other) = (world.agent(1, 1).await, world.agent(2, 1).await);
    let forged = json!({ "type": "search_request", "from": other.did().as_str() });
    world.message(&agent, forged).await.expect_problem(403, "forged_from");
    let nobody = json!({ "type": "search_request", "from": "" });
    world.message(&agent, nobody).await.expect_problem(403, "forged_from");
    world.message(&agent, json!({ "type": "search_request" })).await.expect_success();
}

#[tokio::test]
async fn a_did_is_bound_to_a_key_by_a_signed_claim() {
    let world = World::new().await;
    let name = "did:agentvault:csv-analyzer";
    let agent = key().named(name.parse().unwrap());
    let register = |claim: marketplace_ports::Registration| {
        let body = json!({
            "did": claim.record.did.as_str(),
            "public_key": URL_SAFE_NO_PAD.encode(claim.record.public_key),
            "endpoint": claim.record.endpoint,
            "serial": claim.serial,
            "signature": URL_SAFE_NO_PAD.encode(claim.signature),
        });
        world.post("/api/v1/agents/register").json(&body).send()
    };
    let claim = agent.claim(Some("https://agent.example/a2a".to_owned()), 1, None);
    let mut forged = claim.clone();
    forged.signature[0] ^= 1;
    register(forged).await.expect_problem(403, "registration_refused");
    let bound = register(claim).await.expect_success();
    assert_eq!(bound["did"], name);
    let thief = AgentKey::from_secret(&[2; 32]).named(name.parse().unwrap());
    register(thief.claim(None, 2, None)).await.expect_problem(403, "registration_refused");
}

#[tokio::test]
async fn a_bound_did_proves_itself() {
    let world = World::new().await;
    let agent = key().named("did:agentvault:csv-analyzer".parse().unwrap());
    let claim = agent.claim(None, 1, None);
    let body = json!({
        "did": claim.record.did.as_str(),
        "public_key": URL_SAFE_NO_PAD.encode(claim.record.public_key),
        "serial": claim.serial,
        "signature": URL_SAFE_NO_PAD.encode(claim.signature),
    });
    let reply = world.post("/api/v1/agents/register").json(&body).send().await;
    assert_eq!(reply.status, StatusCode::OK, "{reply:?}");
    let proof = agent.mint(OURS, world.clock.now(), Seconds(60), "nonce-0001");
    let wallet = world.get("/api/v1/wallet").bearer(&proof).send().await.expect_success();
    assert_eq!(wallet["did"], "did:agentvault:csv-analyzer");
}
