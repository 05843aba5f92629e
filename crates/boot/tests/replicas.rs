//! Two servers and two workers in this process, over one PostgreSQL database.
#![expect(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

use std::sync::Arc;
use std::time::Duration;

use marketplace_boot::{BootError, Overrides, Server, Settings, Stopped, WorkerProcess};
use marketplace_contract_kit::{FakeTeg, ManualClock};
use marketplace_money::{Amount, Did, Seconds, Timestamp};
use marketplace_ports::Store;
use marketplace_postgres_cluster::{Database, shared};
use marketplace_registry::{AgentKey, fresh_nonce, install_tls_provider};
use marketplace_store_postgres::{Options, PostgresStore};
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

/// One market, at two servers.
struct Market {
    clock: ManualClock,
    teg: FakeTeg,
    database: Database,
    servers: Vec<Server>,
    http: Client,
    folder: TempDir,
}

impl Market {
    async fn open() -> Self {
        install_tls_provider();
        let clock = ManualClock::new(Timestamp::from_micros(1_800_000_000_000_000));
        let ours: Did = "did:agentvault:marketplace-v1".parse().unwrap();
        let teg = FakeTeg::new(ours.clone(), clock.clone());
        teg.issue(&ours, Amount::from_avt(2_000));
        let database = shared().empty_database().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let http = Client::new();
        let mut market = Self { clock, teg, database, servers: Vec::new(), http, folder };
        for number in 0..2 {
            let overrides = Overrides { run_worker: false, ..market.overrides() };
            let server = Server::start(market.settings(number), overrides).await.unwrap();
            market.servers.push(server);
        }
        market
    }

    fn settings(&self, number: usize) -> Settings {
        let mut settings = Settings::local(&self.folder.path().join(number.to_string()));
        settings.database_url = Some(self.database.url());
        settings.public_url = Some("http://market.example".to_owned());
        // All buy from one seller.
        settings.exposure_base = Some("off".to_owned());
        settings
    }

    fn overrides(&self) -> Overrides {
        let clock = self.clock.clone();
        Overrides {
            clock: Some(Arc::new(move || clock.now())),
            teg: Some(Arc::new(self.teg.clone())),
            ..Overrides::default()
        }
    }

    async fn store(&self) -> PostgresStore {
        let clock = self.clock.clone();
        let clock: marketplace_boot::Clock = Arc::new(move || clock.now());
        let options = Options { clock: Some(clock), ..Options::default() };
        PostgresStore::open(&self.database.url(), options).await.unwrap()
    }

    async fn worker(&self) -> WorkerProcess {
        let store: Arc<dyn Store> = Arc::new(self.store().await);
        let overrides = Overrides { store: Some(store), ..self.overrides() };
        let listen = ([127, 0, 0, 1], 0).into();
        WorkerProcess::start(self.settings(9), listen, overrides).await.unwrap()
    }

    fn url(&self, server: usize, path: &str) -> String {
        format!("http://{}{path}", self.servers[server].addr())
    }

    async fn get(&self, server: usize, path: &str, token: &str) -> Response {
        self.http.get(self.url(server, path)).bearer_auth(token).send().await.unwrap()
    }

    async fn post(&self, server: usize, path: &str, token: &str, body: Value) -> Value {
        let request = self.http.post(self.url(server, path)).bearer_auth(token).json(&body);
        let reply = request.send().await.unwrap();
        assert!(reply.status().is_success(), "{path}: {}", reply.text().await.unwrap());
        reply.json().await.unwrap()
    }

    /// An agent with tokens at the TEG, and its access token of the first server.
    async fn agent(&self, avt: i64) -> String {
        let key = AgentKey::generate().unwrap();
        self.teg.issue(key.did(), Amount::from_avt(avt));
        let nonce = fresh_nonce().unwrap();
        let proof = key.mint("http://market.example", self.clock.now(), Seconds(60), &nonce);
        let reply = self.post(0, "/api/v1/auth/token", &proof, json!({})).await;
        reply["access_token"].as_str().unwrap().to_owned()
    }

    async fn list(&self, server: usize, seller: &str) -> String {
        let service = json!({
            "service_type": "data-processing", "name": "CSV Analyzer",
            "description": "Analyze CSV files", "price": "5.0",
        });
        let listing = self.post(server, "/api/v1/services/list", seller, service).await;
        listing["id"].as_str().unwrap().to_owned()
    }

    /// Asks the second server until its answer is as wanted; a second must be enough.
    async fn within_a_second(&self, wanted: impl Fn(&Value) -> bool) {
        let committed = tokio::time::Instant::now();
        loop {
            let reply = self.get(1, "/api/v1/services/search", "").await;
            let page: Value = reply.json().await.unwrap();
            if wanted(&page) {
                return;
            }
            assert!(committed.elapsed() < Duration::from_secs(1), "still shown: {page}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    async fn buy(&self, server: usize, buyer: &str, listing: &str) -> String {
        let body = json!({ "listing_id": listing });
        let order = self.post(server, "/api/v1/orders/create", buyer, body).await;
        order["order_id"].as_str().unwrap().to_owned()
    }

    async fn close(self) {
        for server in self.servers {
            assert_eq!(server.shutdown().await, Stopped::Clean);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_server_does_the_other_knows() {
    let market = Market::open().await;
    let (seller, buyer) = (market.agent(1).await, market.agent(100).await);
    let listing = market.list(0, &seller).await;
    let mut found = 0;
    for _ in 0..100 {
        let reply: Value =
            market.get(1, "/api/v1/services/search", "").await.json().await.unwrap_or_default();
        found = reply["count"].as_u64().unwrap_or(0);
        if found == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(found, 1, "found at the other server within a second");

    let poll = market.get(0, "/api/v1/orders?role=seller&wait=20", &seller);
    let purchase = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        market.buy(1, &buyer, &listing).await
    };
    let (page, order) = tokio::join!(poll, purchase);
    let page: Value = page.json().await.unwrap();
    assert_eq!(page["results"][0]["order_id"], order.as_str());

    // Events by halves, from both servers: no holes and no doubles.
    for _ in 0..5 {
        market.buy(0, &buyer, &listing).await;
        market.buy(1, &buyer, &listing).await;
    }
    let whole = events(&market, 0, &seller, 0, 13).await;
    let half = events(&market, 0, &seller, 0, 6).await;
    let rest = events(&market, 1, &seller, half[5], 7).await;
    assert_eq!([half, rest].concat(), whole);
    let audit = market.servers[0].marketplace().audit().await.unwrap();
    assert_eq!(audit.breaches(), Vec::<String>::new());
    market.close().await;
}

/// An edit and a delisting at one server are seen at the other within a second of their commit. What
/// is still shown until then cannot be bought.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_old_is_shown_for_longer_than_a_second() {
    let market = Market::open().await;
    let (seller, buyer) = (market.agent(1).await, market.agent(100).await);
    for round in 0..10 {
        let listing = market.list(0, &seller).await;
        market.within_a_second(|page| page["total"] == 1).await;
        let (path, price) = (format!("/api/v1/services/{listing}"), format!("{}", 6 + round));
        let edit = market.http.patch(market.url(0, &path)).bearer_auth(&seller);
        let reply = edit.json(&json!({ "price": price })).send().await.unwrap();
        assert!(reply.status().is_success(), "{}", reply.text().await.unwrap());
        market.within_a_second(|page| page["results"][0]["price"] == price.as_str()).await;

        market.post(0, &format!("{path}/delist"), &seller, json!({})).await;
        let purchase = market.http.post(market.url(1, "/api/v1/orders/create"));
        let purchase = purchase.bearer_auth(&buyer).json(&json!({ "listing_id": listing }));
        let reply = purchase.send().await.unwrap();
        assert_eq!(reply.status(), StatusCode::NOT_FOUND);
        let problem: Value = reply.json().await.unwrap();
        assert_eq!(problem["code"], "listing_not_found");
        market.within_a_second(|page| page["total"] == 0).await;
    }
    market.close().await;
}

/// The ids of the first events of a stream.
async fn events(market: &Market, server: usize, token: &str, after: u64, count: usize) -> Vec<u64> {
    let path = format!("/api/v1/events?after={after}");
    let mut response = market.get(server, &path, token).await;
    assert_eq!(response.status(), StatusCode::OK);
    let (mut text, mut ids) = (String::new(), Vec::new());
    while ids.len() < count {
        let chunk = tokio::time::timeout(Duration::from_secs(20), response.chunk()).await;
        let chunk = chunk.expect("events come").unwrap().expect("the stream goes on");
        text.push_str(std::str::from_utf8(&chunk).unwrap());
        let whole = text.rfind("\n\n").map_or("", |end| &text[..end]);
        let lines = whole.lines().filter_map(|line| line.strip_prefix("id: "));
        ids = lines.map(|id| id.parse().unwrap()).collect();
    }
    ids.truncate(count);
    ids
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_workers_end_each_deadline_once() {
    let market = Market::open().await;
    let (seller, buyer) = (market.agent(1).await, market.agent(200).await);
    let listing = market.list(0, &seller).await;
    let mut orders = Vec::new();
    for number in 0..20 {
        orders.push(market.buy(number % 2, &buyer, &listing).await);
    }
    market.clock.advance(Seconds::from_hours(25));
    let workers = [market.worker().await, market.worker().await];
    for worker in &workers {
        let ready = market.http.get(format!("http://{}/readyz", worker.addr())).send().await;
        assert_eq!(ready.unwrap().status(), StatusCode::OK);
    }
    let store = market.store().await;
    for order in orders {
        let id: marketplace_money::OrderId = order.parse().unwrap();
        let mut left = 500;
        while !store.order(id).await.unwrap().unwrap().phase().is_terminal() {
            left -= 1;
            assert!(left > 0, "nobody ended {order}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    for worker in workers {
        assert_eq!(worker.shutdown().await, Stopped::Clean);
    }
    store.settle().await.unwrap();
    let events = store.events_after(0, 10_000).await.unwrap();
    let of_orders = events.iter().filter(|event| event.name.starts_with("order."));
    assert_eq!(of_orders.count(), 40, "each was placed once and ended once");
    let audit = store.audit().await.unwrap();
    assert_eq!(audit.breaches(), Vec::<String>::new());
    market.close().await;
}

impl Market {
    /// What becomes of a command, whatever it is.
    async fn try_post(&self, server: usize, path: &str, token: &str, body: Value) -> StatusCode {
        let request = self.http.post(self.url(server, path)).bearer_auth(token).json(&body);
        request.send().await.unwrap().status()
    }

    async fn expect_clean_books(&self) {
        let audit = self.store().await.audit().await.unwrap();
        assert_eq!(audit.breaches(), Vec::<String>::new());
    }
}

/// Two engines that decide on the same purse, and on the same orders, at the same time: what the one
/// commits makes the other decide again, and nobody outside hears of that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_in_each_others_way_answer_as_one() {
    let market = Market::open().await;
    let (seller, buyer) = (market.agent(1).await, market.agent(100).await);
    let listing = market.list(0, &seller).await;
    let deposit = json!({ "amount": "100" });
    market.post(0, "/api/v1/wallet/deposit", &buyer, deposit).await;
    // Nineteen purchases of 5.125 are in 100 AVT, wherever they are asked for.
    let body = json!({ "listing_id": listing });
    let purchases = (0..26)
        .map(|number| market.try_post(number % 2, "/api/v1/orders/create", &buyer, body.clone()));
    let statuses = futures::future::join_all(purchases).await;
    let bought = statuses.iter().filter(|status| **status == StatusCode::CREATED).count();
    assert_eq!(bought, 19, "{statuses:?}");
    assert!(statuses.iter().all(|status| !status.is_server_error()), "{statuses:?}");

    // Both parties end each order at once, at different servers: one of them does.
    let page: Value =
        market.get(0, "/api/v1/orders?role=buyer&limit=100", &buyer).await.json().await.unwrap();
    let orders: Vec<&str> = page["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["order_id"].as_str().unwrap())
        .collect();
    assert_eq!(orders.len(), 19);
    let (market_ref, buyer, seller) = (&market, &buyer, &seller);
    let races = orders.iter().map(|order| async move {
        let (accept, decline) =
            (format!("/api/v1/orders/{order}/accept"), format!("/api/v1/orders/{order}/decline"));
        let accept = market_ref.try_post(0, &accept, buyer, json!({}));
        let decline = market_ref.try_post(1, &decline, seller, json!({}));
        tokio::join!(accept, decline)
    });
    for (accept, decline) in futures::future::join_all(races).await {
        let won = [accept, decline].iter().filter(|status| status.is_success()).count();
        let lost =
            [accept, decline].iter().filter(|status| **status == StatusCode::CONFLICT).count();
        assert_eq!((won, lost), (1, 1), "{accept} {decline}");
    }
    market.expect_clean_books().await;
    market.close().await;
}

/// What a server remembers is no reason to sell what is not for sale any more, or to refuse what
/// can be paid now.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_remembered_decides_nothing_alone() {
    let market = Market::open().await;
    let (seller, buyer, friend) =
        (market.agent(1).await, market.agent(16).await, market.agent(20).await);
    let listing = market.list(0, &seller).await;
    market.post(0, "/api/v1/wallet/deposit", &buyer, json!({ "amount": "16" })).await;
    market.post(0, "/api/v1/wallet/deposit", &friend, json!({ "amount": "20" })).await;
    let body = json!({ "listing_id": listing });
    for _ in 0..3 {
        let status = market.try_post(1, "/api/v1/orders/create", &buyer, body.clone()).await;
        assert_eq!(status, StatusCode::CREATED);
    }
    // The second server saw the purse nearly empty; it is filled at the first.
    let wallet: Value = market.get(0, "/api/v1/wallet", &buyer).await.json().await.unwrap();
    let gift = json!({ "to": wallet["did"], "amount": "20", "reason": "a gift" });
    market.post(0, "/api/v1/wallet/transfer", &friend, gift).await;
    let order = market.buy(1, &buyer, &listing).await;
    // And the listing active; it is paused at the first.
    let pause = format!("/api/v1/services/{listing}/pause");
    market.post(0, &pause, &seller, json!({})).await;
    let status = market.try_post(1, "/api/v1/orders/create", &buyer, body).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    // And the order open; it is declined at the first.
    let decline = format!("/api/v1/orders/{order}/decline");
    market.post(0, &decline, &seller, json!({})).await;
    let accept = format!("/api/v1/orders/{order}/accept");
    let status = market.try_post(1, &accept, &buyer, json!({})).await;
    assert_eq!(status, StatusCode::CONFLICT);
    market.expect_clean_books().await;
    market.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_not_there_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = Settings::local(folder.path());
    settings.database_url = Some("postgres://nobody:secret@127.0.0.1:1/none".to_owned());
    let error = Server::start(settings, Overrides::default()).await.err().unwrap();
    assert!(matches!(error, BootError::Store(_)), "{error}");
}
