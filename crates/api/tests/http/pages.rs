//! Cards, pages, health, and what every answer carries.

use std::sync::atomic::Ordering;

use axum::http::Method;
use marketplace_contract_kit::StoreFault;

use crate::common::{OURS, PUBLIC_URL, World};

#[tokio::test]
async fn cards() {
    let world = World::new().await;
    let card = world.get("/agent_card.json").send().await.expect_success();
    assert_eq!(card["did"], OURS);
    let card = world.get("/.well-known/agent-card.json").send().await.expect_success();
    assert_eq!(card["name"], "Sovereign Marketplace");
    assert_eq!(card["supportedInterfaces"][0]["url"], format!("{PUBLIC_URL}/a2a"));
    assert_eq!(card["capabilities"]["streaming"], true);
    assert!(card["signatures"][0]["signature"].is_string());
}

/// Whether the page was built before this program was or not: these hold for both.
#[tokio::test]
async fn the_page_allows_no_foreign_scripts() {
    let world = World::new().await;
    for path in ["/marketplace", "/marketplace/orders/7", "/marketplace/no/such/page"] {
        let reply = world.get(path).send().await;
        assert_eq!(reply.status.as_u16(), 200, "{path}");
        assert!(reply.header("content-type").unwrap().starts_with("text/html"));
        let policy = reply.header("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
        assert!(policy.contains("script-src 'self';"));
        // The page itself begins with its scripts in files, the other one has none.
        assert!(!reply.text().contains("<script>"));
    }
    for path in ["/marketplace/assets/none.js", "/marketplace/none.js"] {
        assert_eq!(world.get(path).send().await.status.as_u16(), 404, "{path}");
    }
}

#[tokio::test]
async fn health_and_readiness() {
    let world = World::in_memory().await;
    assert_eq!(world.get("/healthz").send().await.text(), "ok\n");
    assert_eq!(world.get("/readyz").send().await.text(), "ready\n");
    world.ready.store(false, Ordering::Relaxed);
    let reply = world.get("/readyz").send().await;
    reply.expect_problem(503, "not_ready");
    assert_eq!(reply.header("retry-after"), Some("2"));
    world.ready.store(true, Ordering::Relaxed);
    world.kept.memory().plan_faults(|_| StoreFault::FailBefore);
    world.get("/readyz").send().await.expect_problem(503, "not_ready");
    assert_eq!(world.get("/healthz").send().await.status.as_u16(), 200);
}

#[tokio::test]
async fn metrics_count() {
    let world = World::new().await;
    let provider = world.agent(1, 1).await;
    world.listing(&provider).await;
    world.get("/api/v1/services/search").send().await;
    world.get("/api/v1/wallet").send().await;
    let text = world.get("/metrics").send().await.text();
    for line in [
        "marketplace_active_listings 1",
        "marketplace_http_requests_total{method=\"GET\",route=\"/api/v1/services/search\",status=\"2xx\"} 1",
        "marketplace_http_requests_total{method=\"GET\",route=\"/api/v1/wallet\",status=\"4xx\"} 1",
        "marketplace_http_request_seconds_count{method=\"GET\",route=\"/api/v1/wallet\"} 1",
        "marketplace_escrow_balance 0.0",
        "marketplace_timer_lag_seconds 0",
        "marketplace_ready 1",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems() {
    let world = World::new().await;
    world.get("/api/v2/orders").send().await.expect_problem(404, "route_not_found");
    world.get("/").send().await.expect_problem(404, "route_not_found");
    let reply = world.call(Method::DELETE, "/api/v1/wallet").send().await;
    reply.expect_problem(405, "method_not_allowed");
    assert_eq!(reply.header("allow"), Some("GET,HEAD"));
}

#[tokio::test]
async fn requests_have_names() {
    let world = World::new().await;
    let named = world.get("/healthz").header("x-request-id", "mine-1").send().await;
    assert_eq!(named.header("x-request-id"), Some("mine-1"));
    let (first, second) = (world.get("/healthz").send().await, world.get("/nope").send().await);
    assert_ne!(first.header("x-request-id"), second.header("x-request-id"));
    let long = "x".repeat(129);
    for unfit in ["", "two words", long.as_str()] {
        let reply = world.get("/healthz").header("x-request-id", unfit).send().await;
        assert_ne!(reply.header("x-request-id"), Some(unfit));
    }
    assert_eq!(first.header("x-content-type-options"), Some("nosniff"));
}

#[tokio::test]
async fn a_silent_store_is_a_503_with_a_time_to_come_back() {
    let world = World::in_memory().await;
    let agent = world.agent(1, 1).await;
    world.kept.memory().plan_faults(|_| StoreFault::FailBefore);
    let reply = world.get("/api/v1/wallet").by(&agent).send().await;
    reply.expect_problem(503, "unavailable");
    assert_eq!(reply.header("retry-after"), Some("1"));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_is_a_503_to_come_again() {
    let world = World::in_memory().await;
    let agent = world.agent(1, 1).await;
    world.kept.memory().plan_faults(|_| StoreFault::HangBefore);
    let reply = world.get("/api/v1/wallet").by(&agent).send().await;
    reply.expect_problem(503, "timeout");
}

#[tokio::test]
async fn a_panic_is_a_500_that_tells_nothing() {
    let world = World::in_memory().await;
    let agent = world.agent(1, 1).await;
    world.kept.memory().plan_faults(|point| {
        assert_ne!(point.call, "wallet", "a secret of the house");
        StoreFault::None
    });
    let reply = world.get("/api/v1/wallet").by(&agent).send().await;
    reply.expect_problem(500, "internal");
    assert!(!reply.text().contains("secret"));
    assert!(reply.header("x-request-id").is_some());
    world.kept.memory().clear_faults();
    world.get("/api/v1/wallet").by(&agent).send().await.expect_success();
}
