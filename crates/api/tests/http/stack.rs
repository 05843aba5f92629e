//! The routes of the original stack, as its deployed clients call them.

use marketplace_api::AuthMode;
use marketplace_money::Amount;
use serde_json::{Value, json};

use crate::common::{Call, LISTEN, World};

fn listing(provider: &str) -> Value {
    json!({
        "provider_did": provider, "name": "CSV Analyzer", "description": "Analyze CSV files",
        "service_type": "data_processing", "price": 5.0, "currency": "AVT",
    })
}

fn here(call: Call) -> Call {
    call.header("host", LISTEN)
}

#[tokio::test]
async fn clients_of_the_original_pass_unmodified_in_the_open_mode() {
    let world = World::in_mode(AuthMode::Open).await;
    world.teg.issue(&"did:provider".parse().unwrap(), Amount::from_avt(1));
    world.teg.issue(&"did:buyer".parse().unwrap(), Amount::from_avt(10));
    let post = |path: &str, body: &Value| here(world.post(path)).json(body);
    let listed = post("/api/v1/marketplace/listings", &listing("did:provider")).send().await;
    assert_eq!(listed.status.as_u16(), 200, "{listed:?}");
    let listed = listed.json();
    assert_eq!(listed["listing"]["service_type"], "data-processing");
    let id = listed["listing"]["id"].as_str().unwrap();
    let purchase = json!({ "listing_id": id, "buyer_did": "did:buyer", "quantity": 1 });
    let bought = post("/api/v1/marketplace/purchase", &purchase).send().await;
    assert_eq!(bought.status.as_u16(), 200, "{bought:?}");
    let order = bought.json()["order"].clone();
    assert_eq!(order["status"], "escrow_funded");
    assert_eq!(order["acceptance_policy"], "auto_on_delivery");
    let place = format!("/api/v1/marketplace/orders/{}", order["id"].as_str().unwrap());
    let shown = here(world.get(&place)).send().await.expect_success();
    assert_eq!(shown, json!({ "id": order["id"], "status": "escrow_funded" }));
    let done = post(&format!("{place}/complete"), &json!({})).send().await.expect_success();
    assert_eq!(done["order"]["status"], "completed");
    let shown = here(world.get(&place)).send().await.expect_success();
    assert_eq!(shown["status"], "completed");
    let wallet = here(world.get("/api/v1/wallet")).bearer("did:provider").send().await;
    assert_eq!(wallet.expect_success()["available"], "5");
    world.get("/health").header("host", LISTEN).send().await.expect_success();
    world.expect_clean_books().await;
}

#[tokio::test]
async fn a_kind_of_service_that_we_do_not_know_is_custom_in_the_open_mode_only() {
    let world = World::in_mode(AuthMode::Open).await;
    world.teg.issue(&"did:provider".parse().unwrap(), Amount::from_avt(1));
    let mut body = listing("did:provider");
    body["service_type"] = json!("llm-inference");
    let call = here(world.post("/api/v1/marketplace/listings")).json(&body);
    assert_eq!(call.send().await.expect_success()["listing"]["service_type"], "custom");
    let world = World::new().await;
    let provider = world.agent(1, 10).await;
    body["provider_did"] = json!(provider.did().as_str());
    let call = world.post("/api/v1/marketplace/listings").by(&provider).json(&body);
    call.send().await.expect_problem(422, "invalid");
}

struct Scene {
    world: World,
    provider: crate::common::Agent,
    buyer: crate::common::Agent,
    listing: String,
}

async fn scene() -> Scene {
    let world = World::new().await;
    let (provider, buyer) = (world.agent(1, 10).await, world.agent(2, 20).await);
    let body = listing(provider.did().as_str());
    let call = world.post("/api/v1/marketplace/listings").by(&provider).json(&body);
    let listed = call.send().await.expect_success();
    let listing = listed["listing"]["id"].as_str().unwrap().to_owned();
    Scene { world, provider, buyer, listing }
}

#[tokio::test]
async fn everywhere_else_they_keep_our_rules() {
    let Scene { world, provider, buyer, listing } = scene().await;
    let purchase = json!({ "listing_id": listing, "buyer_did": buyer.did().as_str() });
    let buy = || world.post("/api/v1/marketplace/purchase").json(&purchase);
    buy().send().await.expect_problem(401, "token_missing");
    buy().by(&provider).send().await.expect_problem(403, "forged_from");
    let order = buy().by(&buyer).send().await.expect_success()["order"].clone();
    assert_eq!(order["acceptance_policy"], "buyer_confirms");
    assert_eq!(order["buyer"], buyer.did().as_str());
    let place = format!("/api/v1/marketplace/orders/{}", order["id"].as_str().unwrap());
    world.get(&place).send().await.expect_problem(401, "token_missing");
    let stranger = world.agent(3, 0).await;
    world.get(&place).by(&stranger).send().await.expect_problem(404, "order_not_found");
    let complete = || world.post(&format!("{place}/complete"));
    complete().send().await.expect_problem(401, "token_missing");
    complete().by(&stranger).send().await.expect_problem(404, "order_not_found");
    let delivery = json!({ "delivery": { "inline": "rows: 3" } });
    let delivered = complete().by(&provider).json(&delivery).send().await.expect_success();
    assert_eq!(delivered["order"]["status"], "escrow_funded", "the buyer has the word");
    assert_eq!(delivered["order"]["phase"], "DELIVERED");
    let done = complete().by(&buyer).send().await.expect_success();
    assert_eq!(done["order"]["status"], "completed");
    let shown = world.get(&place).by(&provider).send().await.expect_success();
    assert_eq!((&shown["id"], &shown["status"]), (&order["id"], &json!("completed")));
    world.expect_clean_books().await;
}

#[tokio::test]
async fn an_api_key_buys_for_its_agent_only() {
    let Scene { world, buyer, listing, provider } = scene().await;
    let made = world.post("/api/v1/api-keys").bearer(&world.proof(&buyer.key)).send().await;
    let key = made.json()["api_key"].as_str().unwrap().to_owned();
    let buy = |body: Value| {
        world.post("/api/v1/marketplace/purchase").header("x-api-key", &key).json(&body)
    };
    let order = buy(json!({ "listing_id": listing })).send().await.expect_success();
    assert_eq!(order["order"]["buyer"], buyer.did().as_str());
    let forged = json!({ "listing_id": listing, "buyer_did": provider.did().as_str() });
    buy(forged).send().await.expect_problem(403, "forged_from");
    // The answer to an attempt is given again.
    let again = || buy(json!({ "listing_id": listing })).key("once");
    let first = again().send().await;
    let second = again().send().await;
    assert_eq!(first.text(), second.text());
    assert_eq!(second.header("idempotent-replayed"), Some("true"));
}

#[tokio::test]
async fn purchases_that_cannot_be_read() {
    let Scene { world, buyer, listing, .. } = scene().await;
    let check = async |fields: Value, status: u16, code: &str| {
        let mut body = json!({ "listing_id": listing });
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let call = world.post("/api/v1/marketplace/purchase").by(&buyer).json(&body);
        call.send().await.expect_problem(status, code);
    };
    check(json!({ "listing_id": "nonsense" }), 404, "listing_not_found").await;
    check(json!({ "listing_id": 7 }), 422, "invalid_body").await;
    check(json!({ "prepaid_escrow": true }), 422, "invalid").await;
    check(json!({ "prepaid_escrow": false, "escrow_tx_id": "tx" }), 422, "invalid").await;
    check(json!({ "prepaid_escrow": true, "escrow_tx_id": "" }), 422, "invalid").await;
    check(json!({ "escrow_tx_id": "x".repeat(256) }), 422, "invalid").await;
    check(json!({ "payment": { "method": "card" } }), 422, "invalid").await;
    check(json!({ "payment": [] }), 422, "invalid_body").await;
    check(json!({ "acceptance_policy": "never" }), 422, "invalid").await;
    check(json!({ "expected_total": "5" }), 409, "price_changed").await;
    check(json!({ "prepaid_escrow": "yes" }), 422, "invalid_body").await;
    let unknown = "/api/v1/marketplace/orders/0197f3a2-7c1e-7aaa-8b1b-0242ac120002";
    world.get(unknown).by(&buyer).send().await.expect_problem(404, "order_not_found");
    for body in [json!({ "name": "x" }), json!({ "name": "x", "price": "free" }), json!([])] {
        let call = world.post("/api/v1/marketplace/listings").by(&buyer).json(&body);
        let reply = call.send().await;
        assert_eq!(reply.status.as_u16(), 422, "{body} {reply:?}");
    }
}
