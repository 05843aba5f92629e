//! The original's messages and their replies, word for word.

use marketplace_contract_kit::{StoreFault, TegFault};
use serde_json::json;

use crate::common::World;

fn service() -> serde_json::Value {
    json!({
        "type": "data-processing", "name": "CSV Analyzer",
        "description": "Analyze CSV files", "price": "5.0",
    })
}

/// The keys of an object, sorted.
fn keys(value: &serde_json::Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[tokio::test]
async fn the_originals_scenario() {
    let world = World::new().await;
    let (provider, buyer) = (world.agent(1, 100).await, world.agent(2, 100).await);
    let message = json!({ "type": "list_service", "service": service() });
    let listed = world.message(&provider, message).await.expect_success();
    assert_eq!(keys(&listed), ["expires_at", "listing_id", "status", "type"]);
    assert_eq!(
        (&listed["type"], &listed["status"]),
        (&json!("listing_response"), &json!("success"))
    );
    assert_eq!(listed["expires_at"], "2026-10-21T14:13:20.000000Z");

    let message = json!({
        "type": "purchase_request", "listing_id": listed["listing_id"],
        "acceptance_policy": "auto_on_delivery", "expected_total": "5.125",
    });
    let bought = world.message(&buyer, message).await.expect_success();
    assert_eq!(keys(&bought), ["escrow_amount", "expires_at", "order_id", "status", "type"]);
    assert_eq!(bought["escrow_amount"], "5.125");
    let order = bought["order_id"].as_str().unwrap();

    let path = format!("/api/v1/escrow/{order}");
    let escrow = world.get(&path).by(&buyer).send().await.expect_success();
    assert_eq!(escrow["status"], "ESCROW_FUNDED");
    assert_eq!(escrow["amount"], "5");
    assert_eq!(escrow["buyer"], buyer.did().as_str());
    assert_eq!(escrow["seller"], provider.did().as_str());
    assert_eq!(escrow["created_at"], "2026-09-21T14:13:20.000000Z");
    assert_eq!(escrow["expires_at"], bought["expires_at"]);

    let message = json!({ "type": "order_complete", "order_id": order });
    let done = world.message(&provider, message).await.expect_success();
    assert_eq!(
        done,
        json!({
            "type": "order_complete_response", "status": "success", "order_id": order,
            "order_status": "COMPLETED", "phase": "ACCEPTED",
        })
    );
    let wallet = world.get("/api/v1/wallet").by(&provider).send().await.expect_success();
    assert_eq!(wallet["available"], "5");
    let audit = world.marketplace.audit().await.unwrap();
    let total =
        |kind: &str| audit.totals.iter().find(|(name, _)| name == kind).unwrap().1.to_string();
    assert_eq!((total("fees:transaction"), total("fees:listing")), ("0.125".into(), "0.1".into()));
    world.expect_clean_books().await;
}

#[tokio::test]
async fn a_provider_alone_cannot_get_the_money() {
    let world = World::new().await;
    let (provider, buyer) = (world.agent(1, 100).await, world.agent(2, 100).await);
    let listing = world.listing(&provider).await;
    let message = json!({ "type": "purchase_request", "listing_id": listing });
    let order = world.message(&buyer, message).await.expect_success()["order_id"].clone();
    let complete = json!({ "type": "order_complete", "order_id": order });
    let reply = world.message(&provider, complete.clone()).await;
    let reply = reply.expect_no("order_complete_response", "content_required");
    assert_eq!(keys(&reply), ["code", "reason", "status", "type"]);
    let with_work = json!({
        "type": "order_complete", "order_id": order, "delivery": { "inline": "a,b\n1,2\n" },
    });
    let reply = world.message(&provider, with_work).await.expect_success();
    assert_eq!(reply["phase"], "DELIVERED");
    let reply = world.message(&provider, complete.clone()).await;
    reply.expect_no("order_complete_response", "wrong_phase");
    let reply = world.message(&buyer, complete).await.expect_success();
    assert_eq!(
        (&reply["order_status"], &reply["phase"]),
        (&json!("COMPLETED"), &json!("ACCEPTED"))
    );
}

#[tokio::test]
async fn listings_are_rejected_with_a_reason() {
    let world = World::new().await;
    let (poor, bad) = (world.agent(1, 0).await, world.agent(2, 10).await);
    world.teg.set_reputation(bad.did(), -1);
    let message = json!({ "type": "list_service", "service": service() });
    let reply = world.message(&bad, message.clone()).await;
    let reply = reply.expect_no("listing_response", "insufficient_reputation");
    assert_eq!(
        reply,
        json!({
            "type": "listing_response", "status": "rejected",
            "reason": "Insufficient reputation", "code": "insufficient_reputation",
        })
    );
    let reply = world.message(&poor, message).await;
    let reply = reply.expect_no("listing_response", "listing_fee_not_collected");
    let reason = reply["reason"].as_str().unwrap();
    assert_eq!(reason, "Failed to collect listing fee: Insufficient balance. Need 0.1 AVT");
    let mut nameless = service();
    nameless["name"] = json!("");
    let message = json!({ "type": "list_service", "service": nameless });
    let reply = world.message(&poor, message).await.expect_no("listing_response", "invalid");
    assert_eq!(reply["reason"], "name must not be empty");
}

#[tokio::test]
async fn purchases_fail_with_a_reason() {
    let world = World::new().await;
    let (provider, poor) = (world.agent(1, 100).await, world.agent(2, 5).await);
    let listing = world.listing(&provider).await;
    let buy = |agent, extra: serde_json::Value| {
        let mut message = json!({ "type": "purchase_request", "listing_id": listing });
        message.as_object_mut().unwrap().append(&mut extra.as_object().unwrap().clone());
        world.message(agent, message)
    };
    let no = "purchase_response";
    let reply = buy(&poor, json!({})).await.expect_no(no, "insufficient_balance");
    assert_eq!(
        reply,
        json!({
            "type": no, "status": "failed", "reason": "Insufficient balance. Need 5.125 AVT",
            "code": "insufficient_balance",
        })
    );
    buy(&provider, json!({})).await.expect_no(no, "own_listing");
    buy(&poor, json!({ "expected_total": "5" })).await.expect_no(no, "price_changed");
    buy(&poor, json!({ "expected_total": 4 })).await.expect_no(no, "price_changed");
    buy(&poor, json!({ "expected_total": "x" })).await.expect_no(no, "invalid");
    buy(&poor, json!({ "acceptance_policy": "trust" })).await.expect_no(no, "invalid");
    buy(&poor, json!({ "acceptance_policy": "verified" }))
        .await
        .expect_no(no, "policy_not_offered");
    buy(&poor, json!({ "payment": { "method": "gold" } })).await.expect_no(no, "invalid");
    buy(&poor, json!({ "quote": "forged" })).await.expect_no(no, "invalid");
    for listing in ["0197f3a2-7c1e-7aaa-8b1b-0242ac120002", "x"] {
        let message = json!({ "type": "purchase_request", "listing_id": listing });
        let reply = world.message(&poor, message).await.expect_no(no, "listing_not_found");
        assert_eq!(reply["reason"], "Listing not found or inactive");
    }
    let orders = world.get("/api/v1/orders").by(&poor).send().await.expect_success();
    assert_eq!(orders["count"], 0, "a refused purchase leaves no order");
}

#[tokio::test]
async fn a_purchase_by_transfer_says_how_to_pay() {
    let world = World::new().await;
    let (provider, buyer) = (world.agent(1, 1).await, world.agent(2, 10).await);
    let listing = world.listing(&provider).await;
    let message = json!({
        "type": "purchase_request", "listing_id": listing, "payment": { "method": "transfer" },
    });
    let reply = world.message(&buyer, message).await.expect_success();
    let order = reply["order_id"].as_str().unwrap();
    assert_eq!(
        (&reply["order_status"], &reply["phase"]),
        (&json!("PENDING"), &json!("AWAITING_FUNDS"))
    );
    assert_eq!(
        reply["payment"],
        json!({
            "method": "transfer", "amount": "5.125", "receiver": crate::common::OURS,
            "memo": format!("order:{order}"),
        })
    );
    let path = format!("/api/v1/orders/{order}");
    let shown = world.get(&path).by(&buyer).send().await.expect_success();
    assert_eq!(shown["payment"], reply["payment"]);
    let transfer = marketplace_ports::TransferOrder {
        key: "0197f3a2-7c1e-7aaa-8b1b-0242ac120002".parse().unwrap(),
        counterparty: crate::common::OURS.parse().unwrap(),
        amount: "5.125".parse().unwrap(),
        memo: reply["payment"]["memo"].as_str().unwrap().to_owned(),
    };
    world.teg.transfer_from(buyer.did(), &transfer).unwrap();
    world.work().await;
    let shown = world.get(&path).by(&buyer).send().await.expect_success();
    assert_eq!(shown["status"], "ESCROW_FUNDED");
    assert!(shown.get("payment").is_none());
    world.expect_clean_books().await;
}

#[tokio::test]
async fn searches() {
    let world = World::new().await;
    let (provider, buyer) = (world.agent(1, 1).await, world.agent(2, 0).await);
    let listing = world.listing(&provider).await;
    let search = |extra: serde_json::Value| {
        let mut message = json!({ "type": "search_request" });
        message.as_object_mut().unwrap().append(&mut extra.as_object().unwrap().clone());
        world.message(&buyer, message)
    };
    let reply = search(json!({ "service_type": "data-processing", "min_price": 0 })).await;
    let reply = reply.expect_success();
    assert_eq!((&reply["type"], &reply["count"]), (&json!("search_response"), &json!(1)));
    assert_eq!(reply["results"][0]["id"], listing.as_str());
    let reply = search(json!({ "max_price": 4.999 })).await.expect_success();
    assert_eq!((&reply["count"], &reply["results"]), (&json!(0), &json!([])));
    search(json!({ "min_price": "x" })).await.expect_problem(400, "invalid_query");
    search(json!({ "min_price": [] })).await.expect_problem(422, "invalid_body");
}

#[tokio::test]
async fn completions_of_foreign_orders_fail() {
    let world = World::new().await;
    let (provider, buyer) = (world.agent(1, 1).await, world.agent(2, 10).await);
    let stranger = world.agent(3, 10).await;
    let listing = world.listing(&provider).await;
    let order = world.order(&buyer, &listing, "auto_on_delivery").await;
    for order in [order.as_str(), "0197f3a2-7c1e-7aaa-8b1b-0242ac120002", "x"] {
        for delivery in [json!(null), json!({ "inline": "mine" })] {
            let message =
                json!({ "type": "order_complete", "order_id": order, "delivery": delivery });
            let reply = world.message(&stranger, message).await;
            let reply = reply.expect_no("order_complete_response", "order_not_found");
            assert_eq!(reply["reason"], "Order not found");
        }
    }
}

#[tokio::test]
async fn faults_are_problems_and_not_replies() {
    let world = World::in_memory().await;
    let (provider, buyer) = (world.agent(1, 1).await, world.agent(2, 10).await);
    let listing = world.listing(&provider).await;
    let message = json!({ "type": "purchase_request", "listing_id": listing });
    world.teg.plan_faults(|_| TegFault::UnavailableBefore);
    let reply = world.message(&buyer, message.clone()).await;
    reply.expect_problem(503, "unavailable");
    assert!(reply.header("retry-after").is_some());
    world.teg.clear_faults();
    world.kept.memory().plan_faults(|_| StoreFault::FailBefore);
    world.message(&buyer, message.clone()).await.expect_problem(503, "unavailable");
    world.kept.memory().clear_faults();
    world.message(&buyer, message).await.expect_success();
    world.expect_clean_books().await;
}

#[tokio::test]
async fn the_busy_path_asks_the_store_for_nothing_but_its_commit() {
    let world = World::in_memory().await;
    let (provider, buyer) = (world.agent(1, 1).await, world.agent(2, 10).await);
    let listing = world.listing(&provider).await;
    let deposit = json!({ "amount": "6" });
    world.post("/api/v1/wallet/deposit").by(&buyer).json(&deposit).send().await.expect_success();
    let calls = ["load", "commit", "now", "clock", "order", "listing", "agent"];
    let count = || calls.map(|call| world.kept.memory().calls(call));
    let before = count();
    let message = json!({
        "type": "purchase_request", "listing_id": listing, "acceptance_policy": "auto_on_delivery",
    });
    let order = world.message(&buyer, message).await.expect_success()["order_id"].clone();
    let message = json!({ "type": "order_complete", "order_id": order });
    world.message(&provider, message).await.expect_success();
    let after = count();
    let used: Vec<u64> = after.iter().zip(before).map(|(after, before)| after - before).collect();
    assert_eq!(used, [2, 2, 0, 0, 0, 0, 0], "{calls:?}");
}
