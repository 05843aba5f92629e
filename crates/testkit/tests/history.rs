//! History that is put away by policy: what derives from it stays, whenever the servers stop.
//!
//! Over SQLite, where it goes at once. PostgreSQL drops months as a whole, and keeps those for which
//! no partition was made ahead, as here: there the suite of stores looks at it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::time::{Duration, Instant};

use marketplace_engine::{Pace, Worker};
use marketplace_money::{Did, Seconds};
use marketplace_testkit::app::TestApp;
use marketplace_testkit::load::{Agent, member};
use serde_json::Value;

const MONTHS: Seconds = Seconds::from_hours(70 * 24);

/// An order that its buyer accepts.
async fn trade(app: &TestApp, buyer: &Agent, seller: &Agent, listing: &str) {
    let body = format!(r#"{{"listing_id":"{listing}"}}"#);
    let order = app.post(buyer, "/api/v1/orders/create", &body).await.unwrap();
    let order = member(&order, 201, "order_id").unwrap();
    let work = r#"{"inline":"the work"}"#;
    for (agent, verb, body) in [(seller, "deliver", work), (buyer, "accept", "{}")] {
        let reply = app.post(agent, &format!("/api/v1/orders/{order}/{verb}"), body).await.unwrap();
        assert!(reply.status < 300, "{verb}: {}", reply.body);
    }
}

async fn lines(app: &TestApp, agent: &Did) -> usize {
    app.server().marketplace().statement(agent, None, 1_000).await.unwrap().items.len()
}

/// A worker as a server runs it, which keeps a day, until nothing older is left.
async fn put_away(app: &TestApp, agent: &Did, left: usize) {
    let pace = Pace { history: Some(Seconds::from_hours(24)), ..Pace::DEFAULT };
    let worker = Worker::new(app.server().marketplace().clone(), pace).await.unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(worker.run(async move { drop(stopped.await) }));
    let begun = Instant::now();
    while lines(app, agent).await > left {
        assert!(begun.elapsed() < Duration::from_secs(20), "nothing is put away");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    stop.send(()).unwrap();
    running.await.unwrap();
}

/// What everybody sees of an agent and of the market, from the first answer of a server on.
async fn shown(app: &TestApp, agent: &Did) -> (Value, Value) {
    let market = app.server().marketplace();
    market.catch_up_standings().await.unwrap();
    let mut connection = app.connect().await.unwrap();
    let mut get = async |path: &str| {
        let reply = connection.send("GET", path, None, "").await.unwrap();
        assert_eq!(reply.status, 200, "{path}: {}", reply.body);
        serde_json::from_str::<Value>(&reply.body).unwrap()
    };
    let reputation = get(&format!("/api/v1/agents/{agent}/reputation")).await;
    (reputation, get("/api/v1/market/overview?days=400").await)
}

/// The server starts over, and at once puts away what no snapshot has yet: standings and totals
/// outlive it, also through the next start, when they are asked for before anything else.
#[tokio::test]
async fn standings_outlive_the_history_that_they_come_from() {
    let mut app = TestApp::start(&[]).await.unwrap();
    let (seller, buyer) = (app.rich_agent().await.unwrap(), app.rich_agent().await.unwrap());
    let provider: Did = seller.did.parse().unwrap();
    let listing = r#"{"service_type":"analysis","name":"Counts","description":"Rows","price":"5"}"#;
    let listing = app.post(&seller, "/api/v1/services/list", listing).await.unwrap();
    let listing = member(&listing, 201, "id").unwrap();
    for _ in 0..3 {
        trade(&app, &buyer, &seller, &listing).await;
    }
    app.pass(MONTHS).await.unwrap();
    app.restart().await.unwrap();
    let before = shown(&app, &provider).await;
    assert_eq!(before.0["raw"], 3, "{}", before.0);
    app.restart().await.unwrap();
    put_away(&app, &provider, 1).await;
    app.restart().await.unwrap();
    assert_eq!(shown(&app, &provider).await, before);
    app.finish().await.unwrap();
}
