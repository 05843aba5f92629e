//! The database of the release before opens in this version, its books balance, and its agents trade
//! on where they were. So does one that has not had the newest migrations of each store: they run on
//! what is there.
//!
//! `cargo xtask release-data` writes `fixtures/release`: before a release, and after a migration was
//! edited that no release has had. What is there was written by the first version with all migrations
//! up to 12 (commit 9d8060b). Databases of versions before that do not open: their first migration
//! was another. So the older ones are made here, by the migrations' own way back.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::{Path, PathBuf};

use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, RunQueryDsl as _, SqliteConnection, sql_query};
use marketplace_money::{Seconds, Timestamp};
use marketplace_registry::AgentKey;
use marketplace_testkit::app::TestApp;
use marketplace_testkit::load::{Agent, Reply, member};
use serde_json::{Value, json};

/// The marketplace's own key; so that it is in no file.
const FLAGS: [&str; 1] = ["--agent-key=BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc"];
const STORE: &str = "MARKETPLACE_TEST_STORE";
const WRITE: &str = "MARKETPLACE_WRITE_RELEASE";

/// Of each database, the migrations and the last one that stays: what came after it can be taken
/// back without losing anything that the release left.
const STAYS: [(&str, &str, &str); 4] = [
    ("marketplace.db", "sqlite", "00000000000006"),
    ("market.sql", "postgres", "00000000000004"),
    ("teg.db", "teg-sqlite", "00000000000001"),
    ("registry.db", "registry-sqlite", "00000000000001"),
];

fn store() -> &'static str {
    match std::env::var(STORE).as_deref() {
        Ok("postgres") => "postgres",
        _ => "sqlite",
    }
}

fn left() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/release").join(store())
}

/// The ways back of all migrations after one, newest first: their version and their statements.
fn ways_back(migrations: &str, stays: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations").join(migrations);
    let mut ways: Vec<(String, String)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter_map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            let version = name.split('_').next()?.to_owned();
            let way = std::fs::read_to_string(entry.path().join("down.sql")).unwrap();
            (version.as_str() > stays).then_some((version, way))
        })
        .collect();
    ways.sort_unstable_by(|a, b| b.cmp(a));
    ways
}

/// What the release before left, without the newest migrations.
fn set_back(to: &Path) {
    for file in std::fs::read_dir(left()).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
    for (file, migrations, stays) in STAYS {
        let (path, ways) = (to.join(file), ways_back(migrations, stays));
        assert!(!ways.is_empty(), "{migrations}");
        if !path.exists() {
            continue;
        }
        if file.ends_with(".sql") {
            let mut dump = std::fs::read_to_string(&path).unwrap();
            // A dump leaves the path empty.
            dump.push_str("SET search_path = public;\n");
            // One that came after the release is not there to be taken back.
            let there = dump.clone();
            for (version, way) in ways.iter().filter(|(version, _)| there.contains(version)) {
                let forget = "DELETE FROM __diesel_schema_migrations WHERE version";
                dump.push_str(&format!("{way}\n{forget} = '{version}';\n"));
            }
            std::fs::write(&path, dump).unwrap();
            continue;
        }
        let mut database = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
        for (version, way) in ways {
            let forget = "DELETE FROM __diesel_schema_migrations WHERE version";
            let forgotten = sql_query(format!("{forget} = '{version}'")).execute(&mut database);
            // One that came after the release is not there to be taken back.
            if forgotten.unwrap() == 1 {
                database.batch_execute(&way).unwrap();
            }
        }
    }
}

async fn agents(app: &TestApp) -> (Agent, Agent) {
    let seller = app.enroll(&AgentKey::from_secret(&[1; 32])).await.unwrap();
    (seller, app.enroll(&AgentKey::from_secret(&[2; 32])).await.unwrap())
}

async fn post(app: &TestApp, agent: &Agent, path: &str, body: &str) -> Reply {
    let reply = app.post(agent, path, body).await.unwrap();
    assert!(reply.status < 300, "{path}: {} {}", reply.status, reply.body);
    reply
}

async fn buy(app: &TestApp, buyer: &Agent, listing: &str) -> String {
    let body = format!(r#"{{"listing_id":"{listing}"}}"#);
    let bought = post(app, buyer, "/api/v1/orders/create", &body).await;
    member(&bought, 201, "order_id").unwrap()
}

async fn act(app: &TestApp, agent: &Agent, order: &str, verb: &str) {
    let body = if verb == "deliver" { r#"{"inline":"the work"}"# } else { "{}" };
    post(app, agent, &format!("/api/v1/orders/{order}/{verb}"), body).await;
}

async fn status(app: &TestApp, agent: &Agent, order: &str) -> String {
    let reply = app.get(agent, &format!("/api/v1/escrow/{order}")).await.unwrap();
    member(&reply, 200, "status").unwrap()
}

/// A market in which something of everything is under way.
async fn write() {
    let mut app = TestApp::start(&FLAGS).await.unwrap();
    let (seller, buyer) = agents(&app).await;
    for agent in [&seller, &buyer] {
        post(&app, agent, "/api/v1/wallet/faucet", "{}").await;
        post(&app, agent, "/api/v1/wallet/deposit", r#"{"amount":"500"}"#).await;
    }
    let listing =
        r#"{"service_type":"analysis","name":"CSV Analyzer","description":"Rows","price":"5"}"#;
    let listing = post(&app, &seller, "/api/v1/services/list", listing).await;
    let listing = member(&listing, 201, "id").unwrap();
    let mut orders = Vec::new();
    for verbs in [&["deliver", "accept"][..], &["decline"], &["deliver"], &["start"], &["deliver"]]
    {
        let order = buy(&app, &buyer, &listing).await;
        for verb in verbs {
            let agent = if *verb == "accept" { &buyer } else { &seller };
            act(&app, agent, &order, verb).await;
        }
        orders.push(order);
    }
    let claim = json!({
        "order_id": orders[4], "category": "poor_quality", "remedy": "half", "reason": "half is missing",
    });
    let dispute = post(&app, &buyer, "/api/v1/disputes/create", &claim.to_string()).await;
    post(&app, &seller, "/api/v1/wallet/withdraw", r#"{"amount":"3"}"#).await;
    app.pass(Seconds(60)).await.unwrap();
    let known = json!({
        "clock": app.clock.now().micros(), "listing": listing, "orders": orders,
        "dispute": member(&dispute, 201, "dispute_id").unwrap(),
    });
    app.leave(&left()).await.unwrap();
    std::fs::write(left().join("known.json"), format!("{known:#}\n")).unwrap();
}

#[tokio::test]
async fn what_the_release_before_left_trades_on() {
    if std::env::var_os(WRITE).is_some() {
        write().await;
    }
    trades_on(&left()).await;
}

#[tokio::test]
async fn what_lacks_the_newest_migrations_is_migrated_and_trades_on() {
    if std::env::var_os(WRITE).is_some() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    set_back(folder.path());
    trades_on(folder.path()).await;
}

async fn trades_on(left: &Path) {
    let known = std::fs::read_to_string(left.join("known.json")).unwrap();
    let known: Value = serde_json::from_str(&known).unwrap();
    let at = Timestamp::from_micros(known["clock"].as_i64().unwrap());
    let app = TestApp::restored(left, at, &FLAGS).await.unwrap();
    let audit = app.server().marketplace().audit().await.unwrap();
    assert_eq!((audit.breaches(), audit.orders), (Vec::<String>::new(), 5));

    let (seller, buyer) = agents(&app).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let orders: Vec<String> = known["orders"].as_array().unwrap().iter().map(text).collect();
    assert_eq!(status(&app, &buyer, &orders[0]).await, "COMPLETED");
    assert_eq!(status(&app, &buyer, &orders[1]).await, "REFUNDED");
    act(&app, &buyer, &orders[2], "accept").await;
    act(&app, &seller, &orders[3], "deliver").await;
    act(&app, &buyer, &orders[3], "accept").await;
    let concede = format!("/api/v1/disputes/{}/concede", text(&known["dispute"]));
    post(&app, &seller, &concede, "{}").await;
    let order = buy(&app, &buyer, &text(&known["listing"])).await;
    act(&app, &seller, &order, "deliver").await;
    act(&app, &buyer, &order, "accept").await;
    for order in orders[2..4].iter().chain([&order]) {
        assert_eq!(status(&app, &seller, order).await, "COMPLETED");
    }
    let review = format!("/api/v1/orders/{order}/review");
    post(&app, &buyer, &review, r#"{"stars":5,"text":"as agreed"}"#).await;
    app.finish().await.unwrap();
}
