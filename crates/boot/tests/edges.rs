//! A server whose TEG is elsewhere, over HTTP: which calls a purchase costs, purchases that were
//! paid before, and a TEG that is down at the first start.
#![expect(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use marketplace_boot::{
    AuthSetting, Clock, Overrides, Server, Settings, TegAuthSetting, TegOptions, system_clock,
};
use marketplace_contract_kit::ManualClock;
use marketplace_money::{Amount, Seconds, Timestamp};
use marketplace_ports::TransferFee;
use marketplace_registry::{AgentKey, fresh_nonce, install_tls_provider};
use marketplace_teg::server::{BareDids, TegServer, router};
use marketplace_teg::{EmbeddedTeg, EmbeddedTegSettings};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinHandle;

const US: &str = "did:agentvault:marketplace-v1";
const START: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

/// What the TEG was asked, and which transfers it shows in another state than theirs.
#[derive(Default)]
struct Watch {
    calls: Mutex<Vec<String>>,
    shown_as: Mutex<HashMap<String, &'static str>>,
}

impl Watch {
    /// The calls since the last time.
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }
}

async fn look(State(watch): State<Arc<Watch>>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    watch.calls.lock().unwrap().push(format!("{} {path}", request.method()));
    let answer = next.run(request).await;
    if !path.ends_with("/transactions") {
        return answer;
    }
    let (mut parts, body) = answer.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.unwrap();
    let mut page: Value = serde_json::from_slice(&bytes).unwrap();
    let shown_as = watch.shown_as.lock().unwrap();
    for line in page["transactions"].as_array_mut().unwrap() {
        if let Some(status) = shown_as.get(line["transaction_id"].as_str().unwrap()) {
            line["status"] = json!(status);
        }
    }
    parts.headers.remove("content-length");
    Response::from_parts(parts, Body::from(page.to_string()))
}

/// A TEG at an address, whose books outlive its serving.
struct Teg {
    address: SocketAddr,
    node: Arc<EmbeddedTeg>,
    watch: Arc<Watch>,
    serving: Option<JoinHandle<()>>,
}

impl Teg {
    fn new(folder: &Path, clock: &ManualClock) -> Self {
        let clock = clock.clone();
        let settings = EmbeddedTegSettings {
            owner: US.parse().unwrap(),
            genesis: Amount::from_avt(2_000),
            transfer_fee: Amount::ZERO,
            faucet_open: true,
            clock: Arc::new(move || clock.now()),
        };
        let node = Arc::new(EmbeddedTeg::open(&folder.join("elsewhere.db"), settings).unwrap());
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        Self { address, node, watch: Arc::default(), serving: None }
    }

    async fn serve(&mut self) {
        let server = TegServer {
            node: self.node.clone(),
            callers: Arc::new(BareDids),
            fee: TransferFee::default(),
            service_token: None,
        };
        let router = router(server).layer(from_fn_with_state(self.watch.clone(), look));
        let listener = tokio::net::TcpListener::bind(self.address).await.unwrap();
        self.serving = Some(tokio::spawn(async move {
            axum::serve(listener, router).await.unwrap();
        }));
    }
}

struct Market {
    clock: ManualClock,
    teg: Teg,
    server: Server,
    http: Client,
    _folder: TempDir,
}

/// Somebody, and how it shows who it is.
struct Agent {
    did: String,
    header: (&'static str, String),
}

impl Market {
    async fn open(auth_mode: AuthSetting) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = ManualClock::new(START);
        let mut teg = Teg::new(folder.path(), &clock);
        teg.serve().await;
        let shared = clock.clone();
        let told: Clock = Arc::new(move || shared.now());
        let server = start(folder.path(), &teg, auth_mode, told).await;
        install_tls_provider();
        Self { clock, teg, server, http: Client::new(), _folder: folder }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        by: (&str, &str),
        body: &Value,
    ) -> (u16, Value) {
        let url = format!("http://{}{path}", self.server.addr());
        let request = self.http.request(method, url).header(by.0, by.1).json(body);
        let reply = request.send().await.unwrap();
        (reply.status().as_u16(), reply.json().await.unwrap())
    }

    async fn post(&self, path: &str, by: &Agent, body: Value) -> (u16, Value) {
        self.send(Method::POST, path, (by.header.0, &by.header.1), &body).await
    }

    /// An agent with play money at the TEG.
    async fn agent(&self) -> Agent {
        let key = AgentKey::generate().unwrap();
        let audience = format!("http://{}", self.server.addr());
        let proof = || key.mint(&audience, self.clock.now(), Seconds(60), &fresh_nonce().unwrap());
        let proved = format!("Bearer {}", proof());
        let by = ("authorization", proved.as_str());
        let (status, reply) = self.send(Method::POST, "/api/v1/auth/token", by, &json!({})).await;
        assert_eq!(status, 200, "{reply}");
        let token = format!("Bearer {}", reply["access_token"].as_str().unwrap());
        let did = key.did().to_string();
        let agent = Agent { did, header: ("authorization", token) };
        assert_eq!(self.post("/api/v1/wallet/faucet", &agent, json!({})).await.0, 200);
        agent
    }

    /// The same agent by an API key of its own.
    async fn by_api_key(&self, key: &AgentKey) -> Agent {
        let audience = format!("http://{}", self.server.addr());
        let proof = key.mint(&audience, self.clock.now(), Seconds(60), &fresh_nonce().unwrap());
        let by = ("authorization", format!("Bearer {proof}"));
        let body = json!({ "label": "stack" });
        let (status, reply) =
            self.send(Method::POST, "/api/v1/api-keys", (by.0, &by.1), &body).await;
        assert_eq!(status, 201, "{reply}");
        let secret = reply["api_key"].as_str().unwrap().to_owned();
        Agent { did: key.did().to_string(), header: ("x-api-key", secret) }
    }

    async fn list(&self, provider: &Agent) -> String {
        let body = json!({
            "provider_did": provider.did, "name": "CSV Analyzer", "price": 5,
            "description": "Analyze CSV files", "service_type": "data_processing",
        });
        let (status, reply) = self.post("/api/v1/marketplace/listings", provider, body).await;
        assert_eq!(status, 200, "{reply}");
        reply["listing"]["id"].as_str().unwrap().to_owned()
    }

    /// The agent pays us at the TEG, as the stack's clients do before they buy.
    async fn pay(&self, agent: &Agent, amount: &str, memo: &str) -> String {
        let url = format!("http://{}/api/v1/token/transfer", self.teg.address);
        let body = json!({ "receiver_agent_id": US, "amount": amount, "message": memo });
        let reply = self.http.post(url).bearer_auth(&agent.did).json(&body).send().await.unwrap();
        let reply: Value = reply.json().await.unwrap();
        reply["transaction_id"].as_str().unwrap_or_else(|| panic!("{reply}")).to_owned()
    }

    async fn buy_prepaid(&self, by: &Agent, listing: &str, transaction: &str) -> (u16, Value) {
        let body = json!({
            "listing_id": listing, "buyer_did": by.did, "prepaid_escrow": true,
            "escrow_tx_id": transaction,
        });
        self.post("/api/v1/marketplace/purchase", by, body).await
    }

    async fn expect_clean_books(&self) {
        let market = self.server.marketplace();
        assert_eq!(market.audit().await.unwrap().breaches(), Vec::<String>::new());
        let looked = market.reconcile().await.unwrap().unwrap();
        assert_eq!((looked.difference, looked.breach), (0, None));
    }
}

async fn start(folder: &Path, teg: &Teg, auth_mode: AuthSetting, clock: Clock) -> Server {
    let settings = Settings {
        teg_layer_url: Some(format!("http://{}", teg.address)),
        teg: TegOptions { teg_auth_mode: TegAuthSetting::Did, ..TegOptions::default() },
        auth_mode,
        ..Settings::local(folder)
    };
    let overrides = Overrides { clock: Some(clock), run_worker: false, ..Overrides::default() };
    Server::start(settings, overrides).await.unwrap()
}

fn code(reply: &(u16, Value)) -> (u16, &str) {
    (reply.0, reply.1["code"].as_str().unwrap_or_default())
}

#[tokio::test]
async fn a_purchase_from_a_balance_calls_nobody_and_prepaid_ones_share_one_look() {
    let market = Market::open(AuthSetting::Required).await;
    let (seller, buyer) = (market.agent().await, market.agent().await);
    let listing = market.list(&seller).await;
    let (status, reply) =
        market.post("/api/v1/wallet/deposit", &buyer, json!({ "amount": "100" })).await;
    assert_eq!(status, 200, "{reply}");
    market.teg.watch.take();

    let body = json!({ "listing_id": listing, "acceptance_policy": "auto_on_delivery" });
    let (status, reply) = market.post("/api/v1/marketplace/purchase", &buyer, body).await;
    assert_eq!(status, 200, "{reply}");
    let order = reply["order"]["id"].as_str().unwrap();
    let complete = format!("/api/v1/marketplace/orders/{order}/complete");
    let (status, reply) = market.post(&complete, &seller, json!({})).await;
    assert_eq!((status, &reply["order"]["status"]), (200, &json!("completed")), "{reply}");
    assert_eq!(market.teg.watch.take(), Vec::<String>::new(), "nobody was called");

    let mut paid = Vec::new();
    for _ in 0..5 {
        paid.push(market.pay(&buyer, "5.125", &format!("listing:{listing}")).await);
    }
    market.teg.watch.take();
    let buy = |number: usize| market.buy_prepaid(&buyer, &listing, &paid[number]);
    let (a, b, c, d, e) = tokio::join!(buy(0), buy(1), buy(2), buy(3), buy(4));
    for reply in [a, b, c, d, e] {
        assert_eq!(reply.0, 200, "{}", reply.1);
    }
    let calls = market.teg.watch.take();
    assert_eq!(calls, ["GET /api/v1/token/transactions"], "five purchases shared one look");
    market.expect_clean_books().await;
}

/// Buys with every transfer that does not pay, and with those that do.
async fn each_answer(market: &Market, seller: &Agent, buyer: &Agent, other: &Agent, policy: &str) {
    let listing = market.list(seller).await;
    let memo = format!("escrow:{listing}:1");
    let check = async |transaction: &str, expect: (u16, &str)| {
        market.clock.advance(Seconds(2));
        let reply = market.buy_prepaid(buyer, &listing, transaction).await;
        assert_eq!(code(&reply), expect, "{}", reply.1);
        reply.1
    };
    check("nobody-has-seen-it", (409, "payment_not_seen")).await;
    check(&market.pay(other, "7", &memo).await, (403, "payment_foreign")).await;
    check(&market.pay(buyer, "5.124999999", &memo).await, (402, "payment_too_small")).await;
    let elsewhere = "escrow:0197f3a2-7c1e-7aaa-8b1b-0242ac120002:1";
    check(&market.pay(buyer, "7", elsewhere).await, (409, "payment_for_another")).await;

    let shown_as = |transaction: &str, status: Option<&'static str>| {
        let mut shown = market.teg.watch.shown_as.lock().unwrap();
        match status {
            Some(status) => shown.insert(transaction.to_owned(), status),
            None => shown.remove(transaction),
        };
    };
    let pending = market.pay(buyer, "6", &memo).await;
    shown_as(&pending, Some("pending"));
    check(&pending, (409, "payment_pending")).await;
    check(&pending, (409, "payment_pending")).await;
    shown_as(&pending, Some("failed"));
    check(&pending, (409, "payment_failed")).await;
    check(&pending, (409, "payment_failed")).await;
    let late = market.pay(buyer, "6", &memo).await;
    shown_as(&late, Some("pending"));
    check(&late, (409, "payment_pending")).await;
    shown_as(&late, None);
    let bought = check(&late, (200, "")).await;
    let order = &bought["order"];
    assert_eq!(
        (&order["status"], &order["acceptance_policy"]),
        (&json!("escrow_funded"), &json!(policy))
    );
    assert!(order["id"].is_string());
    check(&late, (409, "payment_used")).await;
}

#[tokio::test]
async fn a_prepaid_purchase_of_the_stack_where_callers_prove_themselves() {
    let market = Market::open(AuthSetting::Required).await;
    let (seller, buyer, other) = (market.agent().await, market.agent().await, market.agent().await);
    each_answer(&market, &seller, &buyer, &other, "buyer_confirms").await;
    // A bare DID is believed in the open mode only.
    let bare = Agent {
        did: buyer.did.clone(),
        header: ("authorization", format!("Bearer {}", buyer.did)),
    };
    let refused = market.buy_prepaid(&bare, "0197f3a2-7c1e-7aaa-8b1b-0242ac120002", "t").await;
    assert_eq!(refused.0, 401, "{}", refused.1);
    let key = AgentKey::generate().unwrap();
    let by_key = market.by_api_key(&key).await;
    assert_eq!(market.post("/api/v1/wallet/faucet", &by_key, json!({})).await.0, 200);
    let listing = market.list(&seller).await;
    let paid = market.pay(&by_key, "6", "").await;
    market.clock.advance(Seconds(2));
    let body = json!({ "listing_id": listing, "payment": { "transaction_id": paid } });
    let (status, reply) = market.post("/api/v1/marketplace/purchase", &by_key, body).await;
    assert_eq!((status, &reply["order"]["buyer"]), (200, &json!(by_key.did)), "{reply}");
    let wallet = market
        .send(Method::GET, "/api/v1/wallet", (by_key.header.0, &by_key.header.1), &json!({}))
        .await;
    assert_eq!(wallet.1["available"], "0.875", "the surplus stays: {}", wallet.1);
}

#[tokio::test]
async fn a_prepaid_purchase_of_the_stack_in_the_open_mode() {
    let market = Market::open(AuthSetting::Open).await;
    let named = async |name: &str| {
        let did = format!("did:agentvault:{name}");
        let agent = Agent { header: ("authorization", format!("Bearer {did}")), did };
        assert_eq!(market.post("/api/v1/wallet/faucet", &agent, json!({})).await.0, 200);
        agent
    };
    let (seller, buyer, other) =
        (named("seller").await, named("buyer").await, named("other").await);
    each_answer(&market, &seller, &buyer, &other, "auto_on_delivery").await;
}

#[tokio::test]
async fn a_server_whose_teg_is_down_at_its_first_start_opens_when_it_comes() {
    let folder = tempfile::tempdir().unwrap();
    let clock = ManualClock::new(START);
    let mut teg = Teg::new(folder.path(), &clock);
    let server = start(folder.path(), &teg, AuthSetting::Required, system_clock()).await;
    install_tls_provider();
    let get = async |path: &str| {
        let reply = Client::new().get(format!("http://{}{path}", server.addr()));
        let reply = reply.send().await.unwrap();
        (reply.status().as_u16(), reply.text().await.unwrap())
    };
    let (status, text) = get("/readyz").await;
    assert!(status == 503 && text.contains("TEG"), "{status} {text}");
    assert_eq!(get("/healthz").await.0, 200);
    let (status, text) = get("/api/v1/services/search").await;
    assert!(status == 503 && text.contains("not_ready"), "{status} {text}");
    teg.serve().await;
    let waited = async {
        while get("/readyz").await.0 != 200 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waited).await.unwrap();
    assert_ne!(get("/api/v1/services/search").await.0, 503);
    server.shutdown().await;
    // A store that knows what the TEG held needs no TEG to start.
    teg.serving.take().unwrap().abort();
    let server = start(folder.path(), &teg, AuthSetting::Required, system_clock()).await;
    let reply = reqwest::get(format!("http://{}/readyz", server.addr())).await.unwrap();
    assert_eq!(reply.status().as_u16(), 200);
    server.shutdown().await;
}
