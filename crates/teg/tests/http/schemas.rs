//! Every route, as the published API describes it: what the client sends and what the server
//! answers is recorded between them and held against our schemas of the part that we speak.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use marketplace_contract_kit::TegUnderTest as _;
use marketplace_money::Amount;
use marketplace_ports::{HistoryCursor, Teg as _, TransferFee, TransferOrder};
use marketplace_teg::server::{BareDids, Faults, TegServer, router, with_faults};
use marketplace_teg::{DisputeReport, HttpTeg, HttpTegSettings, Rail};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::common::{SERVICE_TOKEN, Served, did, us};

/// One call.
#[derive(Debug)]
struct Exchange {
    route: String,
    request: Option<Value>,
    status: u16,
    reply: Value,
}

type Records = Arc<Mutex<Vec<Exchange>>>;

async fn record(State(records): State<Records>, request: Request, next: Next) -> Response {
    let path = request.uri().path().trim_start_matches("/api/v1").to_owned();
    let route = format!("{} {}", request.method(), template(&path));
    let (parts, body) = request.into_parts();
    let bytes = to_bytes(body, 1 << 20).await.expect("it works in this test");
    let asked = serde_json::from_slice(&bytes).ok();
    let answer = next.run(Request::from_parts(parts, Body::from(bytes))).await;
    let (parts, body) = answer.into_parts();
    let bytes = to_bytes(body, 1 << 20).await.expect("it works in this test");
    let (status, reply) =
        (parts.status.as_u16(), serde_json::from_slice(&bytes).unwrap_or_default());
    records.lock().expect("it works in this test").push(Exchange {
        route,
        request: asked,
        status,
        reply,
    });
    Response::from_parts(parts, Body::from(bytes))
}

/// DIDs and UUIDs in a path are arguments.
fn template(path: &str) -> String {
    let parts = path.split('/').map(|part| {
        if part.starts_with("did") || Uuid::parse_str(part).is_ok() { "{}" } else { part }
    });
    parts.collect::<Vec<_>>().join("/")
}

/// A server whose calls are recorded.
async fn recorded(served: &Served) -> (HttpTegSettings, Records) {
    let records = Records::default();
    let server = TegServer {
        node: served.node().clone(),
        callers: Arc::new(BareDids),
        fee: TransferFee::flat(Amount::from_nano(1_000_000)),
        service_token: Some(SERVICE_TOKEN.to_owned()),
    };
    let faults = Faults { by_header: true, plan: None };
    let router = with_faults(router(server), faults)
        .layer(middleware::from_fn_with_state(records.clone(), record));
    let listener =
        tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("it works in this test");
    let url = format!("http://{}", listener.local_addr().expect("it works in this test"));
    tokio::spawn(
        async move { axum::serve(listener, router).await.expect("it works in this test") },
    );
    (HttpTegSettings { url, ..served.settings() }, records)
}

/// Every verb of the port, and what the client has beside it.
async fn use_everything(settings: &HttpTegSettings) {
    let teg = HttpTeg::new(settings.clone()).expect("it works in this test");
    let key = Uuid::now_v7;
    let order = |counterparty, memo: &str| TransferOrder {
        key: key(),
        counterparty,
        amount: Amount::from_avt(3),
        memo: memo.to_owned(),
    };
    teg.faucet(&did("a")).await.expect("it works in this test");
    teg.faucet(&did("a")).await.expect_err("refused");
    let paid = teg.transfer(&order(did("a"), "é")).await.expect("it works in this test");
    teg.transfer(&TransferOrder { amount: Amount::MAX, ..order(did("a"), "") })
        .await
        .expect_err("refused");
    teg.pull(&order(did("a"), "back")).await.expect("it works in this test");
    teg.pull(&order(did("poor"), "back")).await.expect_err("refused");
    teg.history(&HistoryCursor::default(), 10).await.expect("it works in this test");
    teg.find(key()).await.expect("it works in this test");
    teg.balance().await.expect("it works in this test");
    teg.balance_of(&did("a")).await.expect("it works in this test");
    teg.stake(key(), Amount::from_avt(2)).await.expect("it works in this test");
    teg.unstake(key()).await.expect("it works in this test");
    teg.signal(&paid.id, true).await.expect("it works in this test");
    teg.signal(&paid.id, true).await.expect_err("refused");
    teg.reputation(&did("a")).await.expect("it works in this test");
    teg.reputation(&did("stranger")).await.expect("it works in this test");
    teg.transfer_fee().await.expect("it works in this test");
    let report = DisputeReport {
        defendant: did("a"),
        reason_code: "CONTRACT_VIOLATION".to_owned(),
        description: "nothing came".to_owned(),
        evidence: None,
        transfer: Some(paid.id),
    };
    teg.log_dispute(&report).await.expect("it works in this test");
    assert_eq!(teg.disputes(10, 0).await.expect("it works in this test").len(), 1);
    let rail = Rail::Send(settings.url.clone());
    let by_send =
        HttpTeg::new(HttpTegSettings { rail, ..settings.clone() }).expect("it works in this test");
    by_send.transfer(&order(did("b"), "sent")).await.expect("it works in this test");
}

/// What the client has no use for.
async fn use_the_rest(url: &str) {
    let client = reqwest::Client::new();
    let call = async |method: reqwest::Method, path: &str, body: Option<Value>| -> Value {
        let request = client.request(method, format!("{url}/api/v1{path}")).bearer_auth(us());
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        request.send().await.expect("it works in this test").json().await.unwrap_or_default()
    };
    let (get, post) = (reqwest::Method::GET, reqwest::Method::POST);
    call(get.clone(), "/token/balance", None).await;
    let mine = call(get.clone(), "/disputes/my-disputes", None).await;
    let dispute = mine[0]["dispute_log_id"].as_str().expect("it works in this test").to_owned();
    call(get.clone(), &format!("/disputes/{dispute}"), None).await;
    call(get.clone(), &format!("/disputes/{}", Uuid::nil()), None).await;
    call(get.clone(), "/token/transactions?limit=0", None).await;
    call(get.clone(), "/governance/staking/mystake?active_only=false", None).await;
    let send = json!({"receiver_did": did("b").as_str(), "amount": "1", "dry_run": true});
    call(post.clone(), "/teg/send", Some(send)).await;
    let unstake = json!({"stake_id": Uuid::nil().to_string()});
    call(post.clone(), "/governance/staking/unstake", Some(unstake)).await;
    let number = json!({"receiver_agent_id": did("b").as_str(), "amount": 1.5});
    call(post.clone(), "/token/transfer", Some(number)).await;
    client.get(format!("{url}/api/v1/token/balance")).send().await.expect("it works in this test");
}

#[tokio::test]
async fn every_route_is_as_published() {
    let mut served = Served::start(TransferFee::default(), Faults::default()).await;
    let (settings, records) = recorded(&served).await;
    assert_eq!(served.us(), us());
    use_everything(&settings).await;
    use_the_rest(&settings.url).await;
    // Everything but the fields' order may be odd.
    let odd = reqwest::Client::new()
        .get(format!("{}/api/v1/tokenomics/balance", settings.url))
        .bearer_auth(us())
        .header("X-Fault", "odd-amounts");
    odd.send().await.expect("it works in this test");

    let schemas: Value =
        serde_json::from_str(include_str!("schemas.json")).expect("it works in this test");
    let published: Value =
        serde_json::from_str(include_str!("published.json")).expect("it works in this test");
    let (mut used, mut as_published) = (BTreeSet::new(), BTreeSet::new());
    let records = std::mem::take(&mut *records.lock().expect("it works in this test"));
    for exchange in &records {
        let route = &schemas["routes"][&exchange.route];
        assert!(route.is_object(), "no schema for {}", exchange.route);
        used.insert(exchange.route.clone());
        if exchange.status < 400 {
            if let Some(request) = &exchange.request {
                assert_fits(&schemas, &route["request"], request, &exchange.route);
            }
            assert_fits(&schemas, &route["reply"], &exchange.reply, &exchange.route);
            let name = exchange.route.replacen(' ', " /api/v1", 1);
            let (defs, route) = (&published["$defs"], &published["routes"][&name]);
            if let (Some(request), Some(schema)) = (&exchange.request, route.get("request")) {
                assert_fits(defs, schema, request, &name);
            }
            if let Some(schema) = route.get("reply") {
                assert_fits(defs, schema, &exchange.reply, &name);
                as_published.insert(name);
            }
        } else {
            let list = exchange.reply["detail"].is_array();
            let kind = if list { "invalid" } else { "error" };
            assert_eq!(list, exchange.status == 422 && exchange.reply["error_code"].is_null());
            assert_fits(&schemas, &schemas[kind], &exchange.reply, &exchange.route);
        }
    }
    let known: BTreeSet<String> =
        schemas["routes"].as_object().expect("it works in this test").keys().cloned().collect();
    assert_eq!(used, known, "routes without a call");
    let known: BTreeSet<String> =
        published["routes"].as_object().expect("it works in this test").keys().cloned().collect();
    assert_eq!(as_published, known, "published routes without a call");
    served.stop_serving().await;
}

fn assert_fits(schemas: &Value, schema: &Value, value: &Value, route: &str) {
    let whole = json!({ "$defs": schemas, "allOf": [schema] });
    let validator = jsonschema::validator_for(&whole).expect("it works in this test");
    let wrong: Vec<String> =
        validator.iter_errors(value).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(wrong.is_empty(), "{route}: {wrong:?} in {value}");
}
