//! Each fault by itself, as its header asks for it, and what the client makes of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use marketplace_money::{Amount, Seconds};
use marketplace_ports::{
    AgentTokens, RegistryError, Teg as _, TegError, TransferFee, TransferOrder,
};
use marketplace_teg::server::{Fault, FaultPlan, Faults};
use marketplace_teg::{
    BreakerSettings, HourlyLimits, HttpTeg, HttpTegError, HttpTegSettings, TegAuth, is_loopback,
};
use reqwest::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::common::{Served, clock, did, us};

fn order(nano: i64) -> TransferOrder {
    TransferOrder {
        key: Uuid::now_v7(),
        counterparty: did("seller"),
        amount: Amount::from_nano(nano),
        memo: "memo".to_owned(),
    }
}

async fn by_header() -> Served {
    Served::start(TransferFee::default(), Faults { by_header: true, plan: None }).await
}

/// A transfer of 2 AVT with this fault: its status, or nothing when the answer was lost.
async fn pay(served: &Served, fault: &str) -> Option<(StatusCode, Value)> {
    // Without a provider there is no client; another test of this process may have set it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let answer = reqwest::Client::new()
        .post(format!("{}/api/v1/token/transfer", served.url()))
        .bearer_auth(us())
        .header("X-Fault", fault)
        .json(&json!({"receiver_agent_id": did("seller").as_str(), "amount": "2"}))
        .send()
        .await
        .ok()?;
    let status = answer.status();
    Some((status, answer.json().await.ok()?))
}

#[tokio::test]
async fn every_fault_does_what_it_says() {
    let served = by_header().await;
    let mut paid = 0;
    let mut check = async |fault: &str, status: u16, transfers: u64, text: &str| {
        let answer = pay(&served, fault).await;
        let shown = answer.as_ref().map_or(0, |(status, _)| status.as_u16());
        assert_eq!(shown, status, "{fault}: {answer:?}");
        let body = answer.map(|(_, body)| body.to_string()).unwrap_or_default();
        assert!(body.contains(text), "{fault}: {body}");
        paid += transfers;
        let (_, total) = served.node().statement(&us(), 0, 1).await.expect("it works in this test");
        assert_eq!(total, paid, "{fault}");
    };
    check("delay=1", 200, 1, "").await;
    check("unavailable", 503, 0, "SYS_UNAVAILABLE").await;
    check("rate-limit=7", 429, 0, "RATE_LIMITED").await;
    check("timeout-after-commit", 0, 1, "").await;
    check("timeout-after-commit=1", 0, 1, "").await;
    check("duplicate", 200, 2, "").await;
    check("flat-fee", 200, 1, r#""fee_amount":"1""#).await;
    check("percentage-fee", 200, 1, r#""fee_amount":"0.002""#).await;
    check("odd-amounts", 200, 1, r#""fee_amount":"0E-18""#).await;
    check("odd-amounts, flat-fee", 200, 1, r#""fee_amount":"1.000000000000000000""#).await;
    check("expired-token", 401, 0, "AUTH_INVALID_TOKEN").await;
    check("fire", 422, 0, "is no fault").await;
    let deaf = Served::start(TransferFee::default(), Faults::default()).await;
    assert_eq!(pay(&deaf, "unavailable").await.expect("it works in this test").0, 200);
}

/// A plan in which each request has this fault.
fn always(fault: Fault) -> Faults {
    Faults { by_header: false, plan: Some(Arc::new(FaultPlan::new(100, 1, &[fault]))) }
}

async fn with(fault: Fault) -> (Served, HttpTeg) {
    let served = Served::start(TransferFee::default(), always(fault)).await;
    let settings = HttpTegSettings { attempts: 3, ..served.settings() };
    let teg = HttpTeg::new(settings).expect("it works in this test");
    (served, teg)
}

#[tokio::test]
async fn what_cannot_be_known_is_said_to_be_unknown() {
    let check = async |fault: Fault, moved: u64, expect: &str| {
        let (served, teg) = with(fault).await;
        let shown = match teg.transfer(&order(5)).await {
            Ok(_) => "ok".to_owned(),
            Err(TegError::Unknown { .. }) => "unknown".to_owned(),
            Err(TegError::Unavailable { retry_after, .. }) => {
                format!("unavailable {:?}", retry_after.map(|wait| wait.0))
            }
            Err(other) => other.to_string(),
        };
        assert_eq!(shown, expect, "{fault:?}");
        let (_, total) = served.node().statement(&us(), 0, 1).await.expect("it works in this test");
        assert_eq!(total, moved, "{fault:?}");
    };
    // Moved, and the history cannot be read either: nothing but the truth.
    check(Fault::LostAnswer(std::time::Duration::ZERO), 1, "unknown").await;
    // A 503 may come from somebody between us and a TEG that has done it.
    check(Fault::Unavailable, 0, "unknown").await;
    check(Fault::RateLimit(3), 0, "unavailable Some(3)").await;
    check(Fault::ExpiredToken, 0, "unavailable None").await;
    check(Fault::Duplicate, 1, "ok").await;
    check(Fault::OddAmounts, 1, "ok").await;
    check(Fault::FlatFee, 1, "ok").await;
    check(Fault::SettleLater, 1, "ok").await;
}

#[tokio::test]
async fn the_fee_is_the_one_that_the_teg_takes() {
    let check = async |fault: Fault, amount: i64, expect: i64| {
        let (_served, teg) = with(fault).await;
        let fee = teg.transfer_fee().await.expect("it works in this test");
        assert_eq!(fee.on(Amount::from_nano(amount)), Some(Amount::from_nano(expect)), "{fee:?}");
        let done = teg.transfer(&order(amount)).await.expect("it works in this test");
        assert_eq!(done.fee, Amount::from_nano(expect), "{fault:?}");
    };
    check(Fault::FlatFee, 5, 1_000_000_000).await;
    check(Fault::PercentageFee, 5_000_000_000, 5_000_000).await;
    check(Fault::PercentageFee, 5, 1_000_000).await;
    check(Fault::OddAmounts, 5, 0).await;
}

#[tokio::test]
async fn a_teg_that_is_gone_moves_nothing_and_is_left_alone() {
    let mut served = by_header().await;
    let breaker = BreakerSettings { failures: 3, rest: Seconds(60) };
    let teg = HttpTeg::new(HttpTegSettings { breaker, ..served.settings() })
        .expect("it works in this test");
    teg.balance().await.expect("it works in this test");
    served.stop().await;
    let Err(TegError::Unavailable { retry_after: Some(wait), reason }) =
        teg.transfer(&order(5)).await
    else {
        panic!("a transfer to nobody")
    };
    assert!((55..=61).contains(&wait.0) && reason.contains("left alone"), "{reason}");
}

#[tokio::test]
async fn the_budget_of_an_hour_says_so() {
    let served = by_header().await;
    let limits = HourlyLimits { requests: 10, transfers: 2 };
    let teg = HttpTeg::new(HttpTegSettings { limits, ..served.settings() })
        .expect("it works in this test");
    for _ in 0..2 {
        teg.transfer(&order(5)).await.expect("it works in this test");
    }
    let Err(TegError::Unavailable { reason, retry_after }) = teg.transfer(&order(5)).await else {
        panic!("a third transfer")
    };
    assert_eq!(reason, "our budget of 2 transfers an hour at the TEG is spent");
    assert!(retry_after.is_some_and(|wait| wait.0 > 3_500));
    for _ in 0..8 {
        teg.balance().await.expect("it works in this test");
    }
    let error = teg.balance().await.unwrap_err().to_string();
    assert!(error.contains("our budget of 10 calls an hour"), "{error}");
}

/// Gives tokens that are worthless until they were renewed.
struct Renewing {
    renewed: AtomicUsize,
}

#[async_trait]
impl AgentTokens for Renewing {
    async fn token(&self) -> Result<String, RegistryError> {
        Ok(if self.renewed.load(Ordering::SeqCst) == 0 {
            "stale".to_owned()
        } else {
            us().to_string()
        })
    }

    async fn renew(&self, refused: &str) -> Result<String, RegistryError> {
        assert_eq!(refused, "stale");
        self.renewed.fetch_add(1, Ordering::SeqCst);
        self.token().await
    }
}

#[tokio::test]
async fn a_refused_token_is_renewed_once() {
    let served = by_header().await;
    let tokens = Arc::new(Renewing { renewed: AtomicUsize::new(0) });
    let auth = TegAuth::Registry(tokens.clone());
    let teg =
        HttpTeg::new(HttpTegSettings { auth, ..served.settings() }).expect("it works in this test");
    teg.transfer(&order(5)).await.expect("it works in this test");
    teg.balance().await.expect("it works in this test");
    assert_eq!(tokens.renewed.load(Ordering::SeqCst), 1);
    let auth = TegAuth::Static("nobody's".to_owned());
    let teg = HttpTeg::new(HttpTegSettings { auth, attempts: 2, ..served.settings() })
        .expect("it works in this test");
    let error = teg.balance().await.unwrap_err();
    assert!(matches!(error, TegError::Unavailable { .. }), "{error}");
}

#[test]
fn a_bare_did_stays_at_home() {
    let check = |url: &str, home: bool| {
        assert_eq!(is_loopback(url), home, "{url}");
        let settings = HttpTegSettings::new(url, us(), TegAuth::Did, clock());
        let made = HttpTeg::new(settings);
        assert_eq!(matches!(made, Err(HttpTegError::DidAbroad(_))), !home, "{url}");
    };
    check("http://127.0.0.1:8100", true);
    check("http://localhost:8100", true);
    check("http://[::1]:8100", true);
    check("http://teg-layer:8100", false);
    check("https://192.168.0.7", false);
    check("http://127.0.0.1.evil.example", false);
    let nowhere = HttpTegSettings::new("teg", us(), TegAuth::Static("x".to_owned()), clock());
    assert!(matches!(HttpTeg::new(nowhere), Err(HttpTegError::Url(_))));
}

#[tokio::test]
async fn without_our_own_node_there_is_no_pull_and_no_look_at_others() {
    let served = by_header().await;
    let stranger = did("stranger");
    let settings = HttpTegSettings { owner: stranger, service_token: None, ..served.settings() };
    let teg = HttpTeg::new(settings).expect("it works in this test");
    assert_eq!(teg.pull(&order(5)).await, Err(TegError::Unsupported { verb: "pull" }));
    assert_eq!(teg.balance_of(&did("seller")).await, Ok(None));
}
