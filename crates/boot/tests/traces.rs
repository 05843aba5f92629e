//! Traces: a collector on loopback sees a command in its request, its batch, its commit, and the
//! effect that came of it.
#![expect(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::routing::post;
use marketplace_boot::{Overrides, Server, Settings, Stopped, init_tracing};
use marketplace_money::{Seconds, Timestamp};
use marketplace_registry::{AgentKey, fresh_nonce, install_tls_provider};
use reqwest::Client;
use serde_json::{Value, json};

const PARENT: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<Value>>>);

impl Collector {
    async fn serve(&self) -> String {
        let spans = self.0.clone();
        let take = move |headers: HeaderMap, body: Bytes| async move {
            assert_eq!(headers["x-tenant"], "market");
            let body: Value = serde_json::from_slice(&body).unwrap();
            let resource = &body["resourceSpans"][0];
            assert!(resource["resource"]["attributes"].to_string().contains("service.name"));
            let more = resource["scopeSpans"][0]["spans"].as_array().unwrap().clone();
            spans.lock().unwrap().extend(more);
            "{}"
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/v1/traces", post(take));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        format!("http://{address}")
    }

    /// The spans of this name that name the command.
    fn of(&self, name: &str, command: &str) -> Vec<Value> {
        let spans = self.0.lock().unwrap();
        let names = |span: &&Value| span["attributes"].to_string().contains(command);
        spans.iter().filter(|span| span["name"] == name).filter(names).cloned().collect()
    }

    async fn wait_for(&self, what: &str, found: impl Fn(&Self) -> bool) {
        let end = Instant::now() + Duration::from_secs(30);
        while !found(self) {
            assert!(Instant::now() < end, "{what}: {:#?}", self.0.lock().unwrap());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

fn attribute(span: &Value, key: &str) -> String {
    let attributes = span["attributes"].as_array().unwrap();
    let found = attributes.iter().find(|attribute| attribute["key"] == key);
    found.map_or(String::new(), |found| found["value"]["stringValue"].as_str().unwrap().to_owned())
}

async fn call(url: &str, path: &str, token: &str, body: Value) -> Value {
    let request = Client::new().post(format!("{url}{path}")).bearer_auth(token).json(&body);
    let request = request.header("traceparent", format!("00-{PARENT}-00f067aa0ba902b7-01"));
    let answer = request.send().await.unwrap();
    assert!(answer.status().is_success(), "{path}: {}", answer.status());
    answer.json().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_followed_from_its_request_to_its_effect() {
    install_tls_provider();
    let (collector, folder) = (Collector::default(), tempfile::tempdir().unwrap());
    let settings = Settings {
        otlp_endpoint: Some(collector.serve().await),
        otlp_headers: Some("x-tenant=market".to_owned()),
        log_level: "error".to_owned(),
        ..Settings::local(folder.path())
    };
    let telling = init_tracing(&settings).unwrap();
    let server = Server::start(settings, Overrides::default()).await.unwrap();
    let url = format!("http://{}", server.addr());
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let now = Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap());
    let key = AgentKey::generate().unwrap();
    let proof = key.mint(&url, now, Seconds(60), &fresh_nonce().unwrap());
    let token = call(&url, "/api/v1/auth/token", &proof, json!({})).await;
    let token = token["access_token"].as_str().unwrap().to_owned();
    call(&url, "/api/v1/wallet/faucet", &token, json!({})).await;
    call(&url, "/api/v1/wallet/deposit", &token, json!({ "amount": "10" })).await;
    call(&url, "/api/v1/wallet/withdraw", &token, json!({ "amount": "5" })).await;

    let withdrawal = |collector: &Collector| {
        let effects = collector.of("effect", "send_withdrawal");
        effects.first().map(|effect| attribute(effect, "marketplace.command"))
    };
    collector.wait_for("the effect", |collector| withdrawal(collector).is_some()).await;
    assert_eq!(server.shutdown().await, Stopped::Clean);
    telling.finish().await;

    let command = withdrawal(&collector).unwrap();
    for name in ["request", "command", "batch", "commit"] {
        assert_eq!(collector.of(name, &command).len(), 1, "{name} of {command}");
    }
    let (request, asked) =
        (&collector.of("request", &command)[0], &collector.of("command", &command)[0]);
    assert_eq!((&request["traceId"], &asked["traceId"]), (&json!(PARENT), &json!(PARENT)));
    assert_eq!(asked["parentSpanId"], request["spanId"]);
    let (batch, commit) =
        (&collector.of("batch", &command)[0], &collector.of("commit", &command)[0]);
    assert_eq!(commit["parentSpanId"], batch["spanId"]);
    assert_eq!(attribute(request, "marketplace.path"), "/api/v1/wallet/withdraw");
}
