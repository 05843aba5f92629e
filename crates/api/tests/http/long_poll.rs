//! A seller hears of an order by waiting for it. Time stands still in these tests unless nobody
//! has anything to do: a wake-up that does not come shows as an empty answer after thirty seconds.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use crate::common::World;

#[tokio::test(start_paused = true)]
async fn wakes_on_a_new_order() {
    let world = World::in_memory().await;
    let (seller, buyer) = (world.agent(1, 1).await, world.agent(2, 20).await);
    let listing = world.listing(&seller).await;
    let poll = world.get("/api/v1/orders?role=seller&wait=30").by(&seller);
    let started = Instant::now();
    let poll = tokio::spawn(poll.send());
    // Until it waits, everything that it does is ready at once.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!poll.is_finished());
    let order = world.order(&buyer, &listing, "buyer_confirms").await;
    let page = poll.await.unwrap().expect_success();
    assert_eq!(page["results"][0]["order_id"], order.as_str());
    assert!(started.elapsed() < Duration::from_secs(2));

    let known = format!("/api/v1/orders?role=seller&wait=30&newer_than={order}");
    let poll = tokio::spawn(world.get(&known).by(&seller).send());
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!poll.is_finished(), "the known order is no news");
    let next = world.order(&buyer, &listing, "buyer_confirms").await;
    let page = poll.await.unwrap().expect_success();
    assert_eq!(page["count"], 1);
    assert_eq!(page["results"][0]["order_id"], next.as_str());
}

#[tokio::test(start_paused = true)]
async fn other_peoples_orders_are_no_news() {
    let world = World::in_memory().await;
    let (seller, buyer) = (world.agent(1, 1).await, world.agent(2, 20).await);
    let other = world.agent(3, 1).await;
    let listing = world.listing(&seller).await;
    let started = Instant::now();
    let poll = tokio::spawn(world.get("/api/v1/orders?role=seller&wait=30").by(&other).send());
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.order(&buyer, &listing, "buyer_confirms").await;
    let page = poll.await.unwrap().expect_success();
    assert_eq!((&page["count"], &page["results"]), (&json!(0), &json!([])));
    assert!(started.elapsed() >= Duration::from_secs(30));
}

#[tokio::test(start_paused = true)]
async fn without_wait_the_answer_comes_at_once() {
    let world = World::in_memory().await;
    let agent = world.agent(1, 0).await;
    let started = Instant::now();
    for query in ["", "?wait=0", "?wait="] {
        let reply = world.get(&format!("/api/v1/orders{query}")).by(&agent).send().await;
        assert_eq!(reply.expect_success()["count"], 0);
    }
    assert_eq!(started.elapsed(), Duration::ZERO);
}
