//! A server in this process: starts, serves, keeps its files to itself, stops gently.
#![expect(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use marketplace_boot::{BootError, Overrides, Server, Settings, Stopped};
use marketplace_money::{Seconds, Timestamp};
use marketplace_registry::{AgentKey, fresh_nonce, install_tls_provider};
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};

async fn start(folder: &Path) -> Server {
    Server::start(Settings::local(folder), Overrides::default()).await.unwrap()
}

/// A server and a caller.
struct Caller {
    http: Client,
    url: String,
}

impl Caller {
    fn of(server: &Server) -> Self {
        install_tls_provider();
        Self { http: Client::new(), url: format!("http://{}", server.addr()) }
    }

    async fn get(&self, path: &str, token: &str) -> Response {
        self.http.get(format!("{}{path}", self.url)).bearer_auth(token).send().await.unwrap()
    }

    async fn post(&self, path: &str, token: &str, body: &Value) -> Response {
        let url = format!("{}{path}", self.url);
        self.http.post(url).bearer_auth(token).json(body).send().await.unwrap()
    }

    async fn token(&self, key: &AgentKey) -> String {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let now = Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap());
        let proof = key.mint(&self.url, now, Seconds(60), &fresh_nonce().unwrap());
        let reply = self.post("/api/v1/auth/token", &proof, &json!({})).await;
        assert_eq!(reply.status(), StatusCode::OK);
        let reply: Value = reply.json().await.unwrap();
        reply["access_token"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn it_serves_what_the_settings_say() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path()).await;
    let caller = Caller::of(&server);
    assert_eq!(caller.get("/readyz", "").await.status(), StatusCode::OK);
    let card: Value = caller.get("/agent_card.json", "").await.json().await.unwrap();
    assert_eq!(card["url"], server.public_url());
    assert_eq!(card["economic_profile"]["minimum_stake"].to_string(), "1000.0");
    let books = server.marketplace().reserves().await.unwrap();
    assert_eq!(books.held, books.booked);
    assert_eq!(server.shutdown().await, Stopped::Clean);
}

#[tokio::test]
async fn figures_are_shown_at_their_own_port_only() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings {
        metrics_listen: Some("127.0.0.1:0".to_owned()),
        ..Settings::local(folder.path())
    };
    let server = Server::start(settings, Overrides::default()).await.unwrap();
    let outside = Caller::of(&server);
    let inside = format!("http://{}", server.metrics_addr().unwrap());
    let inside = Caller { http: outside.http.clone(), url: inside };
    assert_eq!(outside.get("/metrics", "").await.status(), StatusCode::NOT_FOUND);
    assert_eq!(outside.get("/readyz", "").await.status(), StatusCode::OK);
    assert_eq!(inside.get("/api/v1/fees", "").await.status(), StatusCode::NOT_FOUND);
    let figures = inside.get("/metrics", "").await.text().await.unwrap();
    assert!(figures.contains("route=\"/readyz\""), "{figures}");
    assert!(figures.contains("marketplace_active_listings"), "{figures}");
    assert!(figures.contains("marketplace_trace_spans_lost_total{reason=\"full\"} 0"), "{figures}");
    assert_eq!(server.shutdown().await, Stopped::Clean);
}

#[tokio::test]
async fn who_calls_too_often_is_told_to_wait() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings {
        agent_requests_per_minute: Some(3),
        address_requests_per_minute: Some(12),
        ..Settings::local(folder.path())
    };
    let server = Server::start(settings, Overrides::default()).await.unwrap();
    let caller = Caller::of(&server);
    let key = AgentKey::generate().unwrap();
    let token = caller.token(&key).await;
    let told = |answer: &Response, name: &str| {
        answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned())
    };
    // The proof of the key was the first request of this agent.
    for left in [1, 0] {
        let answer = caller.get("/api/v1/wallet", &token).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(
            told(&answer, "ratelimit-policy").unwrap(),
            "\"address\";q=12;w=60, \"agent\";q=3;w=60"
        );
        let limit = told(&answer, "ratelimit").unwrap();
        assert!(limit.contains(&format!("\"agent\";r={left};t=")), "{limit}");
    }
    let refused = caller.get("/api/v1/wallet", &token).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    let seconds: u32 = told(&refused, "retry-after").unwrap().parse().unwrap();
    assert!((1..=20).contains(&seconds), "{seconds}");
    let problem: Value = refused.json().await.unwrap();
    assert_eq!(problem["code"], "rate_limited");
    // Another agent at the same address is served, until the address has had its share.
    let other = caller.token(&AgentKey::generate().unwrap()).await;
    assert_eq!(caller.get("/api/v1/wallet", &other).await.status(), StatusCode::OK);
    let mut served = 0;
    while caller.get("/api/v1/services/search", "").await.status() != StatusCode::TOO_MANY_REQUESTS
    {
        served += 1;
        assert!(served < 12, "an address is never refused");
    }
    assert_eq!(caller.get("/readyz", "").await.status(), StatusCode::OK);
    let metrics = caller.get("/metrics", "").await.text().await.unwrap();
    for by in ["agent", "address"] {
        let line = format!("marketplace_rate_limited_total{{by=\"{by}\"}} 1");
        assert!(metrics.contains(&line), "{metrics}");
    }
    assert_eq!(server.shutdown().await, Stopped::Clean);
}

#[tokio::test]
async fn one_server_for_each_file_and_it_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let first = start(folder.path()).await;
    let second = Server::start(Settings::local(folder.path()), Overrides::default()).await;
    let Err(BootError::Store(reason)) = second else { panic!("two servers on one file") };
    assert!(reason.to_string().contains("in use"), "{reason}");
    assert_eq!(first.shutdown().await, Stopped::Clean);
    let third = start(folder.path()).await;
    assert_eq!(third.shutdown().await, Stopped::Clean);
}

#[tokio::test]
async fn a_taken_port_is_an_error_and_opens_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let other = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let settings =
        Settings { listen: other.local_addr().unwrap(), ..Settings::local(folder.path()) };
    let started = Server::start(settings, Overrides::default()).await;
    assert!(matches!(started, Err(BootError::Bind { .. })));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn tokens_and_money_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path()).await;
    let caller = Caller::of(&server);
    let key = AgentKey::generate().unwrap();
    let token = caller.token(&key).await;
    let given = caller.post("/api/v1/wallet/faucet", &token, &json!({})).await;
    assert_eq!(given.status(), StatusCode::OK);
    let moved = caller.post("/api/v1/wallet/deposit", &token, &json!({ "amount": "12.5" })).await;
    assert_eq!(moved.status(), StatusCode::OK);
    assert_eq!(server.shutdown().await, Stopped::Clean);

    let server = start(folder.path()).await;
    let caller = Caller::of(&server);
    let wallet: Value = caller.get("/api/v1/wallet", &token).await.json().await.unwrap();
    assert_eq!((&wallet["available"], &wallet["teg_balance"]), (&json!("12.5"), &json!("987.5")));
    assert_eq!(wallet["faucet_open"], true);
    let breaches = server.marketplace().audit().await.unwrap().breaches();
    assert!(breaches.is_empty(), "{breaches:?}");
    assert_eq!(server.shutdown().await, Stopped::Clean);
}

#[tokio::test]
async fn open_mode_believes_from_on_loopback() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings {
        auth_mode: marketplace_boot::AuthSetting::Open,
        ..Settings::local(folder.path())
    };
    let server = Server::start(settings, Overrides::default()).await.unwrap();
    let caller = Caller::of(&server);
    let message = json!({ "type": "search_request", "from": "did:buyer" });
    let reply = caller.http.post(format!("{}/a2a/message", caller.url)).json(&message);
    assert_eq!(reply.send().await.unwrap().status(), StatusCode::OK);
    assert_eq!(server.shutdown().await, Stopped::Clean);
}
