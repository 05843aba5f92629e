//! The node as it is started: its faults by settings and by request, its callers, its health.

use clap::Parser;
use marketplace_edge_node::{EdgeError, EdgeNode, EdgeSettings};
use reqwest::{Client, StatusCode};
use serde_json::Value;
use tempfile::TempDir;

const OWNER: &str = "did:agentvault:marketplace-v1";
/// With half of the requests failing, this many without a failure are a wrong setting.
const TRIES: usize = 60;

#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    settings: EdgeSettings,
}

async fn start(flags: &[&str]) -> (EdgeNode, TempDir) {
    marketplace_registry::install_tls_provider();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = format!("--data-dir={}", folder.path().display());
    let fixed = ["teg", "--listen=127.0.0.1:0", "--auth=did", &data];
    let settings = Flags::parse_from(fixed.iter().chain(flags)).settings;
    (EdgeNode::start(settings).await.expect("it starts"), folder)
}

/// How a call ended: its status and body, or nothing when the answer broke off.
async fn call(node: &EdgeNode, path: &str, fault: &str) -> Option<(StatusCode, Value)> {
    let url = format!("http://{}/api/v1{path}", node.addr());
    let mut request = Client::new().get(url).bearer_auth(OWNER);
    if !fault.is_empty() {
        request = request.header("X-Fault", fault);
    }
    let reply = request.send().await.ok()?;
    Some((reply.status(), reply.json().await.ok()?))
}

/// Whether an answer shows a fault.
fn shows(fault: &str, answer: &Option<(StatusCode, Value)>) -> bool {
    let Some((status, body)) = answer else { return fault.starts_with("timeout-after-commit") };
    match fault.split('=').next() {
        Some("timeout-after-commit") => false,
        Some("unavailable") => *status == StatusCode::SERVICE_UNAVAILABLE,
        Some("rate-limit") => *status == StatusCode::TOO_MANY_REQUESTS,
        Some("expired-token") => *status == StatusCode::UNAUTHORIZED,
        Some("odd-amounts") => body.to_string().contains("000000000000000000\""),
        Some("flat-fee") => body.to_string().contains("\"1\""),
        Some("percentage-fee") => body.to_string().contains("\"0.1\""),
        other => panic!("{other:?}"),
    }
}

const SHOWN: &[(&str, &str)] = &[
    ("unavailable", "/tokenomics/balance"),
    ("rate-limit=2", "/tokenomics/balance"),
    ("timeout-after-commit=1", "/tokenomics/balance"),
    ("expired-token", "/tokenomics/balance"),
    ("odd-amounts", "/tokenomics/balance"),
    ("flat-fee", "/token/fees/calculate?amount=100"),
    ("percentage-fee", "/token/fees/calculate?amount=100"),
];

#[tokio::test]
async fn faults_come_by_request_where_that_is_switched_on() {
    let (node, _folder) = start(&["--faults"]).await;
    let (deaf, _other) = start(&[]).await;
    for (fault, path) in SHOWN {
        let answer = call(&node, path, fault).await;
        assert!(shows(fault, &answer), "{fault}: {answer:?}");
        let quiet = call(&node, path, "").await;
        assert!(!shows(fault, &quiet), "{fault}: {quiet:?}");
        let unheard = call(&deaf, path, fault).await;
        assert!(!shows(fault, &unheard), "{fault}: {unheard:?}");
    }
    let unknown = call(&node, "/tokenomics/balance", "fire").await.expect("an answer");
    assert_eq!(unknown.0, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn faults_come_by_chance_where_the_settings_name_them() {
    for (fault, path) in SHOWN {
        let kinds = format!("--fault-kinds={fault}");
        let (node, _folder) = start(&["--fault-percent=50", &kinds]).await;
        let (mut hit, mut missed) = (false, false);
        for _ in 0..TRIES {
            let shown = shows(fault, &call(&node, path, "").await);
            (hit, missed) = (hit || shown, missed || !shown);
            if hit && missed {
                break;
            }
        }
        assert!(hit && missed, "{fault}");
    }
}

#[tokio::test]
async fn it_tells_its_health_and_serves_both_apis() {
    let (node, folder) = start(&[]).await;
    let health = Client::new().get(format!("http://{}/health", node.addr())).send().await;
    assert_eq!(health.expect("an answer").status(), StatusCode::OK);
    // The registry's side does not know bare DIDs, and says so in its own words.
    let (status, me) = call(&node, "/agents/me", "").await.expect("an answer");
    assert_eq!((status, me["error"].is_object()), (StatusCode::UNAUTHORIZED, true), "{me}");
    let (_, balance) = call(&node, "/tokenomics/balance", "").await.expect("an answer");
    assert_eq!(balance["balance"], "2000");
    node.shutdown().await.expect("a clean end");
    // Its books are in its folder.
    let data = format!("--data-dir={}", folder.path().display());
    let flags = ["teg", "--listen=127.0.0.1:0", "--auth=did", &data];
    let again = EdgeNode::start(Flags::parse_from(flags).settings).await.expect("it starts");
    let (_, balance) = call(&again, "/tokenomics/balance", "").await.expect("an answer");
    assert_eq!(balance["balance"], "2000", "the genesis is given once");
}

#[tokio::test]
async fn what_is_dangerous_stays_at_home() {
    for flags in [["--listen=0.0.0.0:0", "--auth=did"], ["--listen=0.0.0.0:0", "--faults"]] {
        let settings = Flags::parse_from(std::iter::once("teg").chain(flags)).settings;
        let refused = EdgeNode::start(settings).await;
        assert!(matches!(refused, Err(EdgeError::Setting { .. })), "{flags:?}");
    }
}
