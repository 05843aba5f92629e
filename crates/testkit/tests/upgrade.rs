//! The database of the release before opens in this version, its books balance, and its agents trade
//! on where they were.
//!
//! `cargo xtask release-data` writes `fixtures/release`: before a release, and after a migration was
//! edited that no release has had.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::PathBuf;

use marketplace_money::{Seconds, Timestamp};
use marketplace_registry::AgentKey;
use marketplace_testkit::app::TestApp;
use marketplace_testkit::load::{Agent, Reply, member};
use serde_json::{Value, json};

/// The marketplace's own key; so that it is in no file.
const FLAGS: [&str; 1] = ["--agent-key=BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc"];
const STORE: &str = "MARKETPLACE_TEST_STORE";
const WRITE: &str = "MARKETPLACE_WRITE_RELEASE";

fn left() -> PathBuf {
    let store = match std::env::var(STORE).as_deref() {
        Ok("postgres") => "postgres",
        _ => "sqlite",
    };
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/release").join(store)
}

async fn agents(app: &TestApp) -> (Agent, Agent) {
    let seller = app.enroll(&AgentKey::from_secret(&[1; 32])).await.unwrap();
    (seller, app.enroll(&AgentKey::from_secret(&[2; 32])).await.unwrap())
}

async fn post(app: &TestApp, agent: &Agent, path: &str, body: &str) -> Reply {
    let reply = app.post(agent, path, body).await.unwrap();
    assert!(reply.status < 300, "{path}: {} {}", reply.status, reply.body);
    reply
}

async fn buy(app: &TestApp, buyer: &Agent, listing: &str) -> String {
    let body = format!(r#"{{"listing_id":"{listing}"}}"#);
    let bought = post(app, buyer, "/api/v1/orders/create", &body).await;
    member(&bought, 201, "order_id").unwrap()
}

async fn act(app: &TestApp, agent: &Agent, order: &str, verb: &str) {
    let body = if verb == "deliver" { r#"{"inline":"the work"}"# } else { "{}" };
    post(app, agent, &format!("/api/v1/orders/{order}/{verb}"), body).await;
}

async fn status(app: &TestApp, agent: &Agent, order: &str) -> String {
    let reply = app.get(agent, &format!("/api/v1/escrow/{order}")).await.unwrap();
    member(&reply, 200, "status").unwrap()
}

/// A market in which something of everything is under way.
async fn write() {
    let mut app = TestApp::start(&FLAGS).await.unwrap();
    let (seller, buyer) = agents(&app).await;
    for agent in [&seller, &buyer] {
        post(&app, agent, "/api/v1/wallet/faucet", "{}").await;
        post(&app, agent, "/api/v1/wallet/deposit", r#"{"amount":"500"}"#).await;
    }
    let listing =
        r#"{"service_type":"analysis","name":"CSV Analyzer","description":"Rows","price":"5"}"#;
    let listing = post(&app, &seller, "/api/v1/services/list", listing).await;
    let listing = member(&listing, 201, "id").unwrap();
    let mut orders = Vec::new();
    for verbs in [&["deliver", "accept"][..], &["decline"], &["deliver"], &["start"], &["deliver"]]
    {
        let order = buy(&app, &buyer, &listing).await;
        for verb in verbs {
            let agent = if *verb == "accept" { &buyer } else { &seller };
            act(&app, agent, &order, verb).await;
        }
        orders.push(order);
    }
    let claim = json!({
        "order_id": orders[4], "category": "poor_quality", "remedy": "half", "reason": "half is missing",
    });
    let dispute = post(&app, &buyer, "/api/v1/disputes/create", &claim.to_string()).await;
    post(&app, &seller, "/api/v1/wallet/withdraw", r#"{"amount":"3"}"#).await;
    app.pass(Seconds(60)).await.unwrap();
    let known = json!({
        "clock": app.clock.now().micros(), "listing": listing, "orders": orders,
        "dispute": member(&dispute, 201, "dispute_id").unwrap(),
    });
    app.leave(&left()).await.unwrap();
    std::fs::write(left().join("known.json"), format!("{known:#}\n")).unwrap();
}

#[tokio::test]
async fn what_the_release_before_left_trades_on() {
    if std::env::var_os(WRITE).is_some() {
        write().await;
    }
    let known = std::fs::read_to_string(left().join("known.json")).unwrap();
    let known: Value = serde_json::from_str(&known).unwrap();
    let at = Timestamp::from_micros(known["clock"].as_i64().unwrap());
    let app = TestApp::restored(&left(), at, &FLAGS).await.unwrap();
    let audit = app.server().marketplace().audit().await.unwrap();
    assert_eq!((audit.breaches(), audit.orders), (Vec::<String>::new(), 5));

    let (seller, buyer) = agents(&app).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let orders: Vec<String> = known["orders"].as_array().unwrap().iter().map(text).collect();
    assert_eq!(status(&app, &buyer, &orders[0]).await, "COMPLETED");
    assert_eq!(status(&app, &buyer, &orders[1]).await, "REFUNDED");
    act(&app, &buyer, &orders[2], "accept").await;
    act(&app, &seller, &orders[3], "deliver").await;
    act(&app, &buyer, &orders[3], "accept").await;
    let concede = format!("/api/v1/disputes/{}/concede", text(&known["dispute"]));
    post(&app, &seller, &concede, "{}").await;
    let order = buy(&app, &buyer, &text(&known["listing"])).await;
    act(&app, &seller, &order, "deliver").await;
    act(&app, &buyer, &order, "accept").await;
    for order in orders[2..4].iter().chain([&order]) {
        assert_eq!(status(&app, &seller, order).await, "COMPLETED");
    }
    app.finish().await.unwrap();
}
