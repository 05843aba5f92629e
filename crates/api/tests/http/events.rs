//! Streams of events: what the caller may see, in order, resumed by the id of the last event.

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::{Request, StatusCode};
use futures::StreamExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::common::{Agent, World};

/// What a stream has told so far.
struct Reader {
    body: BodyDataStream,
    text: String,
    /// Ids, names and data.
    events: Vec<(u64, String, Value)>,
}

impl Reader {
    async fn open(world: &World, agent: &Agent, path: &str, last: Option<u64>) -> Self {
        let mut request =
            Request::get(path).header("authorization", format!("Bearer {}", agent.token));
        if let Some(last) = last {
            request = request.header("last-event-id", last.to_string());
        }
        let request = request.body(Body::empty()).unwrap();
        let response = world.router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let kind = response.headers()["content-type"].to_str().unwrap();
        assert!(kind.starts_with("text/event-stream"), "{kind}");
        let body = response.into_body().into_data_stream();
        Self { body, text: String::new(), events: Vec::new() }
    }

    /// Takes what comes next; false at the end of the stream.
    async fn take(&mut self) -> bool {
        let Some(chunk) = self.body.next().await else { return false };
        self.text.push_str(std::str::from_utf8(&chunk.unwrap()).unwrap());
        while let Some((block, rest)) = self.text.split_once("\n\n") {
            let field = |name: &str| {
                let prefix = format!("{name}: ");
                block.lines().find_map(|line| line.strip_prefix(&prefix).map(str::to_owned))
            };
            if let (Some(id), Some(event), Some(data)) =
                (field("id"), field("event"), field("data"))
            {
                let data = serde_json::from_str(&data).unwrap();
                self.events.push((id.parse().unwrap(), event, data));
            }
            self.text = rest.to_owned();
        }
        true
    }

    async fn until(&mut self, count: usize) {
        while self.events.len() < count {
            assert!(self.take().await, "it ended after {} of {count}", self.events.len());
        }
        assert_eq!(self.events.len(), count);
    }

    /// Nothing more comes in a while.
    async fn quiet(&mut self) {
        let before = self.events.len();
        let more = async { while self.events.len() == before && self.take().await {} };
        let _ = tokio::time::timeout(Duration::from_secs(5), more).await;
        assert_eq!(self.events.len(), before, "{:?}", self.events.last());
    }

    fn ids(&self) -> Vec<u64> {
        self.events.iter().map(|(id, _, _)| *id).collect()
    }

    fn names(&self) -> Vec<&str> {
        self.events.iter().map(|(_, name, _)| name.as_str()).collect()
    }
}

async fn world() -> World {
    let world = World::in_memory().await;
    let follower = world.marketplace.clone();
    tokio::spawn(async move { follower.follow(std::future::pending()).await });
    world
}

async fn deliver(world: &World, seller: &Agent, order: &str) {
    let path = format!("/api/v1/orders/{order}/deliver");
    let reply = world.post(&path).by(seller).json(&json!({ "inline": "work" })).send().await;
    reply.expect_success();
}

#[tokio::test(start_paused = true)]
async fn each_party_hears_of_its_orders_as_they_go() {
    let world = world().await;
    let (seller, buyer) = (world.agent(1, 1).await, world.agent(2, 40).await);
    let (other, operator) = (world.agent(3, 1).await, world.operator().await);
    let listing = world.listing(&seller).await;
    let mut at_buyer = Reader::open(&world, &buyer, "/api/v1/events", None).await;
    let mut at_seller = Reader::open(&world, &seller, "/api/v1/events?after=0", None).await;
    let mut at_other = Reader::open(&world, &other, "/api/v1/events?after=0", None).await;
    let mut at_operator = Reader::open(&world, &operator, "/api/v1/events", None).await;
    let order = world.order(&buyer, &listing, "buyer_confirms").await;
    deliver(&world, &seller, &order).await;
    let is_order = |event: &&(u64, String, Value)| event.1.starts_with("order.");
    loop {
        assert!(at_buyer.take().await, "{:?}", at_buyer.names());
        if at_buyer.events.iter().filter(is_order).count() == 2 {
            break;
        }
    }
    let last = at_buyer.events.last().unwrap().clone();
    assert_eq!((last.1.as_str(), &last.2["subject_kind"]), ("order.delivered", &json!("order")));
    assert_eq!(last.2["subject_id"], order.as_str());
    assert_eq!(last.2["position"], last.0);
    assert_eq!(last.2["data"]["phase"], "DELIVERED");
    while at_seller.events.last().is_none_or(|event| event.1 != "order.delivered") {
        assert!(at_seller.take().await);
    }
    assert!(at_seller.names().contains(&"listing.created"), "{:?}", at_seller.names());
    assert!(at_seller.ids().is_sorted_by(|a, b| a < b));
    while at_operator.events.last().is_none_or(|event| event.1 != "order.delivered") {
        assert!(at_operator.take().await);
    }
    at_other.quiet().await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_resumed_without_holes_and_doubles() {
    let world = world().await;
    let (seller, buyer) = (world.agent(1, 1).await, world.agent(2, 200).await);
    let listing = world.listing(&seller).await;
    for _ in 0..5 {
        world.order(&buyer, &listing, "buyer_confirms").await;
    }
    let mut whole = Reader::open(&world, &seller, "/api/v1/events?after=0", None).await;
    // The listing and its fee, and five orders.
    whole.until(7).await;
    for _ in 0..5 {
        world.order(&buyer, &listing, "buyer_confirms").await;
    }
    whole.until(12).await;
    whole.quiet().await;
    let ids = whole.ids();
    for (index, id) in ids.iter().enumerate() {
        let mut by_header =
            Reader::open(&world, &seller, "/api/v1/events?after=0", Some(*id)).await;
        by_header.until(11 - index).await;
        assert_eq!(by_header.ids(), ids[index + 1..]);
        let path = format!("/api/v1/events?after={id}");
        let mut by_query = Reader::open(&world, &seller, &path, None).await;
        by_query.until(11 - index).await;
        by_query.quiet().await;
        assert_eq!(by_query.ids(), ids[index + 1..]);
    }
}

#[tokio::test(start_paused = true)]
async fn one_order_is_followed_alone() {
    let world = world().await;
    let (seller, buyer) = (world.agent(1, 1).await, world.agent(2, 40).await);
    let listing = world.listing(&seller).await;
    let order = world.order(&buyer, &listing, "buyer_confirms").await;
    world.order(&buyer, &listing, "buyer_confirms").await;
    let path = format!("/api/v1/orders/{order}/events?after=0");
    let mut at_seller = Reader::open(&world, &seller, &path, None).await;
    deliver(&world, &seller, &order).await;
    at_seller.until(2).await;
    at_seller.quiet().await;
    assert_eq!(at_seller.names(), ["order.placed", "order.delivered"]);
    assert!(at_seller.events.iter().all(|event| event.2["subject_id"] == order.as_str()));
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_with_its_token_and_says_when_to_come_back() {
    let world = world().await;
    let agent = world.agent(1, 1).await;
    let started = tokio::time::Instant::now();
    let mut reader = Reader::open(&world, &agent, "/api/v1/events", None).await;
    let mut said = String::new();
    while let Some(chunk) = reader.body.next().await {
        said.push_str(std::str::from_utf8(&chunk.unwrap()).unwrap());
    }
    assert_eq!(started.elapsed().as_secs(), 15 * 60);
    assert!(said.contains(": still here"), "{said}");
    assert!(
        said.trim_end().lines().rev().take(2).any(|line| line.starts_with("retry: ")),
        "{said}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stops_sends_its_readers_away() {
    let world = world().await;
    let agent = world.agent(1, 1).await;
    let mut reader = Reader::open(&world, &agent, "/api/v1/events", None).await;
    assert!(reader.take().await);
    let started = tokio::time::Instant::now();
    world.marketplace.end_streams();
    while reader.take().await {}
    assert!(started.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_freeze_cuts_the_streams_of_the_frozen() {
    let world = world().await;
    let (agent, other) = (world.agent(1, 1).await, world.agent(2, 1).await);
    let operator = world.operator().await;
    let mut reader = Reader::open(&world, &agent, "/api/v1/events", None).await;
    let mut bystander = Reader::open(&world, &other, "/api/v1/events", None).await;
    assert!(reader.take().await && bystander.take().await);
    let started = tokio::time::Instant::now();
    let motion = json!({ "action": "agent.freeze", "agent": agent.did().as_str(), "reason": "r" });
    let frozen = world.post("/api/v1/operator/motions").by(&operator).json(&motion).send().await;
    frozen.expect_success();
    while reader.take().await {}
    assert!(started.elapsed() < Duration::from_secs(1));
    bystander.quiet().await;
}

#[tokio::test(start_paused = true)]
async fn an_agent_has_so_many_streams_and_a_slow_reader_loses_its_own() {
    let world = world().await;
    let (seller, buyer) = (world.agent(1, 1).await, world.agent(2, 900).await);
    let listing = world.listing(&seller).await;
    let mut readers = Vec::new();
    for _ in 0..16 {
        readers.push(Reader::open(&world, &seller, "/api/v1/events?after=0", None).await);
    }
    let refused = world.get("/api/v1/events").by(&seller).send().await;
    refused.expect_problem(429, "too_many_streams");
    assert_eq!(refused.header("retry-after"), Some("5"));
    // More than may be on their way, and nobody takes them but the last one.
    for _ in 0..100 {
        world.order(&buyer, &listing, "buyer_confirms").await;
    }
    let mut last = readers.pop().unwrap();
    last.until(102).await;
    last.quiet().await;
    tokio::time::sleep(Duration::from_secs(40)).await;
    let mut more = Vec::new();
    for _ in 0..15 {
        more.push(Reader::open(&world, &seller, "/api/v1/events", None).await);
    }
    // The one that was cut off goes on where it was.
    let mut slow = readers.pop().unwrap();
    while slow.take().await {}
    assert!((1..102).contains(&slow.events.len()));
    drop(more);
    tokio::task::yield_now().await;
    let reached = *slow.ids().last().unwrap();
    let mut resumed = Reader::open(&world, &seller, "/api/v1/events", Some(reached)).await;
    resumed.until(102 - slow.events.len()).await;
    assert_eq!([slow.ids(), resumed.ids()].concat(), last.ids());
}

#[tokio::test]
async fn what_is_no_position_is_refused() {
    let world = World::new().await;
    let agent = world.agent(1, 1).await;
    for path in ["/api/v1/events?after=-1", "/api/v1/events?after=x", "/api/v1/events?since=1"] {
        world.get(path).by(&agent).send().await.expect_problem(400, "invalid_query");
    }
    let reply = world.get("/api/v1/events").by(&agent).header("last-event-id", "x").send().await;
    reply.expect_problem(400, "invalid_query");
}

#[tokio::test(start_paused = true)]
async fn anybody_hears_that_the_market_moved_and_not_what_happened() {
    let world = world().await;
    let (seller, buyer) = (world.agent(1, 1).await, world.agent(2, 40).await);
    let stranger = world.agent(3, 1).await;
    let listing = world.listing(&seller).await;
    let mut reader = Reader::open(&world, &stranger, "/api/v1/market/events", None).await;
    assert!(reader.take().await);
    let started = tokio::time::Instant::now();
    for hints in 1..=3 {
        world.order(&buyer, &listing, "buyer_confirms").await;
        world.order(&buyer, &listing, "buyer_confirms").await;
        while reader.events.len() < hints {
            assert!(reader.take().await);
        }
    }
    assert!(started.elapsed() >= Duration::from_secs(2), "a hint in a second: {started:?}");
    assert!(reader.ids().is_sorted_by(|a, b| a < b));
    for (_, name, data) in &reader.events {
        assert_eq!((name.as_str(), data), ("market.changed", &json!({})));
    }
}
