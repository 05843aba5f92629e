//! Peers to talk to: our own registry as a server, and servers that misbehave as a test wants.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::Response;
use marketplace_money::{Did, Timestamp};
use marketplace_registry::{
    Account, AgentKey, Clock, Credentials, EmbeddedRegistry, HttpRegistry, RegistryMemory,
    RegistryServer, RegistrySettings,
};
use reqwest::Url;

pub(crate) const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);
pub(crate) const REGISTRY: &str = "did:agentvault:registry";
pub(crate) const SECRET: &str = "a secret & more";

pub(crate) fn clock() -> Clock {
    Arc::new(|| NOW)
}

pub(crate) fn did(text: &str) -> Did {
    text.parse().unwrap()
}

pub(crate) fn key(number: u8, name: &str) -> AgentKey {
    AgentKey::from_secret(&[number; 32]).named(did(name))
}

/// Serves until the test ends.
pub(crate) async fn serve(router: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    address
}

/// One request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Arrived {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Everything that a server was asked.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<Arrived>>>);

impl Log {
    pub(crate) fn all(&self) -> Vec<Arrived> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn count(&self, part: &str) -> usize {
        self.all().iter().filter(|arrived| arrived.path.contains(part)).count()
    }
}

/// A server that answers whatever it is told to.
pub(crate) async fn scripted<F, A>(answer: F) -> (SocketAddr, Log)
where
    F: Fn(Arrived) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Response> + Send,
{
    let log = Log::default();
    let kept = log.clone();
    let handler = move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
        let path = uri.path_and_query().map(ToString::to_string).unwrap_or_default();
        let arrived = Arrived { method, path, headers, body };
        kept.0.lock().unwrap().push(arrived.clone());
        answer(arrived)
    };
    (serve(Router::new().fallback(handler)).await, log)
}

pub(crate) fn reply(status: u16, body: impl Into<String>) -> Response {
    let body: axum::body::Body = body.into().into();
    Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .body(body)
        .unwrap()
}

/// Our own registry, served.
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    pub(crate) server: Arc<RegistryServer>,
}

pub(crate) async fn peer() -> Peer {
    peer_named(REGISTRY).await
}

/// A registry whose reserved name is `name`.
pub(crate) async fn peer_named(name: &str) -> Peer {
    let directory = Arc::new(EmbeddedRegistry::open_in_memory(did(name)).unwrap());
    let accounts =
        vec![Account { did: did("did:agentvault:marketplace-v1"), credentials: account() }];
    let server = RegistryServer::new(directory, did(name), accounts, clock()).unwrap();
    let address = serve(server.router().fallback(RegistryServer::not_found)).await;
    Peer { address, server }
}

pub(crate) fn account() -> Credentials {
    Credentials { client_id: "client-1".to_owned(), client_secret: SECRET.to_owned() }
}

pub(crate) fn url(address: SocketAddr) -> Url {
    Url::parse(&format!("http://{address}")).unwrap()
}

/// A client that forgets after a moment.
pub(crate) fn settings(address: SocketAddr) -> RegistrySettings {
    RegistrySettings {
        credentials: Some(account()),
        timeout: Duration::from_millis(400),
        ..RegistrySettings::at(url(address))
    }
}

pub(crate) fn client(address: SocketAddr) -> HttpRegistry {
    HttpRegistry::new(settings(address)).unwrap()
}

/// A client for which nothing that it knows is fresh.
pub(crate) fn forgetful(address: SocketAddr) -> HttpRegistry {
    let memory = RegistryMemory {
        key: Duration::ZERO,
        endpoint: Duration::ZERO,
        nothing: Duration::ZERO,
        token: Duration::ZERO,
        ..RegistryMemory::default()
    };
    HttpRegistry::new(RegistrySettings { memory, ..settings(address) }).unwrap()
}
