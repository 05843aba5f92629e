//! What is known of agents: the limit on what waits on a seller, scores and why, blind reviews.

use std::time::Duration;

use marketplace_money::{Amount, Seconds};
use serde_json::{Value, json};

use crate::common::{Agent, Reply, World};

const DAYS: u32 = 86_400;

async fn buy(world: &World, buyer: &Agent, listing: &str) -> Reply {
    let body = json!({ "listing_id": listing, "acceptance_policy": "auto_on_delivery" });
    world.post("/api/v1/orders/create").by(buyer).json(&body).send().await
}

/// Delivered, and accepted by what the buyer chose.
async fn deliver(world: &World, seller: &Agent, order: &str) {
    let path = format!("/api/v1/orders/{order}/deliver");
    let work = json!({ "inline": "work" });
    world.post(&path).by(seller).json(&work).send().await.expect_success();
}

/// What a path shows once it is so: servers count what orders say when the feed has it.
async fn when(world: &World, path: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    loop {
        world.marketplace.catch_up_standings().await.unwrap();
        let shown = world.get(path).send().await.expect_success();
        if is_so(&shown) {
            return shown;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn exposure(world: &World, listing: &str) -> Value {
    let shown = world.get(&format!("/api/v1/services/{listing}")).send().await.expect_success();
    shown["exposure"].clone()
}

#[tokio::test]
async fn no_more_waits_on_a_seller_than_may() {
    let world = World::wary(Amount::from_avt(12)).await;
    let (seller, buyer) = (world.agent(1, 10).await, world.agent(2, 100).await);
    let other = world.agent(3, 100).await;
    let listing = world.listing(&seller).await;
    let first = buy(&world, &buyer, &listing).await.expect_success();
    buy(&world, &other, &listing).await.expect_success();
    let full = json!({ "limit": "12", "open": "10.25", "room": "1.75" });
    assert_eq!(exposure(&world, &listing).await, full);
    let problem = buy(&world, &other, &listing).await.expect_problem(409, "exposure_reached");
    assert_eq!(problem["available"], "1.75");
    // Another listing of the same seller does not help.
    let second = world.listing(&seller).await;
    buy(&world, &other, &second).await.expect_problem(409, "exposure_reached");
    let order = first["order_id"].as_str().unwrap();
    deliver(&world, &seller, order).await;
    assert_eq!(exposure(&world, &listing).await["open"], "5.125");
    buy(&world, &other, &second).await.expect_success();
    assert_eq!(exposure(&world, &listing).await, full);
    world.expect_clean_books().await;
}

#[tokio::test]
async fn a_stake_lets_more_wait() {
    let world = World::wary(Amount::from_avt(6)).await;
    let (seller, buyer) = (world.agent(1, 500).await, world.agent(2, 100).await);
    let listing = world.listing(&seller).await;
    buy(&world, &buyer, &listing).await.expect_success();
    buy(&world, &buyer, &listing).await.expect_problem(409, "exposure_reached");
    let stake = json!({ "stake": "250" });
    world.post("/api/v1/jurors/register").by(&seller).json(&stake).send().await.expect_success();
    let path = format!("/api/v1/services/{listing}");
    when(&world, &path, |shown| shown["exposure"]["limit"] == "256").await;
    buy(&world, &buyer, &listing).await.expect_success();
}

#[tokio::test]
async fn a_score_is_explained_and_names_are_for_its_owner() {
    let world = World::new().await;
    let (seller, buyer) = (world.agent(1, 10).await, world.agent(2, 500).await);
    let path = format!("/api/v1/agents/{}/reputation?explain=true", seller.did());
    let asked = world.get(&path).send().await.expect_success();
    assert_eq!((&asked["source"], &asked["score"]), (&json!("teg"), &json!(0)));
    assert_eq!(asked["explanation"]["parts"], json!([]));
    let stake = json!({ "stake": "250" });
    world.post("/api/v1/jurors/register").by(&buyer).json(&stake).send().await.expect_success();
    let listing = world.listing(&seller).await;
    for _ in 0..4 {
        let order = buy(&world, &buyer, &listing).await.expect_success();
        deliver(&world, &seller, order["order_id"].as_str().unwrap()).await;
    }
    let public = when(&world, &path, |shown| shown["raw"] == 4).await;
    assert_eq!(public["source"], "orders");
    assert!(public["score"].as_f64().unwrap() > 0.0, "{public}");
    assert!(public["price_multiplier"].as_str().unwrap().starts_with("1.0"), "{public}");
    let part = &public["explanation"]["parts"][0];
    assert!(part["by"].is_null() && part["positive"].is_string(), "{part}");
    let own = world.get(&path).by(&seller).send().await.expect_success();
    assert_eq!(own["explanation"]["parts"][0]["by"], buyer.did().as_str());
    let by_buyer = world.get(&path).by(&buyer).send().await.expect_success();
    assert!(by_buyer["explanation"]["parts"][0]["by"].is_null());
    world.get("/api/v1/agents/nobody/reputation").send().await.expect_problem(422, "invalid");
}

#[tokio::test]
async fn both_prices_are_shown_where_reputation_moves_the_price() {
    let world = World::new().await;
    let seller = world.agent(1, 10).await;
    world.teg.set_reputation(seller.did(), 50);
    let service = json!({
        "service_type": "analysis", "name": "Moving price", "description": "d", "price": "10",
        "terms": { "pricing": "reputation" },
    });
    let listed = world.post("/api/v1/services/list").by(&seller).json(&service).send().await;
    let id = listed.expect_success()["id"].as_str().unwrap().to_owned();
    let shown = world.get(&format!("/api/v1/services/{id}")).send().await.expect_success();
    let (score, now) = (shown["provider_reputation"].clone(), shown["price_now"].clone());
    assert_eq!((&shown["price"], now), (&json!("10"), json!("11")), "{score}");
}

struct Reviewed {
    world: World,
    seller: Agent,
    buyer: Agent,
    order: String,
}

impl Reviewed {
    async fn ended() -> Self {
        let world = World::new().await;
        let (seller, buyer) = (world.agent(1, 10).await, world.agent(2, 40).await);
        let listing = world.listing(&seller).await;
        let order = buy(&world, &buyer, &listing).await.expect_success();
        let order = order["order_id"].as_str().unwrap().to_owned();
        let case = Self { world, seller, buyer, order };
        case.give(&case.buyer, 5, "").await.expect_problem(409, "review_too_early");
        deliver(&case.world, &case.seller, &case.order).await;
        case
    }

    async fn give(&self, by: &Agent, stars: u8, text: &str) -> Reply {
        let review = json!({ "stars": stars, "text": text });
        let path = format!("/api/v1/orders/{}/review", self.order);
        self.world
            .post(&path)
            .by(by)
            .key(&format!("{stars}-{}", text.len()))
            .json(&review)
            .send()
            .await
    }

    async fn seen_by(&self, viewer: &Agent) -> Value {
        let path = format!("/api/v1/orders/{}/reviews", self.order);
        self.world.get(&path).by(viewer).send().await.expect_success()
    }

    async fn public(&self, about: &Agent) -> Value {
        let path = format!("/api/v1/agents/{}/reviews", about.did());
        self.world.get(&path).send().await.expect_success()["reviews"].clone()
    }
}

#[tokio::test]
async fn nobody_sees_the_others_review_before_its_own() {
    let case = Reviewed::ended().await;
    let given = case.give(&case.buyer, 2, "slow").await;
    assert_eq!(given.expect_success()["by_buyer"]["stars"], 2);
    let again = case.give(&case.buyer, 2, "slow").await;
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    case.give(&case.buyer, 5, "no, good").await.expect_problem(409, "review_already_given");
    let seen = case.seen_by(&case.seller).await;
    assert_eq!((&seen["are_open"], &seen["you_may_review"]), (&json!(false), &json!(true)));
    assert!(seen["by_buyer"].is_null(), "{seen}");
    assert_eq!(case.public(&case.seller).await, json!([]));
    // Not even the feed of the order tells that there is one.
    let path = format!("/api/v1/orders/{}/events", case.order);
    case.world.marketplace.end_streams();
    let told = case.world.get(&path).by(&case.seller).send().await.text();
    assert!(!told.contains("order.reviewed"), "{told}");
    case.give(&case.seller, 0, "").await.expect_problem(422, "invalid");
    let both = case.give(&case.seller, 5, "").await.expect_success();
    assert_eq!((&both["are_open"], &both["by_buyer"]["text"]), (&json!(true), &json!("slow")));
    let of_seller = case.public(&case.seller).await;
    assert_eq!(of_seller[0]["by"], case.buyer.did().as_str());
    assert_eq!((&of_seller[0]["role"], &of_seller[0]["stars"]), (&json!("seller"), &json!(2)));
    assert_eq!(case.public(&case.buyer).await[0]["stars"], 5);
}

#[tokio::test]
async fn after_seven_days_what_was_given_is_open() {
    let case = Reviewed::ended().await;
    case.give(&case.buyer, 1, "").await.expect_success();
    case.world.clock.advance(Seconds(7 * DAYS - 1));
    assert_eq!(case.public(&case.seller).await, json!([]));
    case.world.clock.advance(Seconds(1));
    assert_eq!(case.public(&case.seller).await[0]["stars"], 1);
    let seller = case.world.login(marketplace_registry::AgentKey::from_secret(&[1; 32])).await;
    case.give(&seller, 1, "").await.expect_problem(409, "review_too_late");
}
