//! A server whose registry is elsewhere: identity, our own key, messages to agents, and a registry
//! that is down.
#![expect(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use marketplace_boot::{Overrides, Server, Settings, Stopped, Switch, system_clock};
use marketplace_money::{Did, Seconds, Timestamp};
use marketplace_ports::{AgentTokens, Registry};
use marketplace_registry::{
    Account, AgentKey, Credentials, EmbeddedRegistry, HttpRegistry, RegistryServer,
    RegistrySettings, fresh_nonce, install_tls_provider,
};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::sync::mpsc;

const US: &str = "did:agentvault:marketplace-v1";
const SELLER: &str = "did:agentvault:seller";

async fn serve(router: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    address
}

fn account(did: &str) -> Account {
    let credentials =
        Credentials { client_id: did.to_owned(), client_secret: format!("secret of {did}") };
    Account { did: did.parse().unwrap(), credentials }
}

/// A registry in which the marketplace and the seller have accounts.
async fn registry() -> SocketAddr {
    let name: Did = "did:agentvault:registry".parse().unwrap();
    let directory = Arc::new(EmbeddedRegistry::open_in_memory(name.clone()).unwrap());
    let accounts = vec![account(US), account(SELLER)];
    let server = RegistryServer::new(directory, name, accounts, system_clock()).unwrap();
    serve(server.router()).await
}

fn client(address: SocketAddr, did: &str) -> HttpRegistry {
    let url = format!("http://{address}").parse().unwrap();
    let credentials = Some(account(did).credentials);
    HttpRegistry::new(RegistrySettings { credentials, ..RegistrySettings::at(url) }).unwrap()
}

async fn market(folder: &Path, registry: SocketAddr) -> Server {
    let ours = account(US).credentials;
    let settings = Settings {
        registry_url: Some(format!("http://{registry}/")),
        registry_client_id: Some(ours.client_id),
        registry_client_secret: Some(ours.client_secret),
        fetch_private_addresses: Switch::On,
        ..Settings::local(folder)
    };
    Server::start(settings, Overrides::default()).await.unwrap()
}

struct Caller {
    http: Client,
    url: String,
    token: String,
}

impl Caller {
    fn new(server: &Server, token: String) -> Self {
        install_tls_provider();
        Self { http: Client::new(), url: format!("http://{}", server.addr()), token }
    }

    async fn call(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        let request = self.http.request(method, format!("{}{path}", self.url));
        let response = request.bearer_auth(&self.token).json(&body).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap_or_default())
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        self.call(Method::GET, path, json!({})).await
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let (status, reply) = self.call(Method::POST, path, body).await;
        assert!(status < 300, "{path}: {status} {reply}");
        reply
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap())
}

fn proof(key: &AgentKey, audience: &str) -> String {
    key.mint(audience, now(), Seconds(60), &fresh_nonce().unwrap())
}

/// Asks until the answer is as wished, for some seconds.
async fn eventually<F: Future<Output = bool>>(what: &str, mut ask: impl FnMut() -> F) {
    for _ in 0..200 {
        if ask().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{what} never came");
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_are_known_by_the_registrys_tokens_and_keys() {
    let (folder, registry) = (tempfile::tempdir().unwrap(), registry().await);
    let server = market(folder.path(), registry).await;
    let directory = client(registry, SELLER);

    let token = directory.token().await.unwrap();
    let (status, wallet) = Caller::new(&server, token).get("/api/v1/wallet").await;
    assert_eq!((status, &wallet["did"]), (200, &json!(SELLER)));
    let foreign = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJkaWQ6YTpiIn0.AAAA".to_owned();
    let (status, problem) = Caller::new(&server, foreign).get("/api/v1/wallet").await;
    assert_eq!((status, &problem["code"]), (401, &json!("token_not_issued")));

    // A DID whose key the registry knows.
    let key = AgentKey::generate().unwrap().named(SELLER.parse().unwrap());
    let unknown = Caller::new(&server, proof(&key, US)).get("/api/v1/wallet").await;
    assert_eq!((unknown.0, &unknown.1["code"]), (401, &json!("token_unknown_key")));
    let other = AgentKey::generate().unwrap().named("did:agentvault:late".parse().unwrap());
    directory.register_ourselves(&other.claim(None, 1, None)).await.unwrap();
    let (status, wallet) = Caller::new(&server, proof(&other, US)).get("/api/v1/wallet").await;
    assert_eq!((status, &wallet["did"]), (200, &json!("did:agentvault:late")));

    // The registry is told our key, and verifies us by it.
    let shown = Caller::new(&server, String::new()).get("/.well-known/jwks.json").await.1;
    eventually("our key", || async {
        let path =
            format!("http://{registry}/api/v1/agents/did%3Aagentvault%3Amarketplace-v1/public-key");
        let known: Value = match Client::new().get(path).send().await {
            Ok(reply) => reply.json().await.unwrap_or_default(),
            Err(_) => Value::Null,
        };
        known["x"].is_string() && known["x"] == shown["keys"][0]["x"]
    })
    .await;
    eventually("our card", || async {
        let path = format!("http://{registry}/api/v1/agent-cards/id/agentvault%2Fmarketplace-v1");
        Client::new().get(path).send().await.is_ok_and(|reply| reply.status() == 200)
    })
    .await;
    assert_eq!(server.shutdown().await, Stopped::Clean);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seller_hears_of_its_order_at_its_endpoint() {
    let (folder, registry) = (tempfile::tempdir().unwrap(), registry().await);
    let server = market(folder.path(), registry).await;
    let (heard, mut hears) = mpsc::unbounded_channel::<(String, Value)>();
    let endpoint = serve(Router::new().route(
        "/a2a",
        post(move |headers: axum::http::HeaderMap, body: Bytes| {
            let token = headers["authorization"].to_str().unwrap().to_owned();
            let body = serde_json::from_slice(&body).unwrap();
            heard.send((token, body)).unwrap();
            async { r#"{"jsonrpc":"2.0","result":{"id":"1"}}"# }
        }),
    ))
    .await;
    let key = AgentKey::generate().unwrap().named(SELLER.parse().unwrap());
    let directory = client(registry, SELLER);
    let endpoint = format!("http://{endpoint}/a2a");
    directory.register_ourselves(&key.claim(Some(endpoint), 1, None)).await.unwrap();

    let seller = Caller::new(&server, directory.token().await.unwrap());
    let buyer_key = AgentKey::generate().unwrap();
    let access =
        Caller::new(&server, proof(&buyer_key, US)).post("/api/v1/auth/token", json!({})).await;
    let buyer = Caller::new(&server, access["access_token"].as_str().unwrap().to_owned());
    for agent in [&seller, &buyer] {
        agent.post("/api/v1/wallet/faucet", json!({})).await;
    }
    let listing = json!({
        "service_type": "analysis", "name": "CSV Analyzer", "description": "d", "price": "5",
    });
    let listing = seller.post("/api/v1/services/list", listing).await["id"].clone();
    let order = buyer.post("/api/v1/orders/create", json!({ "listing_id": listing })).await;
    let arrived = tokio::time::timeout(Duration::from_secs(20), hears.recv()).await;
    let (token, call) = arrived.expect("the message comes").unwrap();
    let message = &call["params"]["message"]["parts"][0]["content"];
    assert_eq!(
        (&message["type"], &message["order_id"]),
        (&json!("order_received"), &order["order_id"])
    );
    assert_eq!((&message["amount"], &message["service"]), (&json!("5"), &json!("CSV Analyzer")));
    assert!(token.starts_with("Bearer ey"), "{token}");
    assert_eq!(server.shutdown().await, Stopped::Clean);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_is_down_stops_nothing_but_itself() {
    let folder = tempfile::tempdir().unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nowhere = listener.local_addr().unwrap();
    drop(listener);
    let server = market(folder.path(), nowhere).await;
    // Who is its own key needs no registry, and buys and sells as ever.
    let key = AgentKey::generate().unwrap();
    let access = Caller::new(&server, proof(&key, US)).post("/api/v1/auth/token", json!({})).await;
    let agent = Caller::new(&server, access["access_token"].as_str().unwrap().to_owned());
    agent.post("/api/v1/wallet/faucet", json!({})).await;
    let listing = json!({
        "service_type": "analysis", "name": "CSV Analyzer", "description": "d", "price": "5",
    });
    agent.post("/api/v1/services/list", listing).await;
    // Others cannot be checked now, and are told so.
    let token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJkaWQ6YTpiIn0.AAAA".to_owned();
    let (status, problem) = Caller::new(&server, token).get("/api/v1/wallet").await;
    assert_eq!((status, &problem["code"]), (503, &json!("identity_unavailable")));
    let named = key.named(SELLER.parse().unwrap());
    let (status, problem) = Caller::new(&server, proof(&named, US)).get("/api/v1/wallet").await;
    assert_eq!((status, &problem["code"]), (503, &json!("identity_unavailable")));
    assert_eq!(server.shutdown().await, Stopped::Clean);
}
