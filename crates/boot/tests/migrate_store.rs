//! A market that outgrows its file: it moves to PostgreSQL, is killed on its way, and goes on.
#![expect(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

use std::path::Path;
use std::sync::Arc;

use marketplace_boot::{
    Overrides, Server, Settings, Stopped, StoreMove, migrate_store, offline_audit,
};
use marketplace_contract_kit::{FakeTeg, ManualClock};
use marketplace_money::{Amount, Did, Seconds, Timestamp};
use marketplace_ports::Store;
use marketplace_postgres_cluster::shared;
use marketplace_registry::{AgentKey, fresh_nonce, install_tls_provider};
use marketplace_store_postgres::{OpenError, Options, PostgresStore};
use marketplace_store_sqlite::SqliteStore;
use reqwest::{Client, Response};
use serde_json::{Value, json};

const PUBLIC_URL: &str = "http://market.example";

struct Market {
    clock: ManualClock,
    teg: FakeTeg,
    http: Client,
}

impl Market {
    fn new() -> Self {
        install_tls_provider();
        let clock = ManualClock::new(Timestamp::from_micros(1_800_000_000_000_000));
        let ours: Did = "did:agentvault:marketplace-v1".parse().unwrap();
        let teg = FakeTeg::new(ours.clone(), clock.clone());
        teg.issue(&ours, Amount::from_avt(2_000));
        Self { clock, teg, http: Client::new() }
    }

    fn clock(&self) -> marketplace_boot::Clock {
        let clock = self.clock.clone();
        Arc::new(move || clock.now())
    }

    async fn server(&self, folder: &Path, database: Option<String>) -> Server {
        let mut settings = Settings::local(folder);
        settings.database_url = database;
        settings.public_url = Some(PUBLIC_URL.to_owned());
        // All buy from one seller.
        settings.exposure_base = Some("off".to_owned());
        let overrides = Overrides {
            clock: Some(self.clock()),
            teg: Some(Arc::new(self.teg.clone())),
            run_worker: false,
            ..Overrides::default()
        };
        Server::start(settings, overrides).await.unwrap()
    }

    async fn send(
        &self,
        server: &Server,
        path: &str,
        token: &str,
        key: &str,
        body: &Value,
    ) -> Response {
        let url = format!("http://{}{path}", server.addr());
        let request = self.http.post(url).bearer_auth(token).header("idempotency-key", key);
        request.json(body).send().await.unwrap()
    }

    async fn post(
        &self,
        server: &Server,
        path: &str,
        token: &str,
        key: &str,
        body: Value,
    ) -> Value {
        let reply = self.send(server, path, token, key, &body).await;
        assert!(reply.status().is_success(), "{path}: {}", reply.text().await.unwrap());
        reply.json().await.unwrap()
    }

    async fn token(&self, server: &Server, key: &AgentKey) -> String {
        let proof = key.mint(PUBLIC_URL, self.clock.now(), Seconds(60), &fresh_nonce().unwrap());
        let reply = self.post(server, "/api/v1/auth/token", &proof, "token", json!({})).await;
        reply["access_token"].as_str().unwrap().to_owned()
    }

    async fn agent(&self, server: &Server, avt: i64) -> String {
        let key = AgentKey::generate().unwrap();
        self.teg.issue(key.did(), Amount::from_avt(avt));
        self.token(server, &key).await
    }
}

/// Orders in every state, deliveries, a transfer to be paid, money taken out.
async fn trade(market: &Market, server: &Server) -> (String, String, Vec<String>) {
    let (seller, buyer) = (market.agent(server, 1).await, market.agent(server, 500).await);
    let service = json!({
        "service_type": "data-processing", "name": "CSV Analyzer", "price": "5.000000001",
        "description": "Analyze \"CSV\" files \\ with ümlauts 🦀", "metadata": { "a": [1, null] },
    });
    let listing = market.post(server, "/api/v1/services/list", &seller, "list", service).await;
    let listing = listing["id"].as_str().unwrap().to_owned();
    let mut orders = Vec::new();
    for number in 0..24 {
        let mut body = json!({ "listing_id": listing });
        if number % 8 == 7 {
            body["payment"] = json!({ "method": "transfer" });
        }
        let key = format!("buy-{number}");
        let order = market.post(server, "/api/v1/orders/create", &buyer, &key, body).await;
        orders.push(order["order_id"].as_str().unwrap().to_owned());
    }
    for (number, order) in orders.iter().enumerate() {
        let path = |verb: &str| format!("/api/v1/orders/{order}/{verb}");
        let key = format!("step-{number}");
        if matches!(number % 8, 0..=2) {
            let body = json!({ "inline": "the \"work\"\nand more 🦀" });
            market.post(server, &path("deliver"), &seller, &key, body).await;
        }
        match number % 8 {
            1 => drop(market.post(server, &path("accept"), &buyer, &key, json!({})).await),
            3 => drop(market.post(server, &path("cancel"), &buyer, &key, json!({})).await),
            4 => drop(market.post(server, &path("decline"), &seller, &key, json!({})).await),
            _ => {}
        }
    }
    let body = json!({ "amount": "2.5" });
    market.post(server, "/api/v1/wallet/withdraw", &seller, "out", body).await;
    (seller, buyer, orders)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_market_moves_and_goes_on() {
    let market = Market::new();
    let folder = tempfile::tempdir().unwrap();
    let database = shared().empty_database().unwrap();
    let file = folder.path().join("marketplace.db");
    let server = market.server(folder.path(), None).await;
    let (_, buyer, orders) = trade(&market, &server).await;
    let again = json!({ "listing_id": "0197f3a2-7c1e-7aaa-8b1b-0242ac120002" });
    let busy = StoreMove::new(&format!("sqlite:{}", file.display()), &database.url()).unwrap();
    let error = migrate_store(&busy, |_| {}).await.err().unwrap();
    assert!(format!("{error:?}").contains("InUse"), "a server runs on it: {error:?}");
    assert_eq!(server.shutdown().await, Stopped::Clean);
    let before = offline_audit(&file).await.unwrap();

    // Killed at different places, each time further on.
    let plan = busy.in_steps_of(7);
    for steps in [1, 9, 14] {
        let (reached, mut wait) = tokio::sync::mpsc::unbounded_channel();
        let killed = plan.clone();
        let moving = tokio::spawn(async move {
            migrate_store(&killed, |_| {
                let _ = reached.send(());
            })
            .await
        });
        for _ in 0..steps {
            wait.recv().await.unwrap();
        }
        moving.abort();
        assert!(moving.await.unwrap_err().is_cancelled());
        let opened = PostgresStore::open(&database.url(), Options::default()).await;
        let Err(refused) = opened else { panic!("a server opens half a market") };
        assert!(matches!(refused, OpenError::Unfinished), "{refused}");
    }
    let moved = loop {
        match migrate_store(&plan, |_| {}).await {
            Ok(moved) => break moved,
            // The database notices a moment later that the one before is gone.
            Err(error) if format!("{error:?}").contains("another process") => {
                tokio::task::yield_now().await;
            }
            Err(error) => panic!("{error:?}"),
        }
    };
    assert_eq!((moved.orders, moved.postings), (before.orders, before.postings));
    assert!(moved.with_key && moved.commits > 50, "{moved:?}");
    let twice = migrate_store(&plan, |_| {}).await.err().unwrap();
    assert!(format!("{twice:?}").contains("not empty"), "{twice:?}");

    compare(&market, &file, &database.url()).await;
    go_on(&market, &database.url(), &buyer, &orders, &again).await;
}

/// What both stores say, through the port.
async fn compare(market: &Market, file: &Path, url: &str) {
    let options = Options { clock: Some(market.clock()), ..Options::default() };
    let new = PostgresStore::open(url, options).await.unwrap();
    let old = SqliteStore::open(file, market.clock()).unwrap();
    let (before, after) = (old.audit().await.unwrap(), new.audit().await.unwrap());
    assert_eq!(after.breaches(), Vec::<String>::new());
    assert_eq!(before.totals, after.totals);
    assert_eq!(old.feed_head().await.unwrap(), new.feed_head().await.unwrap());
    let events = old.events_after(0, 10_000).await.unwrap();
    assert_eq!(events, new.events_after(0, 10_000).await.unwrap());
    for did in events.iter().flat_map(|event| &event.audience) {
        let (mine, its) =
            (old.events_for(did, 0, 5_000).await, new.events_for(did, 0, 5_000).await);
        assert_eq!(mine.unwrap(), its.unwrap());
        assert_eq!(old.wallet(did).await.unwrap(), new.wallet(did).await.unwrap());
        assert_eq!(old.agent(did).await.unwrap(), new.agent(did).await.unwrap());
        let lines = async |store: &dyn Store| {
            let page = store.statement(did, None, 1_000).await.unwrap().items;
            let line =
                |line: marketplace_ports::StatementLine| (line.entry, line.delta, line.balance);
            page.into_iter().map(line).collect::<Vec<_>>()
        };
        assert_eq!(lines(&old).await, lines(&new).await);
    }
    let orders = async |store: &dyn Store| store.all_orders(None, None, 1_000).await.unwrap().items;
    assert_eq!(orders(&old).await, orders(&new).await);
}

/// A server over the new store knows everything that was done, and takes new orders.
async fn go_on(market: &Market, url: &str, buyer: &str, orders: &[String], other: &Value) {
    let elsewhere = tempfile::tempdir().unwrap();
    let server = market.server(elsewhere.path(), Some(url.to_owned())).await;
    // The access token is good, and so is what was answered under a key.
    let path = "/api/v1/orders/create";
    let reused = market.send(&server, path, buyer, "buy-0", other).await;
    assert_eq!(reused.status().as_u16(), 422);
    let accept = format!("/api/v1/orders/{}/accept", orders[0]);
    let accepted = market.post(&server, &accept, buyer, "accept-0", json!({})).await;
    assert_eq!(accepted["status"], "COMPLETED");
    let order = market.http.get(format!("http://{}/api/v1/orders/{}", server.addr(), orders[5]));
    let order: Value = order.bearer_auth(buyer).send().await.unwrap().json().await.unwrap();
    let body = json!({ "listing_id": order["listing_id"] });
    market.post(&server, path, buyer, "one-more", body).await;
    let audit = server.marketplace().audit().await.unwrap();
    assert_eq!(audit.breaches(), Vec::<String>::new());
    assert_eq!(audit.orders, orders.len() as u64 + 1);
    assert_eq!(server.shutdown().await, Stopped::Clean);
}
