//! Whatever is wrong with a request: the right status and code, never a 500, nothing half-done.

use axum::http::Method;
use serde_json::{Value, json};

use crate::common::World;

/// A service with one field replaced.
fn service(field: &str, value: Value) -> Value {
    let mut service = json!({
        "service_type": "custom", "name": "n", "description": "d", "price": "5",
    });
    service[field] = value;
    service
}

#[tokio::test]
async fn malformed_json() {
    let world = World::new().await;
    let agent = world.agent(1, 10).await;
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let deep_metadata = format!(
        r#"{{"service_type":"custom","name":"n","description":"d","price":1,"metadata":{{"a":{deep}}}}}"#
    );
    let bodies: Vec<Vec<u8>> = vec![
        b"{".to_vec(),
        b"}".to_vec(),
        b"{\"type\":".to_vec(),
        b"{\"type\":\"purchase_request\",}".to_vec(),
        b"{'type':1}".to_vec(),
        b"{} {}".to_vec(),
        b"{\"type\":\"\xff\xfe\"}".to_vec(),
        b"{\"type\":\"\\ud800\"}".to_vec(),
        b"{\"a\":\"\x00\"}".to_vec(),
        b"NaN".to_vec(),
        b"\xef\xbb\xbf{}".to_vec(),
        deep_metadata.into_bytes(),
    ];
    for path in ["/a2a/message", "/api/v1/services/list", "/api/v1/orders/create"] {
        for body in &bodies {
            let call = world.post(path).by(&agent).header("content-type", "application/json");
            let reply = call.body(body.clone()).send().await;
            let shown = String::from_utf8_lossy(&body[..body.len().min(80)]).into_owned();
            assert!((400..=422).contains(&reply.status.as_u16()), "{path} {shown}: {reply:?}");
            assert!(matches!(
                reply.json()["code"].as_str(),
                Some("malformed_json" | "invalid_body" | "unknown_message_type")
            ));
        }
    }
    let call = world.post("/api/v1/orders/create").by(&agent).text("{");
    call.send().await.expect_problem(400, "malformed_json");
    let call = world.post("/api/v1/orders/create").by(&agent);
    call.send().await.expect_problem(400, "malformed_json");
}

#[tokio::test]
async fn wrong_shapes() {
    let world = World::new().await;
    let agent = world.agent(1, 10).await;
    let id = "0197f3a2-7c1e-7aaa-8b1b-0242ac120002";
    let order = format!("/api/v1/orders/{id}");
    let cases = [
        ("/api/v1/services/list", json!([])),
        ("/api/v1/services/list", json!("text")),
        ("/api/v1/services/list", json!(null)),
        ("/api/v1/services/list", json!({})),
        ("/api/v1/services/list", service("price", json!(null))),
        ("/api/v1/services/list", service("price", json!(true))),
        ("/api/v1/services/list", service("price", json!({ "amount": 5 }))),
        ("/api/v1/services/list", service("price", json!(["5"]))),
        ("/api/v1/services/list", service("name", json!(7))),
        ("/api/v1/services/list", service("metadata", json!("text"))),
        ("/api/v1/services/list", service("terms", json!([60, 1]))),
        ("/api/v1/services/list", service("terms", json!({ "refund": true }))),
        ("/api/v1/services/list", service("terms", json!({ "revisions": -1 }))),
        ("/api/v1/services/list", service("terms", json!({ "delivery_seconds": 60.5 }))),
        ("/api/v1/services/list", service("fee", json!("0"))),
        ("/api/v1/orders/create", json!({ "listing_id": id, "expected_totl": "5" })),
        ("/api/v1/orders/create", json!({ "listing_id": id, "payment": { "methd": "x" } })),
        ("/api/v1/orders/create", json!({ "listing_id": id, "payment": ["transfer"] })),
        ("/api/v1/orders/create", json!({ "listing_id": 7 })),
        ("/api/v1/quotes", json!({ "listing_id": id, "total": "5" })),
        ("/api/v1/wallet/transfer", json!({ "to": "did:x", "amount": "1", "fee": "0" })),
        ("/api/v1/wallet/transfer", json!({ "to": "did:x" })),
        ("/api/v1/wallet/deposit", json!({ "amount": [1] })),
        ("/api/v1/wallet/faucet", json!({ "amount": "5" })),
        (&format!("{order}/start"), json!({ "price": "5" })),
        (&format!("{order}/accept"), json!([1])),
        (&format!("{order}/offer-split"), json!({ "seller": "1", "buyer": "1" })),
        (&format!("{order}/deliver"), json!({ "inline": 7 })),
        (&format!("{order}/deliver"), json!({ "url": "https://a" })),
        ("/a2a/message", json!([])),
        ("/a2a/message", json!({ "type": 7 })),
        ("/a2a/message", json!({ "type": "list_service" })),
        ("/a2a/message", json!({ "type": "purchase_request", "listing_id": id })),
    ];
    for (path, body) in cases {
        let reply = world.post(path).by(&agent).json(&body).send().await;
        let problem = reply.expect_problem(422, "invalid_body");
        assert!(problem["detail"].as_str().unwrap().len() <= 300);
    }
    let long = json!({ "listing_id": id, "x".repeat(100_000): 1 });
    let reply = world.post("/api/v1/orders/create").by(&agent).json(&long).send().await;
    assert!(reply.expect_problem(422, "invalid_body")["detail"].as_str().unwrap().len() <= 300);
}

#[tokio::test]
async fn prices_that_are_none() {
    let world = World::new().await;
    let agent = world.agent(1, 10).await;
    let prices = [
        (json!("-5"), "price must be above 0"),
        (json!(-5), "price must be above 0"),
        (json!("0"), "price must be above 0"),
        (json!(0), "price must be above 0"),
        (json!("0.0000000000000000001"), "price has more than 9 decimals"),
        (json!("1.0000000000000000001"), "price has more than 9 decimals"),
        (json!("1000000001"), "price must be at most"),
        (json!("99999999999999999999999999"), "price is out of range"),
        (json!("1e2147483647"), "price is out of range"),
        (json!("five"), "price is not a decimal number"),
        (json!("5,5"), "price is not a decimal number"),
        (json!("NaN"), "price is not a decimal number"),
        (json!(""), "price is not a decimal number"),
        (json!(" 5"), "price is not a decimal number"),
    ];
    let raw = ["1.0000000000000000001", "1e400", "123456789012345678901234567890"];
    let raw = raw.map(|number| (serde_json::from_str(number).unwrap(), "price "));
    for (price, expect) in prices.into_iter().chain(raw) {
        let body = service("price", price.clone());
        let reply = world.post("/api/v1/services/list").by(&agent).json(&body).send().await;
        let problem = reply.expect_problem(422, "invalid");
        assert!(problem["detail"].as_str().unwrap().starts_with(expect), "{price}: {problem}");
        assert_eq!(problem["field"], "price");
        // The same price in a message is a refusal of the rules: the original's reply.
        let mut service = body;
        let kind = service.as_object_mut().unwrap().remove("service_type").unwrap();
        service["type"] = kind;
        let message = json!({ "type": "list_service", "service": service });
        let reply = world.message(&agent, message).await;
        let reply = reply.expect_no("listing_response", "invalid");
        assert_eq!(reply["reason"], problem["detail"]);
    }
    let wallet = world.get("/api/v1/wallet").by(&agent).send().await.expect_success();
    assert_eq!(wallet["teg_balance"], "10", "a refused listing costs nothing");
    let found = world.get("/api/v1/services/search").send().await.expect_success();
    assert_eq!(found["total"], 0);
}

#[tokio::test]
async fn values_that_the_rules_refuse() {
    let world = World::new().await;
    let agent = world.agent(1, 10).await;
    let cases = [
        (service("service_type", json!("magic")), "type"),
        (service("name", json!("")), "name"),
        (service("name", json!("x".repeat(121))), "name"),
        (service("name", json!("a\u{1b}[31m")), "name"),
        (service("description", json!("x".repeat(4_001))), "description"),
        (service("metadata", json!({ "a": "x".repeat(17_000) })), "metadata"),
        (service("terms", json!({ "delivery_seconds": 59 })), "terms.delivery_seconds"),
        (
            service("terms", json!({ "delivery_seconds": 99_999_999_999_u64 })),
            "terms.delivery_seconds",
        ),
        (service("terms", json!({ "revisions": 11 })), "terms.revisions"),
        (service("terms", json!({ "revisions": 70_000 })), "terms.revisions"),
        (service("terms", json!({ "pricing": "auction" })), "pricing"),
        (
            service("terms", json!({ "acceptance_policy": "auto_on_delivery" })),
            "terms.acceptance_policy",
        ),
        (service("terms", json!({ "acceptance_policy": "verified" })), "terms.checks"),
        (service("terms", json!({ "checks": [{ "kind": "magic" }] })), "terms.checks"),
        (service("terms", json!({ "checks": [7] })), "terms.checks"),
    ];
    for (body, field) in cases {
        let reply = world.post("/api/v1/services/list").by(&agent).json(&body).send().await;
        let problem = reply.expect_problem(422, "invalid");
        assert_eq!(problem["field"], field, "{problem}");
    }
    let transfers = [
        (json!({ "to": "bob", "amount": "1" }), "invalid"),
        (json!({ "to": "did:x", "amount": "-1" }), "invalid"),
        (json!({ "to": "did:x", "amount": "0" }), "invalid"),
        (json!({ "to": "did:x", "amount": "1", "reason": "a\u{7}" }), "invalid"),
        (json!({ "to": agent.did().as_str(), "amount": "1" }), "self_transfer"),
    ];
    for (body, code) in transfers {
        let reply = world.post("/api/v1/wallet/transfer").by(&agent).json(&body).send().await;
        reply.expect_problem(422, code);
    }
}

#[tokio::test]
async fn nul_is_refused_everywhere() {
    let world = World::new().await;
    let agent = world.agent(1, 10).await;
    let cases = [
        ("/api/v1/services/list", service("name", json!("a\0b"))),
        ("/api/v1/services/list", service("metadata", json!({ "a": ["b\0"] }))),
        ("/api/v1/services/list", service("metadata", json!({ "a\0": 1 }))),
        ("/api/v1/wallet/transfer", json!({ "to": "did:x", "amount": "1", "reason": "\0" })),
        ("/a2a/message", json!({ "type": "search_request", "query": "\0" })),
    ];
    for (path, body) in cases {
        let reply = world.post(path).by(&agent).json(&body).send().await;
        reply.expect_problem(400, "invalid_text");
    }
    // What only looks like it is text like any other.
    let body = service("name", json!("\\u0000"));
    world.post("/api/v1/services/list").by(&agent).json(&body).send().await.expect_success();
}

#[tokio::test]
async fn queries_that_cannot_be_read() {
    let world = World::new().await;
    let agent = world.agent(1, 0).await;
    let queries = [
        ("/api/v1/services/search?min_price=cheap", Some("min_price")),
        ("/api/v1/services/search?max_price=1.0000000001", Some("max_price")),
        ("/api/v1/services/search?min_reputation=1e9", Some("min_reputation")),
        ("/api/v1/services/search?service_type=magic", Some("service_type")),
        ("/api/v1/services/search?limit=0", Some("limit")),
        ("/api/v1/services/search?limit=1001", Some("limit")),
        ("/api/v1/services/search?cursor=abc", Some("cursor")),
        ("/api/v1/services/search?min_prise=1", None),
        ("/api/v1/services/search?min_price=1&min_price=2", None),
        ("/api/v1/services/search?provider=bob", Some("provider")),
        ("/api/v1/orders?role=thief", Some("role")),
        ("/api/v1/orders?status=OPEN", Some("status")),
        ("/api/v1/orders?cursor=-1", Some("cursor")),
        ("/api/v1/orders?cursor=99999999999999999999", Some("cursor")),
        ("/api/v1/orders?wait=31", Some("wait")),
        ("/api/v1/orders?wait=-1", Some("wait")),
        ("/api/v1/orders?newer_than=x", Some("newer_than")),
        ("/api/v1/wallet/entries?limit=ten", Some("limit")),
        ("/api/v1/wallet/entries?offset=10", None),
    ];
    for (path, field) in queries {
        let reply = world.get(path).by(&agent).send().await;
        let problem = reply.expect_problem(400, "invalid_query");
        assert_eq!(problem["field"].as_str(), field, "{path}");
    }
    let words = "x".repeat(257);
    let reply = world.get(&format!("/api/v1/services/search?query={words}")).send().await;
    reply.expect_problem(400, "invalid_query");
}

#[tokio::test]
async fn unknown_messages() {
    let world = World::new().await;
    let agent = world.agent(1, 0).await;
    for body in [json!({}), json!({ "type": "" }), json!({ "type": "order_received" })] {
        world.message(&agent, body).await.expect_problem(400, "unknown_message_type");
    }
}

#[tokio::test]
async fn noise_never_breaks_a_route() {
    let world = World::new().await;
    // Streams that end at once, so that their answers are whole.
    world.marketplace.end_streams();
    let agent = world.agent(1, 10).await;
    let document = serde_json::to_value(marketplace_api::openapi()).unwrap();
    let noise = [
        json!({}),
        json!({ "type": "purchase_request", "from": agent.did().as_str(), "listing_id": "x" }),
        json!({ "amount": "99999999999999999999" }),
        json!({ "seller": "-1", "note": "\u{202e}", "delivery": {} }),
        json!({ "listing_id": "\u{10ffff}", "quote": "x".repeat(5_000) }),
    ];
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            let method: Method = method.to_uppercase().parse().unwrap();
            for id in ["0197f3a2-7c1e-7aaa-8b1b-0242ac120002", "%F0%9F%92%A9", "..%2f..", "'"] {
                let path = path.replace("{id}", id).replace("{order_id}", id);
                for body in &noise {
                    let call = world.call(method.clone(), &path).by(&agent).json(body);
                    let reply = call.send().await;
                    let fault = reply.status.as_u16() == 500 || reply.status.as_u16() == 503;
                    assert!(!fault, "{method} {path} {body}: {reply:?}");
                }
            }
        }
    }
    world.expect_clean_books().await;
}
