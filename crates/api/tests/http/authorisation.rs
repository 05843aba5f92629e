//! Every route has a case that says who may call it, and the route keeps to it.

use std::collections::BTreeMap;

use axum::http::Method;
use marketplace_api::openapi;
use serde_json::Value;

use crate::common::{Agent, World};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    /// Whoever comes.
    Anybody,
    /// Whoever proves a DID; it acts on what is its own.
    Caller,
    /// The parties of an order; to others it does not exist.
    Party,
    /// The provider of a listing.
    Provider,
    /// The parties and jurors of a dispute; to others it does not exist.
    Disputant,
    /// Those whom OPERATOR_DIDS names.
    Operator,
}
use Who::{Anybody, Caller, Disputant, Operator, Party, Provider};

const CASES: &[(&str, &str, Who)] = &[
    ("post", "/a2a/message", Caller),
    ("post", "/api/v1/services/list", Caller),
    ("get", "/api/v1/services/search", Anybody),
    ("get", "/api/v1/services/mine", Caller),
    ("get", "/api/v1/services/recommended", Caller),
    ("post", "/api/v1/services/match", Caller),
    ("get", "/api/v1/services/{id}/similar", Anybody),
    ("get", "/api/v1/services/{id}", Anybody),
    ("patch", "/api/v1/services/{id}", Provider),
    ("post", "/api/v1/services/{id}/pause", Provider),
    ("post", "/api/v1/services/{id}/resume", Provider),
    ("post", "/api/v1/services/{id}/renew", Provider),
    ("post", "/api/v1/services/{id}/delist", Provider),
    ("post", "/api/v1/quotes", Caller),
    ("post", "/api/v1/orders/create", Caller),
    ("get", "/api/v1/orders", Caller),
    ("get", "/api/v1/orders/{order_id}", Party),
    ("get", "/api/v1/orders/{order_id}/delivery", Party),
    ("get", "/api/v1/orders/{order_id}/events", Party),
    ("get", "/api/v1/events", Caller),
    ("post", "/api/v1/orders/{order_id}/start", Party),
    ("post", "/api/v1/orders/{order_id}/deliver", Party),
    ("post", "/api/v1/orders/{order_id}/accept", Party),
    ("post", "/api/v1/orders/{order_id}/decline", Party),
    ("post", "/api/v1/orders/{order_id}/cancel", Party),
    ("post", "/api/v1/orders/{order_id}/request-changes", Party),
    ("post", "/api/v1/orders/{order_id}/claim-non-delivery", Party),
    ("post", "/api/v1/orders/{order_id}/offer-split", Party),
    ("post", "/api/v1/orders/{order_id}/accept-split", Party),
    ("post", "/api/v1/orders/{order_id}/review", Party),
    ("get", "/api/v1/orders/{order_id}/reviews", Party),
    ("get", "/api/v1/agents/{did}/reputation", Anybody),
    ("get", "/api/v1/agents/{did}/reviews", Anybody),
    ("get", "/api/v1/escrow/{order_id}", Party),
    ("post", "/api/v1/disputes/create", Caller),
    ("get", "/api/v1/disputes", Caller),
    ("get", "/api/v1/disputes/{dispute_id}", Disputant),
    ("post", "/api/v1/disputes/{dispute_id}/evidence", Disputant),
    ("get", "/api/v1/disputes/{dispute_id}/verdict", Disputant),
    ("get", "/api/v1/disputes/{dispute_id}/evidence/{sha256}", Disputant),
    ("post", "/api/v1/disputes/{dispute_id}/contest", Disputant),
    ("post", "/api/v1/disputes/{dispute_id}/concede", Disputant),
    ("post", "/api/v1/disputes/{dispute_id}/offer-settlement", Disputant),
    ("post", "/api/v1/disputes/{dispute_id}/accept-settlement", Disputant),
    ("post", "/api/v1/disputes/{dispute_id}/withdraw", Disputant),
    ("post", "/api/v1/disputes/{dispute_id}/appeal", Disputant),
    ("post", "/api/v1/disputes/{dispute_id}/commit", Disputant),
    ("post", "/api/v1/disputes/{dispute_id}/reveal", Disputant),
    ("get", "/api/v1/jurors/me", Caller),
    ("post", "/api/v1/jurors/register", Caller),
    ("post", "/api/v1/jurors/opt-out", Caller),
    ("post", "/api/v1/jurors/leave", Caller),
    ("get", "/api/v1/operator/disputes", Operator),
    ("get", "/api/v1/wallet", Caller),
    ("get", "/api/v1/wallet/entries", Caller),
    ("post", "/api/v1/wallet/deposit", Caller),
    ("post", "/api/v1/wallet/withdraw", Caller),
    ("get", "/api/v1/audit/reserves", Anybody),
    ("get", "/api/v1/audit/reserves/proof", Caller),
    ("get", "/api/v1/admin/withdrawals", Operator),
    ("get", "/api/v1/wallet/withdrawal-fee", Caller),
    ("post", "/api/v1/wallet/transfer", Caller),
    ("post", "/api/v1/wallet/faucet", Caller),
    ("get", "/api/v1/wallet/payout-policy", Caller),
    ("put", "/api/v1/wallet/payout-policy", Caller),
    ("post", "/api/v1/wallet/collateral/lock", Caller),
    ("post", "/api/v1/wallet/collateral/release", Caller),
    ("post", "/api/v1/auth/token", Caller),
    ("post", "/api/v1/agents/register", Anybody),
    ("get", "/api/v1/api-keys", Caller),
    ("post", "/api/v1/api-keys", Caller),
    ("post", "/api/v1/api-keys/{key_id}/revoke", Caller),
    ("post", "/api/v1/marketplace/listings", Caller),
    ("post", "/api/v1/marketplace/purchase", Caller),
    ("get", "/api/v1/marketplace/orders/{order_id}", Party),
    ("post", "/api/v1/marketplace/orders/{order_id}/complete", Party),
    ("get", "/api/v1/admin/orders", Operator),
    ("get", "/api/v1/admin/audit", Operator),
    ("get", "/api/v1/admin/outbox/dead", Operator),
    ("post", "/api/v1/admin/outbox/retry", Operator),
    ("get", "/api/v1/admin/api-keys", Operator),
    ("post", "/api/v1/admin/api-keys", Operator),
    ("post", "/api/v1/admin/api-keys/{key_id}/revoke", Operator),
    ("post", "/api/v1/admin/key/rotate", Operator),
    ("post", "/api/v1/acceptance/dry-run", Caller),
    ("get", "/api/v1/operator/motions", Operator),
    ("post", "/api/v1/operator/motions", Operator),
    ("get", "/api/v1/operator/motions/{motion_id}", Operator),
    ("post", "/api/v1/operator/motions/{motion_id}/approve", Operator),
    ("post", "/api/v1/operator/motions/{motion_id}/cancel", Operator),
    ("get", "/api/v1/operator/events", Operator),
    ("get", "/api/v1/fees", Anybody),
    ("get", "/api/v1/market/overview", Anybody),
    ("get", "/api/v1/market/events", Caller),
    ("get", "/api/v1/webhooks", Caller),
    ("post", "/api/v1/webhooks", Caller),
    ("get", "/api/v1/webhooks/{webhook_id}/deliveries", Caller),
    ("post", "/api/v1/webhooks/{webhook_id}/{action}", Caller),
    ("get", "/agent_card.json", Anybody),
    ("get", "/marketplace", Anybody),
    ("get", "/api/problems", Anybody),
    ("get", "/.well-known/jwks.json", Anybody),
    ("get", "/health", Anybody),
    ("get", "/healthz", Anybody),
    ("get", "/readyz", Anybody),
    ("get", "/metrics", Anybody),
];

/// What the documentation says of each route: whether it wants a token.
fn documented() -> BTreeMap<(String, String), bool> {
    let document = serde_json::to_value(openapi()).unwrap();
    let mut routes = BTreeMap::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let wants_token = operation["security"] == serde_json::json!([{ "bearer": [] }]);
            routes.insert((method.clone(), path.clone()), wants_token);
        }
    }
    routes
}

#[test]
fn every_route_has_its_case() {
    let documented = documented();
    for ((method, path), wants_token) in &documented {
        let case = CASES.iter().find(|case| (case.0, case.1) == (method.as_str(), path.as_str()));
        let Some((_, _, who)) = case else { panic!("{method} {path} has no authorisation case") };
        assert_eq!(*wants_token, *who != Anybody, "{method} {path}: the documentation differs");
    }
    assert_eq!(documented.len(), CASES.len(), "a case has no route");
}

/// A body with which the request gets as far as the question who may do this.
fn body(path: &str) -> Value {
    match path.rsplit('/').next() {
        Some("offer-split" | "offer-settlement") => serde_json::json!({ "seller": "1" }),
        Some("commit") => serde_json::json!({ "commitment": "00".repeat(32) }),
        Some("reveal") => serde_json::json!({ "ballot": "half", "salt": "00".repeat(32) }),
        Some("evidence") => serde_json::json!({ "inline": "proof" }),
        Some("review") => serde_json::json!({ "stars": 5 }),
        Some("deliver") => serde_json::json!({ "inline": "work" }),
        _ => serde_json::json!({}),
    }
}

struct Scene {
    world: World,
    listing: String,
    order: String,
    dispute: String,
    stranger: Agent,
}

impl Scene {
    async fn set() -> Self {
        let world = World::new().await;
        // Streams that end at once, so that their answers are whole.
        world.marketplace.end_streams();
        let (provider, buyer) = (world.agent(1, 10).await, world.agent(2, 40).await);
        let stranger = world.agent(3, 10).await;
        let listing = world.listing(&provider).await;
        let order = world.order(&buyer, &listing, "buyer_confirms").await;
        let claim = serde_json::json!({
            "order_id": world.order(&buyer, &listing, "buyer_confirms").await,
            "category": "poor_quality", "reason": "not what was said",
        });
        let reply = world.post("/api/v1/disputes/create").by(&buyer).json(&claim).send().await;
        let dispute = reply.expect_success()["dispute_id"].as_str().unwrap().to_owned();
        Self { world, listing, order, dispute, stranger }
    }

    async fn ask(&self, method: &str, path: &str, token: Option<&str>) -> crate::common::Reply {
        let place = path.replace("{id}", &self.listing).replace("{order_id}", &self.order);
        let place = place.replace("{dispute_id}", &self.dispute).replace("{sha256}", "00");
        let method: Method = method.to_uppercase().parse().unwrap();
        let safe = method.is_safe();
        let mut call = self.world.call(method, &place);
        if !safe {
            call = call.json(&body(path));
        }
        match token {
            Some(token) => call.bearer(token).send().await,
            None => call.send().await,
        }
    }
}

#[tokio::test]
async fn nobody_gets_in_without_a_token() {
    let scene = Scene::set().await;
    for (method, path, who) in CASES {
        let reply = scene.ask(method, path, None).await;
        match who {
            Anybody => assert_ne!(reply.status.as_u16(), 401, "{method} {path}"),
            _ => {
                reply.expect_problem(401, "token_missing");
            }
        }
    }
}

#[tokio::test]
async fn nobody_gets_in_with_an_old_or_broken_token() {
    let scene = Scene::set().await;
    let good = scene.stranger.token.clone();
    let broken = format!("{}AAAA", &good[..good.len() - 4]);
    scene.world.clock.advance(marketplace_money::Seconds(15 * 60));
    for (method, path, who) in CASES {
        if *who == Anybody {
            continue;
        }
        let reply = scene.ask(method, path, Some(&good)).await;
        reply.expect_problem(401, "token_expired");
        let reply = scene.ask(method, path, Some(&broken)).await;
        reply.expect_problem(401, "token_bad_signature");
    }
}

#[tokio::test]
async fn strangers_are_told_no() {
    let scene = Scene::set().await;
    for (method, path, who) in CASES {
        let reply = scene.ask(method, path, Some(&scene.stranger.token)).await;
        match who {
            Anybody | Caller => assert_ne!(reply.status.as_u16(), 403, "{method} {path}"),
            Party => {
                reply.expect_problem(404, "order_not_found");
            }
            Disputant => {
                reply.expect_problem(404, "dispute_not_found");
            }
            Provider => {
                reply.expect_problem(403, "not_provider");
            }
            Operator => {
                reply.expect_problem(403, "operators_only");
            }
        }
    }
}

#[tokio::test]
async fn what_does_not_exist_looks_like_what_is_not_yours() {
    let scene = Scene::set().await;
    let unknown = "0197f3a2-7c1e-7aaa-8b1b-0242ac120002";
    for (method, path, who) in CASES {
        if !matches!(who, Party | Disputant) {
            continue;
        }
        let foreign = scene.ask(method, path, Some(&scene.stranger.token)).await.text();
        for id in [unknown, "not-an-id", "%00", "1%27%3B--"] {
            let path = path.replace("{order_id}", id).replace("{dispute_id}", id);
            let reply = scene.ask(method, &path, Some(&scene.stranger.token)).await;
            assert_eq!(reply.text(), foreign, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn operators_see_everything_and_do_nothing() {
    let scene = Scene::set().await;
    let operator = scene.world.operator().await;
    for (method, path, who) in CASES {
        let reply = scene.ask(method, path, Some(&operator.token)).await;
        match (*who, *method) {
            (Operator, "get") if !path.contains("api-keys") && !path.ends_with('}') => {
                assert_eq!(reply.status.as_u16(), 200, "{method} {path}");
            }
            // These want a query, a body, or something that is there; who asks is let through.
            (Operator, _) => {
                assert!(![401, 403].contains(&reply.status.as_u16()), "{method} {path} {reply:?}");
            }
            (Party, "get") if path.ends_with("/delivery") => {
                reply.expect_problem(404, "no_delivery");
            }
            (Party, "get") if path.ends_with("/reviews") => {
                reply.expect_problem(409, "review_too_early");
            }
            (Party, "get") if path.ends_with("/events") => {
                assert_eq!(reply.status.as_u16(), 200, "{path}");
            }
            (Party, "get") => {
                let order = reply.expect_success();
                assert_eq!(order["available_actions"], serde_json::json!([]), "{path}");
            }
            (Party, _) => {
                reply.expect_problem(404, "order_not_found");
            }
            _ => {}
        }
    }
    scene.world.expect_clean_books().await;
}
