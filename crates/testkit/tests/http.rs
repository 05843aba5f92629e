//! Through the wire, end to end: the original's scenario and what time does to orders.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use marketplace_money::Seconds;
use marketplace_registry::AgentKey;
use marketplace_testkit::app::TestApp;
use marketplace_testkit::load::{Agent, Connection, member};

const LIST: &str = r#"{"type":"data-processing","name":"CSV Analyzer","description":"Analyze CSV files","price":"5.0"}"#;

async fn enroll(app: &TestApp, key: &AgentKey) -> Agent {
    app.enroll(key).await.unwrap()
}

async fn list(app: &TestApp, seller: &Agent) -> String {
    let body = format!(r#"{{"type":"list_service","from":"{}","service":{LIST}}}"#, seller.did);
    let reply = app.post(seller, "/a2a/message", &body).await.unwrap();
    assert_eq!(reply.text_of("status"), Some("success"), "{}", reply.body);
    member(&reply, 200, "listing_id").unwrap()
}

async fn buy(app: &TestApp, buyer: &Agent, listing: &str, more: &str) -> String {
    let body = format!(
        r#"{{"type":"purchase_request","from":"{}","listing_id":"{listing}"{more}}}"#,
        buyer.did
    );
    let reply = app.post(buyer, "/a2a/message", &body).await.unwrap();
    assert_eq!(reply.text_of("escrow_amount"), Some("5.125"), "{}", reply.body);
    member(&reply, 200, "order_id").unwrap()
}

async fn complete(app: &TestApp, agent: &Agent, order: &str) -> (String, String) {
    let body =
        format!(r#"{{"type":"order_complete","from":"{}","order_id":"{order}"}}"#, agent.did);
    let reply = app.post(agent, "/a2a/message", &body).await.unwrap();
    let text = |name: &str| reply.text_of(name).unwrap_or_default().to_owned();
    (text("status"), text("order_status"))
}

async fn status(app: &TestApp, agent: &Agent, order: &str) -> String {
    let reply = app.get(agent, &format!("/api/v1/escrow/{order}")).await.unwrap();
    member(&reply, 200, "status").unwrap()
}

async fn available(app: &TestApp, agent: &Agent) -> String {
    member(&app.get(agent, "/api/v1/wallet").await.unwrap(), 200, "available").unwrap()
}

#[tokio::test]
async fn the_originals_scenario() {
    let app = TestApp::start(&[]).await.unwrap();
    let (seller, buyer) = (app.rich_agent().await.unwrap(), app.rich_agent().await.unwrap());
    let listing = list(&app, &seller).await;
    let order = buy(&app, &buyer, &listing, r#","acceptance_policy":"auto_on_delivery""#).await;
    assert_eq!(status(&app, &buyer, &order).await, "ESCROW_FUNDED");
    let done = complete(&app, &seller, &order).await;
    assert_eq!(done, ("success".to_owned(), "COMPLETED".to_owned()));
    assert_eq!(status(&app, &seller, &order).await, "COMPLETED");
    assert_eq!(available(&app, &seller).await, "5");
    let wallet = app.get(&buyer, "/api/v1/wallet").await.unwrap();
    assert_eq!(wallet.text_of("teg_balance"), Some("994.875"));
    let totals = app.server().marketplace().audit().await.unwrap().totals;
    for (account, amount) in [("fees:listing", "0.1"), ("fees:transaction", "0.125")] {
        let found = totals.iter().find(|(name, _)| name == account).unwrap();
        assert_eq!(found.1.to_string(), amount);
    }
    app.finish().await.unwrap();
}

#[tokio::test]
async fn the_provider_alone_cannot_get_the_money() {
    let mut app = TestApp::start(&[]).await.unwrap();
    let (seller_key, buyer_key) = (AgentKey::generate().unwrap(), AgentKey::generate().unwrap());
    let (seller, buyer) = (enroll(&app, &seller_key).await, enroll(&app, &buyer_key).await);
    for agent in [&seller, &buyer] {
        app.post(agent, "/api/v1/wallet/faucet", "{}").await.unwrap();
    }
    let listing = list(&app, &seller).await;
    let order = buy(&app, &buyer, &listing, "").await;
    assert_eq!(complete(&app, &seller, &order).await.0, "failed");
    let body = r#"{"inline":"the work"}"#;
    let path = format!("/api/v1/orders/{order}/deliver");
    let delivered = app.post(&seller, &path, body).await.unwrap();
    assert_eq!(delivered.status, 200, "{}", delivered.body);
    assert_eq!(available(&app, &seller).await, "0");
    assert_eq!(status(&app, &buyer, &order).await, "ESCROW_FUNDED");
    app.restart().await.unwrap();
    // Silence is consent only at the end of the review.
    app.pass(Seconds(24 * 3_600 - 60)).await.unwrap();
    let expired = app.get(&buyer, "/api/v1/wallet").await.unwrap();
    assert_eq!(expired.status, 401, "access tokens live 15 minutes");
    let buyer = enroll(&app, &buyer_key).await;
    assert_eq!(status(&app, &buyer, &order).await, "ESCROW_FUNDED");
    app.pass(Seconds(120)).await.unwrap();
    let seller = enroll(&app, &seller_key).await;
    assert_eq!(status(&app, &seller, &order).await, "COMPLETED");
    assert_eq!(available(&app, &seller).await, "5");
    app.finish().await.unwrap();
}

#[tokio::test]
async fn nothing_delivered_is_refunded_and_withdrawn() {
    let mut app = TestApp::start(&[]).await.unwrap();
    let key = AgentKey::generate().unwrap();
    let (seller, buyer) = (app.rich_agent().await.unwrap(), enroll(&app, &key).await);
    app.post(&buyer, "/api/v1/wallet/faucet", "{}").await.unwrap();
    let listing = list(&app, &seller).await;
    let order = buy(&app, &buyer, &listing, "").await;
    let body = r#"{"policy":"immediate"}"#;
    let mut policy = Connection::open(app.server().addr()).await.unwrap();
    let token = Some(buyer.token.as_str());
    let reply = policy.send("PUT", "/api/v1/wallet/payout-policy", token, body).await.unwrap();
    assert_eq!(reply.status, 200, "{}", reply.body);
    drop(policy);
    app.pass(Seconds(24 * 3_600)).await.unwrap();
    app.pass(Seconds(60)).await.unwrap();
    let buyer = enroll(&app, &key).await;
    assert_eq!(status(&app, &buyer, &order).await, "REFUNDED");
    let wallet = app.get(&buyer, "/api/v1/wallet").await.unwrap();
    assert_eq!(wallet.text_of("available"), Some("0"), "{}", wallet.body);
    assert_eq!(wallet.text_of("teg_balance"), Some("1000"), "{}", wallet.body);
    app.finish().await.unwrap();
}
