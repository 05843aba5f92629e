//! What one message costs in this crate: no network, no disk. `cargo run --release -p
//! marketplace-api --example message_cost`.
//!
//! Prints microseconds for a message that never reaches the engine (routing, body, token, JSON,
//! reply), and for a whole lifecycle over the in-memory store, beside the same without HTTP.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use marketplace_api::{ApiSettings, App, AuthMode, Limits, router};
use marketplace_contract_kit::{FakeFetcher, FakeTeg, ManualClock, MemoryStore};
use marketplace_engine::{
    Config, DeliveryRequest, Done, Edges, Marketplace, PurchaseRequest, RandomIds,
};
use marketplace_listings::{AcceptancePolicy, Offer, ServiceType, Terms};
use marketplace_money::{Amount, Did, ListingId};
use marketplace_ports::Identity;
use marketplace_registry::{AgentKey, EmbeddedRegistry, KeySource, LocalIdentity, OwnKeys};
use tower::ServiceExt;

type Failed = Box<dyn std::error::Error>;

const ROUNDS: u32 = 100_000;
const LIFECYCLES: u32 = 10_000;

struct Scene {
    router: Router,
    marketplace: Marketplace,
    seller: (Did, String),
    buyer: (Did, String),
    listing: ListingId,
}

async fn scene() -> Result<Scene, Failed> {
    let ours: Did = "did:agentvault:marketplace-v1".parse().map_err(|_| "our DID")?;
    let clock = ManualClock::default();
    let teg = FakeTeg::new(ours.clone(), clock.clone());
    teg.issue(&ours, Amount::from_avt(2_000));
    let edges = Edges {
        store: Arc::new(MemoryStore::new(clock.clone())),
        teg: Arc::new(teg.clone()),
        fetcher: Arc::new(FakeFetcher::default()),
        notifier: Arc::new(marketplace_ports::Silence),
        ids: Arc::new(RandomIds),
    };
    // All buy from one seller, and nothing is delivered.
    let config = Config { exposure_base: None, ..Config::original(ours.clone()) };
    let marketplace = Marketplace::start(config, edges);
    marketplace.open().await?;
    let registry = Arc::new(EmbeddedRegistry::open_in_memory(ours.clone())?);
    let source = KeySource::Fixed([7; 32]);
    let keys = OwnKeys::open(ours.clone(), source, clock.now()).await?;
    let identity = LocalIdentity::new(ours, None, &[1; 32], registry.clone());
    let login = |secret: u8| {
        let did = AgentKey::from_secret(&[secret; 32]).did().clone();
        let token = identity.issue_access_token(&did, clock.now()).token;
        (did, token)
    };
    let (seller, buyer) = (login(1), login(2));
    for (did, _) in [&seller, &buyer] {
        teg.issue(did, Amount::from_avt(10_000_000));
        marketplace.deposit(did, Amount::from_avt(9_000_000), None).await?;
    }
    let Done::Fresh(listing) = marketplace.list_service(&seller.0, offer(), None).await? else {
        return Err("nothing is repeated here".into());
    };
    let now = clock.clone();
    let app = App {
        marketplace: marketplace.clone(),
        identity: Arc::new(identity),
        registry,
        signed_by: Arc::new(|_, _, _| false),
        packet_text: Arc::new(|_| String::new()),
        keys: Arc::new(keys),
        settings: settings(),
        limits: Limits::default(),
        quote_key: [0; 32],
        ready: Arc::new(AtomicBool::new(true)),
        clock: Arc::new(move || now.now()),
    };
    Ok(Scene {
        router: router(Arc::new(app), Router::new()),
        marketplace,
        seller,
        buyer,
        listing: listing.id,
    })
}

fn settings() -> ApiSettings {
    ApiSettings {
        auth_mode: AuthMode::Required,
        public_url: "http://127.0.0.1:8020".to_owned(),
        listen: ([127, 0, 0, 1], 8020).into(),
        manifest: serde_json::Value::Null,
        request_timeout: Duration::from_secs(10),
    }
}

fn offer() -> Offer {
    Offer {
        service_type: ServiceType::Custom,
        name: "Service".to_owned(),
        description: "Does something".to_owned(),
        price: Amount::from_avt(5),
        metadata: "{}".to_owned(),
        terms: Terms::default(),
    }
}

/// Sends a message and gives the reply.
async fn send(router: &Router, token: &str, message: String) -> Result<String, Failed> {
    let request = Request::post("/a2a/message")
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json")
        .body(Body::from(message))?;
    let response = router.clone().oneshot(request).await?;
    let bytes = to_bytes(response.into_body(), usize::MAX).await?;
    Ok(String::from_utf8(bytes.to_vec())?)
}

async fn by_message(scene: &Scene) -> Result<(), Failed> {
    let ((seller, sold), (buyer, bought)) = (&scene.seller, &scene.buyer);
    let listing = scene.listing;
    let message = format!(
        r#"{{"type":"purchase_request","from":"{buyer}","listing_id":"{listing}","acceptance_policy":"auto_on_delivery"}}"#
    );
    let reply = send(&scene.router, bought, message).await?;
    let id = reply.split_once("\"order_id\":\"").and_then(|(_, rest)| rest.get(..36));
    let id = id.ok_or(reply.clone())?;
    let message = format!(r#"{{"type":"order_complete","from":"{seller}","order_id":"{id}"}}"#);
    let reply = send(&scene.router, sold, message).await?;
    if reply.contains("COMPLETED") { Ok(()) } else { Err(reply.into()) }
}

async fn by_call(scene: &Scene) -> Result<(), Failed> {
    let ((seller, _), (buyer, _)) = (&scene.seller, &scene.buyer);
    let request = PurchaseRequest {
        acceptance: Some(AcceptancePolicy::AutoOnDelivery),
        ..PurchaseRequest::of(scene.listing)
    };
    let Done::Fresh(view) = scene.marketplace.purchase(buyer, request, None).await? else {
        return Err("nothing is repeated here".into());
    };
    scene.marketplace.complete(seller, view.order.id, DeliveryRequest::default(), None).await?;
    Ok(())
}

fn report(what: &str, rounds: u32, since: Instant) {
    let nanos = (since.elapsed() / rounds).as_nanos();
    println!("{what}: {}.{:02} us", nanos / 1_000, nanos % 1_000 / 10);
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failed> {
    let scene = scene().await?;
    let (buyer, token) = &scene.buyer;
    let message = format!(r#"{{"type":"dispute_request","from":"{buyer}"}}"#);
    let started = Instant::now();
    for _ in 0..ROUNDS {
        send(&scene.router, token, message.clone()).await?;
    }
    report("a message without a command", ROUNDS, started);
    let started = Instant::now();
    for _ in 0..LIFECYCLES {
        by_call(&scene).await?;
    }
    report("a lifecycle by calls", LIFECYCLES, started);
    let started = Instant::now();
    for _ in 0..LIFECYCLES {
        by_message(&scene).await?;
    }
    report("a lifecycle by messages", LIFECYCLES, started);
    Ok(())
}
