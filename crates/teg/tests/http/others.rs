//! TEGs and registries that are not ours: a peer of the test's own, which answers what the test
//! wants.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use marketplace_money::Amount;
use marketplace_ports::{Teg as _, TegBalance, TegError, TransferOrder};
use marketplace_teg::{HourlyLimits, HttpTeg, HttpTegSettings, Rail, TegAuth};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::common::{clock, did, us};

async fn serve(router: Router) -> HttpTegSettings {
    let listener =
        tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("it works in this test");
    let url = format!("http://{}", listener.local_addr().expect("it works in this test"));
    tokio::spawn(
        async move { axum::serve(listener, router).await.expect("it works in this test") },
    );
    let settings = HttpTegSettings::new(&url, us(), TegAuth::Did, clock());
    HttpTegSettings { limits: HourlyLimits::NONE, attempts: 3, ..settings }
}

/// What `send` answers, and after how many looks the history shows the transfer.
#[derive(Clone, Copy)]
struct Rails {
    answer: (u16, &'static str, &'static str),
    shown_after: Option<usize>,
}

struct Peer {
    rails: Rails,
    looks: AtomicUsize,
    sent: Mutex<Option<(String, Value)>>,
}

/// The same key moves tokens once.
async fn send(
    State(peer): State<Arc<Peer>>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> (StatusCode, Json<Value>) {
    let key = headers["idempotency-key"].to_str().expect("it works in this test").to_owned();
    let mut sent = peer.sent.lock().expect("it works in this test");
    let first = sent.get_or_insert_with(|| (key.clone(), body.clone()));
    assert_eq!((&first.0, &first.1), (&key, &body), "repeated under the same key, or not at all");
    assert_eq!(body["dry_run"], false);
    let (status, method, state) = peer.rails.answer;
    let status = StatusCode::from_u16(status).expect("it works in this test");
    let answer = json!({
        "method": method, "status": state, "transfer_id": "x1", "currency_sent": "AVT",
        "currency_received": if method == "fx" { "XYZ" } else { "AVT" },
        "receiver_registry": if method == "local" { Value::Null } else { json!("registry-b") },
    });
    (status, Json(answer))
}

async fn history(State(peer): State<Arc<Peer>>) -> Json<Value> {
    let looks = peer.looks.fetch_add(1, Ordering::Relaxed);
    let sent = peer.sent.lock().expect("it works in this test").clone();
    let shown = sent.filter(|_| peer.rails.shown_after.is_some_and(|after| looks >= after));
    let lines: Vec<Value> = shown
        .iter()
        .map(|(_, body)| {
            json!({
                "transaction_id": "t1", "sender_agent_id": us().as_str(),
                "receiver_agent_id": body["receiver_did"], "amount": body["amount"],
                "fee_amount": "0E-18", "status": "completed", "transaction_type": "TRANSFER",
                "timestamp": "2026-06-24T21:33:54.123456", "attached_message": body["message"],
            })
        })
        .collect();
    Json(json!({ "total": lines.len(), "transactions": lines, "limit": 100, "offset": 0 }))
}

/// How the transfer ends when `send` answers like this.
async fn ends(answer: (u16, &'static str, &'static str), shown_after: Option<usize>) -> String {
    let rails = Rails { answer, shown_after };
    let peer = Arc::new(Peer { rails, looks: AtomicUsize::new(0), sent: Mutex::default() });
    let router = Router::new()
        .route("/api/v1/teg/send", post(send))
        .route("/api/v1/token/transactions", get(history))
        .with_state(peer);
    let settings = serve(router).await;
    let rail = Rail::Send(settings.url.clone());
    let teg = HttpTeg::new(HttpTegSettings { rail, ..settings }).expect("it works in this test");
    let order = TransferOrder {
        key: Uuid::now_v7(),
        counterparty: did("abroad"),
        amount: Amount::from_avt(2),
        memo: "payout".to_owned(),
    };
    match teg.transfer(&order).await {
        Ok(done) => {
            assert_eq!((done.key, done.amount), (Some(order.key), order.amount));
            "done".to_owned()
        }
        Err(TegError::Refused { code, .. }) => code.to_owned(),
        Err(TegError::Unknown { .. }) => "unknown".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn every_way_of_send_ends_where_the_history_says() {
    for (answer, shown_after, expect) in [
        ((200, "local", "completed"), Some(0), "done"),
        ((201, "2pc", "committed"), Some(0), "done"),
        ((201, "2pc", "prepared"), Some(1), "done"),
        ((202, "async", "locked"), Some(1), "done"),
        ((200, "fx", "settled"), Some(0), "done"),
        // Taken, and not settled while we look: the caller asks again later, under the same key.
        ((202, "async", "locked"), None, "unknown"),
        ((202, "fx", "pending"), None, "unknown"),
        // It says itself that nothing moved.
        ((200, "2pc", "aborted"), None, "refused_by_teg"),
        ((200, "local", "FAILED"), None, "refused_by_teg"),
        // Unless the history knows better.
        ((200, "async", "failed"), Some(0), "done"),
    ] {
        assert_eq!(ends(answer, shown_after).await, expect, "{answer:?} {shown_after:?}");
    }
}

/// Such a TEG tells the plain balance only; what is locked, its stakes tell.
#[tokio::test]
async fn a_teg_without_tokenomics_tells_the_plain_balance() {
    let plain = get(|| async { Json(json!({ "agent_id": "x", "balance": "7.5" })) });
    let stakes = get(|| async {
        Json(json!({ "agent_id": "x", "total_staked": "100.000000000000000000", "stakes": [] }))
    });
    let router = Router::new().route("/api/v1/token/balance", plain);
    let with_stakes = router.clone().route("/api/v1/governance/staking/mystake", stakes);
    let balance = |router: Router| async {
        let teg = HttpTeg::new(serve(router).await).expect("it works in this test");
        teg.balance().await.expect("it works in this test")
    };
    let available = "7.5".parse().expect("it works in this test");
    let staked = Amount::from_avt(100);
    assert_eq!(balance(with_stakes).await, TegBalance { available, staked, dust: 0 });
    let staked = Amount::ZERO;
    assert_eq!(balance(router).await, TegBalance { available, staked, dust: 0 });
    assert_eq!(balance(Router::new()).await, TegBalance::default());
}
