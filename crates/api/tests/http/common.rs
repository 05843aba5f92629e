//! A world to test in: one router, a clock that stands still, agents with keys.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, Method, Request, Response, StatusCode, header};
use futures::StreamExt as _;
use marketplace_a2a::{A2a, Cards, Trade};
use marketplace_api::{ApiSettings, App, AuthMode, Limits, router};
use marketplace_contract_kit::{FakeFetcher, FakeNotifier, FakeTeg, ManualClock};
use marketplace_engine::{Config, Edges, Marketplace, OperatorSet, Pace, RandomIds, Worker};
use marketplace_money::{Amount, Did, Seconds};
use marketplace_registry::{AgentKey, EmbeddedRegistry, KeySource, LocalIdentity, OwnKeys};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::store::Kept;

pub(crate) const PUBLIC_URL: &str = "http://market.example";
pub(crate) const OURS: &str = "did:agentvault:marketplace-v1";
pub(crate) const LISTEN: &str = "127.0.0.1:8020";
const ACCESS_KEY: [u8; 32] = [9; 32];

pub(crate) struct World {
    pub(crate) router: Router,
    pub(crate) clock: ManualClock,
    pub(crate) teg: FakeTeg,
    pub(crate) fetcher: FakeFetcher,
    pub(crate) notifier: FakeNotifier,
    pub(crate) kept: Kept,
    pub(crate) marketplace: Marketplace,
    pub(crate) ready: Arc<AtomicBool>,
    nonces: AtomicU64,
}

/// An agent with its key and, where it uses one, its access token.
pub(crate) struct Agent {
    pub(crate) key: AgentKey,
    pub(crate) token: String,
}

impl Agent {
    pub(crate) fn did(&self) -> &Did {
        self.key.did()
    }
}

fn key(number: u8) -> AgentKey {
    AgentKey::from_secret(&[number; 32])
}

/// The other operator of every world.
pub(crate) fn second_operator_key() -> AgentKey {
    key(201)
}

/// The first operator of every world.
pub(crate) fn operator_key() -> AgentKey {
    key(200)
}

/// A2A as the server mounts it.
fn bindings(app: &Arc<App>) -> Router {
    let keys = app.keys.clone();
    let a2a = A2a {
        marketplace: app.marketplace.clone(),
        door: app.clone(),
        behaviour: Arc::new(Trade { quote_key: app.quote_key }),
        cards: Arc::new(Cards::new(&app.settings.manifest, PUBLIC_URL, false, keys)),
        settings: marketplace_a2a::Settings {
            public_url: PUBLIC_URL.to_owned(),
            pushes: true,
            longest_wait: Duration::from_secs(5),
        },
        clock: app.clock.clone(),
    };
    marketplace_a2a::router(Arc::new(a2a))
}

/// So many of two operators must agree, and so much may wait on a seller that nobody knows.
fn config(needed: usize, exposure_base: Option<Amount>) -> Config {
    let keys = [operator_key(), second_operator_key()].map(|key| key.did().clone());
    let operators = OperatorSet { keys: keys.to_vec(), needed };
    Config { operators, exposure_base, ..Config::original(OURS.parse().unwrap()) }
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::in_mode(AuthMode::Required).await
    }

    /// A world where so many of two operators must agree.
    pub(crate) async fn governed(needed: usize) -> Self {
        Self::with(AuthMode::Required, needed, None).await
    }

    pub(crate) async fn in_mode(auth_mode: AuthMode) -> Self {
        Self::with(auth_mode, 1, None).await
    }

    /// A world where no more may wait on a seller that nobody knows.
    pub(crate) async fn wary(exposure_base: Amount) -> Self {
        Self::with(AuthMode::Required, 1, Some(exposure_base)).await
    }

    /// Where stores have planned faults, or tokio's time stands still.
    pub(crate) async fn in_memory() -> Self {
        let clock = ManualClock::default();
        Self::over(AuthMode::Required, config(1, None), Kept::in_memory(&clock), clock).await
    }

    async fn with(auth_mode: AuthMode, needed: usize, exposure_base: Option<Amount>) -> Self {
        let clock = ManualClock::default();
        let config = config(needed, exposure_base);
        Self::over(auth_mode, config, Kept::by_switch(&clock).await, clock).await
    }

    async fn over(auth_mode: AuthMode, config: Config, kept: Kept, clock: ManualClock) -> Self {
        let ours = config.did.clone();
        let (teg, fetcher) = (FakeTeg::new(ours.clone(), clock.clone()), FakeFetcher::default());
        teg.issue(&ours, Amount::from_avt(2_000));
        let notifier = FakeNotifier::default();
        let edges = Edges {
            store: kept.store(),
            teg: Arc::new(teg.clone()),
            fetcher: Arc::new(fetcher.clone()),
            notifier: Arc::new(notifier.clone()),
            ids: Arc::new(RandomIds),
        };
        let marketplace = Marketplace::start(config, edges);
        marketplace.open().await.unwrap();
        if kept.store().is_shared() {
            let follower = marketplace.clone();
            tokio::spawn(async move { follower.follow(std::future::pending()).await });
        }
        let registry = Arc::new(EmbeddedRegistry::open_in_memory(ours.clone()).unwrap());
        let identity =
            LocalIdentity::new(ours.clone(), Some(PUBLIC_URL), &ACCESS_KEY, registry.clone());
        let source = KeySource::Fixed([7; 32]);
        let keys = OwnKeys::open(ours.clone(), source, clock.now()).await.unwrap();
        let ready = Arc::new(AtomicBool::new(true));
        let now = clock.clone();
        let app = App {
            marketplace: marketplace.clone(),
            identity: Arc::new(identity),
            registry,
            signed_by: Arc::new(|did, digest, signature| {
                marketplace_registry::decode_did_key(did).is_ok_and(|key| {
                    marketplace_registry::verify_signature(&key, digest, signature)
                })
            }),
            packet_text: Arc::new(|packet| json!({ "commits": packet.log.len() }).to_string()),
            keys: Arc::new(keys),
            settings: ApiSettings {
                auth_mode,
                public_url: PUBLIC_URL.to_owned(),
                listen: LISTEN.parse().unwrap(),
                manifest: json!({
                    "name": "Sovereign Marketplace", "did": OURS, "version": "1.0.0",
                    "description": "A marketplace under test",
                }),
                request_timeout: Duration::from_secs(10),
            },
            limits: Limits::default(),
            quote_key: [4; 32],
            ready: ready.clone(),
            clock: Arc::new(move || now.now()),
        };
        let nonces = AtomicU64::new(0);
        let app = Arc::new(app);
        let router = router(app.clone(), bindings(&app));
        Self { router, clock, teg, fetcher, notifier, kept, marketplace, ready, nonces }
    }

    /// An agent that holds tokens at the TEG, with an access token.
    pub(crate) async fn agent(&self, number: u8, avt: i64) -> Agent {
        let agent = self.login(key(number)).await;
        if avt > 0 {
            self.teg.issue(agent.did(), Amount::from_avt(avt));
        }
        agent
    }

    pub(crate) async fn operator(&self) -> Agent {
        self.login(operator_key()).await
    }

    pub(crate) async fn login(&self, key: AgentKey) -> Agent {
        let proof = self.proof(&key);
        let reply = self.post("/api/v1/auth/token").bearer(&proof).send().await;
        assert_eq!(reply.status, StatusCode::OK, "{reply:?}");
        let token = reply.json()["access_token"].as_str().unwrap().to_owned();
        Agent { key, token }
    }

    /// A did-jwt that was never used.
    pub(crate) fn proof(&self, key: &AgentKey) -> String {
        let nonce = format!("nonce-{:08}", self.nonces.fetch_add(1, Ordering::Relaxed));
        key.mint(OURS, self.clock.now(), Seconds(60), &nonce)
    }

    pub(crate) fn call(&self, method: Method, path: &str) -> Call {
        let request = Request::builder().method(method).uri(path);
        Call { router: self.router.clone(), request, body: Body::empty() }
    }

    pub(crate) fn get(&self, path: &str) -> Call {
        self.call(Method::GET, path)
    }

    pub(crate) fn post(&self, path: &str) -> Call {
        self.call(Method::POST, path)
    }

    /// A message of the original.
    pub(crate) async fn message(&self, agent: &Agent, mut message: Value) -> Reply {
        if message.get("from").is_none() {
            message["from"] = agent.did().as_str().into();
        }
        self.post("/a2a/message").by(agent).json(&message).send().await
    }

    /// A listing of 5 AVT.
    pub(crate) async fn listing(&self, provider: &Agent) -> String {
        let service = json!({
            "service_type": "data-processing", "name": "CSV Analyzer",
            "description": "Analyze CSV files", "price": "5.0",
        });
        let reply = self.post("/api/v1/services/list").by(provider).json(&service).send().await;
        assert_eq!(reply.status, StatusCode::CREATED, "{reply:?}");
        reply.json()["id"].as_str().unwrap().to_owned()
    }

    /// A funded order under the given policy.
    pub(crate) async fn order(&self, buyer: &Agent, listing: &str, policy: &str) -> String {
        let body = json!({ "listing_id": listing, "acceptance_policy": policy });
        let reply = self.post("/api/v1/orders/create").by(buyer).json(&body).send().await;
        assert_eq!(reply.status, StatusCode::CREATED, "{reply:?}");
        reply.json()["order_id"].as_str().unwrap().to_owned()
    }

    /// Does everything that is due.
    pub(crate) async fn work(&self) {
        let mut worker = Worker::new(self.marketplace.clone(), Pace::default()).await.unwrap();
        while worker.tick().await.unwrap().any() {
            worker.finish_notices().await;
        }
        // The next one need not wait for its leases.
        worker.release().await.unwrap();
    }

    /// Nothing half-done: the books balance.
    pub(crate) async fn expect_clean_books(&self) {
        let audit = self.marketplace.audit().await.unwrap();
        assert_eq!(audit.breaches(), Vec::<String>::new());
        let reserves = self.marketplace.reserves().await.unwrap();
        assert_eq!(reserves.held, reserves.booked);
    }
}

pub(crate) struct Call {
    router: Router,
    request: axum::http::request::Builder,
    body: Body,
}

impl Call {
    pub(crate) fn header(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        self.request = self.request.header(name.as_ref(), value.as_ref());
        self
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    pub(crate) fn by(self, agent: &Agent) -> Self {
        self.bearer(&agent.token)
    }

    pub(crate) fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.text(&body.to_string())
    }

    pub(crate) fn text(self, body: &str) -> Self {
        self.header("content-type", "application/json").body(body.to_owned())
    }

    pub(crate) fn body(mut self, body: impl Into<Body>) -> Self {
        self.body = body.into();
        self
    }

    /// Asks; the answer's body is still to be read: a stream's, say.
    pub(crate) async fn open(self) -> Opened {
        let request = self.request.body(self.body).unwrap();
        Opened(self.router.oneshot(request).await.unwrap())
    }

    pub(crate) async fn send(self) -> Reply {
        self.open().await.read().await
    }
}

/// An answer whose body was not read yet.
pub(crate) struct Opened(Response<Body>);

impl Opened {
    /// All of it: of a stream, up to its end.
    pub(crate) async fn read(self) -> Reply {
        let (parts, body) = self.0.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        Reply { status: parts.status, headers: parts.headers, bytes }
    }

    /// Of a stream, up to the event that says this.
    pub(crate) async fn read_until(self, said: &str) -> Reply {
        let (parts, body) = self.0.into_parts();
        let (mut body, mut text) = (body.into_data_stream(), String::new());
        while !text.contains(said) {
            let more = body.next().await.expect("it goes on").unwrap();
            text.push_str(std::str::from_utf8(&more).unwrap());
        }
        Reply { status: parts.status, headers: parts.headers, bytes: text.into() }
    }
}

pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Bytes,
}

impl std::fmt::Debug for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.status, self.text())
    }
}

impl Reply {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// 2xx with JSON.
    #[track_caller]
    pub(crate) fn expect_success(&self) -> Value {
        assert!(self.status.is_success(), "{self:?}");
        self.json()
    }

    /// A whole problem document with this status and code.
    #[track_caller]
    pub(crate) fn expect_problem(&self, status: u16, code: &str) -> Value {
        let body = self.json();
        let found = (self.status.as_u16(), body["code"].as_str());
        assert_eq!(found, (status, Some(code)), "{self:?}");
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        assert_eq!(body["status"], status);
        assert_eq!(body["type"], format!("/api/problems#{code}"));
        assert!(body["title"].is_string() && body["detail"].is_string(), "{self:?}");
        assert_eq!(self.headers.contains_key(header::WWW_AUTHENTICATE), status == 401);
        body
    }

    /// A reply of the original that says no.
    #[track_caller]
    pub(crate) fn expect_no(&self, kind: &str, code: &str) -> Value {
        let body = self.expect_success();
        assert_eq!(self.status, StatusCode::OK);
        assert_eq!((body["type"].as_str(), body["code"].as_str()), (Some(kind), Some(code)));
        assert!(matches!(body["status"].as_str(), Some("failed" | "rejected")), "{self:?}");
        body
    }
}
