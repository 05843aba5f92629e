//! The same request twice is one request.

use axum::http::Method;
use serde_json::json;

use crate::common::{Call, World};

/// Sends the same call twice and expects one answer, told twice.
async fn expect_replay(call: impl Fn() -> Call) {
    let (first, second) = (call().send().await, call().send().await);
    first.expect_success();
    assert_eq!((second.status, &second.bytes), (first.status, &first.bytes));
    assert_eq!(first.header("idempotent-replayed"), None);
    assert_eq!(second.header("idempotent-replayed"), Some("true"));
}

#[tokio::test]
async fn answers_are_given_again_word_for_word() {
    let world = World::new().await;
    let (provider, buyer) = (world.agent(1, 100).await, world.agent(2, 100).await);
    let service = json!({
        "service_type": "custom", "name": "n", "description": "d", "price": "5",
    });
    expect_replay(|| world.post("/api/v1/services/list").by(&provider).key("1").json(&service))
        .await;
    let found = world.get("/api/v1/services/search").send().await.expect_success();
    assert_eq!(found["total"], 1, "one listing was put up");
    let listing = found["results"][0]["id"].as_str().unwrap();

    let path = format!("/api/v1/services/{listing}");
    let edit = json!({ "description": "better" });
    expect_replay(|| world.call(Method::PATCH, &path).by(&provider).key("1").json(&edit)).await;
    let path = format!("{path}/pause");
    expect_replay(|| world.post(&path).by(&provider).key("1")).await;
    let path = format!("/api/v1/services/{listing}/resume");
    expect_replay(|| world.post(&path).by(&provider).key("1")).await;

    let purchase = json!({ "listing_id": listing });
    expect_replay(|| world.post("/api/v1/orders/create").by(&buyer).key("1").json(&purchase)).await;
    let orders = world.get("/api/v1/orders").by(&buyer).send().await.expect_success();
    assert_eq!(orders["count"], 1, "one order was placed");
    let order = orders["results"][0]["order_id"].as_str().unwrap().to_owned();
    for (who, verb, body) in [
        (&provider, "start", json!({})),
        (&provider, "deliver", json!({ "inline": "work" })),
        (&buyer, "request-changes", json!({ "note": "more" })),
        (&provider, "offer-split", json!({ "seller": "1" })),
        (&buyer, "accept-split", json!({ "seller": "1" })),
    ] {
        let path = format!("/api/v1/orders/{order}/{verb}");
        expect_replay(|| world.post(&path).by(who).key("same").json(&body)).await;
    }

    let amount = json!({ "amount": "2" });
    for path in ["deposit", "withdraw", "collateral/lock", "collateral/release"] {
        let path = format!("/api/v1/wallet/{path}");
        expect_replay(|| world.post(&path).by(&buyer).key("1").json(&amount)).await;
    }
    let transfer = json!({ "to": provider.did().as_str(), "amount": "0.5" });
    expect_replay(|| world.post("/api/v1/wallet/transfer").by(&buyer).key("1").json(&transfer))
        .await;
    let policy = json!({ "policy": "threshold", "threshold": "10" });
    let path = "/api/v1/wallet/payout-policy";
    expect_replay(|| world.call(Method::PUT, path).by(&buyer).key("1").json(&policy)).await;
    world.work().await;
    world.expect_clean_books().await;
}

#[tokio::test]
async fn messages_are_answered_again_word_for_word() {
    let world = World::new().await;
    let (provider, buyer) = (world.agent(1, 100).await, world.agent(2, 100).await);
    let listing = world.listing(&provider).await;
    let message = json!({
        "type": "purchase_request", "from": buyer.did().as_str(), "listing_id": listing,
    });
    expect_replay(|| world.post("/a2a/message").by(&buyer).key("p").json(&message)).await;
    let orders = world.get("/api/v1/orders").by(&buyer).send().await.expect_success();
    assert_eq!(orders["count"], 1);
}

#[tokio::test]
async fn another_body_is_refused_once_something_was_stored() {
    let world = World::new().await;
    let (buyer, other) = (world.agent(1, 10).await, world.agent(2, 10).await);
    let deposit = |agent, amount: &str, key: &str| {
        let body = json!({ "amount": amount });
        world.post("/api/v1/wallet/deposit").by(agent).key(key).json(&body).send()
    };
    // A refusal stores nothing: the same key may succeed later, even with another body.
    deposit(&buyer, "11", "k").await.expect_problem(402, "insufficient_balance");
    deposit(&buyer, "1", "k").await.expect_success();
    deposit(&buyer, "2", "k").await.expect_problem(422, "idempotency_key_reused");
    // Keys belong to their caller and their route.
    deposit(&other, "2", "k").await.expect_success();
    let body = json!({ "amount": "1" });
    let call = world.post("/api/v1/wallet/withdraw").by(&buyer).key("k").json(&body);
    call.send().await.expect_success();
    let wallet = world.get("/api/v1/wallet").by(&buyer).send().await.expect_success();
    assert_eq!((&wallet["available"], &wallet["in_flight"]), (&json!("0"), &json!("1")));
}

#[tokio::test]
async fn a_key_of_one_order_is_none_of_another() {
    let world = World::new().await;
    let (provider, buyer) = (world.agent(1, 1).await, world.agent(2, 100).await);
    let listing = world.listing(&provider).await;
    let mut seen = Vec::new();
    for _ in 0..2 {
        let order = world.order(&buyer, &listing, "buyer_confirms").await;
        let path = format!("/api/v1/orders/{order}/cancel");
        let reply = world.post(&path).by(&buyer).key("cancel").send().await;
        assert_eq!(reply.expect_success()["order_id"], order.as_str());
        seen.push(order);
    }
    assert_ne!(seen[0], seen[1]);
}

#[tokio::test]
async fn keys_have_bounds() {
    let world = World::new().await;
    let agent = world.agent(1, 10).await;
    let deposit = |key: &str| {
        let body = json!({ "amount": "1" });
        world.post("/api/v1/wallet/deposit").by(&agent).key(key).json(&body).send()
    };
    let (longest, longer) = ("k".repeat(255), "k".repeat(256));
    deposit(&longest).await.expect_success();
    for key in ["", "two words", "é", longer.as_str()] {
        deposit(key).await.expect_problem(400, "invalid_idempotency_key");
    }
}
