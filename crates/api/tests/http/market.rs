//! The market at a glance.

use serde_json::json;

use crate::common::World;

#[tokio::test]
async fn the_market_is_counted_as_it_trades() {
    // Where the feed follows a moment later, so do the counts.
    let world = World::in_memory().await;
    let (provider, buyer) = (world.agent(1, 10).await, world.agent(2, 100).await);
    let service = json!({
        "service_type": "analysis", "name": "Counted", "description": "d", "price": "5",
    });
    let call = world.post("/api/v1/services/list").by(&provider).json(&service);
    let listing = call.send().await.expect_success()["id"].as_str().unwrap().to_owned();
    let buy = async || {
        let call = world.post("/api/v1/orders/create").by(&buyer);
        let order = call.json(&json!({ "listing_id": listing })).send().await.expect_success();
        order["order_id"].as_str().unwrap().to_owned()
    };
    let (paid, _open) = (buy().await, buy().await);
    let work = json!({ "inline": "done" });
    let call = world.post(&format!("/api/v1/orders/{paid}/deliver")).by(&provider).json(&work);
    call.send().await.expect_success();
    let call = world.post(&format!("/api/v1/orders/{paid}/accept")).by(&buyer);
    call.send().await.expect_success();

    world.marketplace.catch_up_standings().await.unwrap();
    let seen = world.get("/api/v1/market/overview?days=2").send().await.expect_success();
    assert_eq!(seen["complete"], true);
    let now = json!({
        "active_listings": 1, "open_orders": 1, "open_disputes": 0, "escrow": "5.125",
    });
    assert_eq!(seen["now"], now);
    let days = seen["days"].as_array().unwrap();
    assert_eq!((days.len(), &days[0]["escrow"], &days[0]["orders"]), (2, &json!("0"), &json!(0)));
    let mut today = days[1].clone();
    today.as_object_mut().unwrap().remove("day");
    let expect = json!({
        "listings": 1, "orders": 2, "settled": 1, "refunded": 0, "volume": "5", "fees": "0.225",
        "escrow": "5.125", "disputes_opened": 0, "disputes_closed": 0, "mean_settle_seconds": 0,
    });
    assert_eq!(today, expect);
    assert_eq!(seen["settle_times"][0], json!({ "below_seconds": 60, "count": 1 }));
    assert_eq!(seen["settle_times"].as_array().unwrap().len(), 8);
    let wrong = world.get("/api/v1/market/overview?days=401").send().await;
    wrong.expect_problem(400, "invalid_query");
}
