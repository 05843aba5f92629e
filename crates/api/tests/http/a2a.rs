//! A2A over the real engine: the trade, who may see what, and what hostile clients hear.

use axum::http::Method;
use marketplace_money::Seconds;
use serde_json::{Value, json};

use crate::common::{Agent, Call, OURS, PUBLIC_URL, Reply, World};

fn rpc(method: &str, params: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params })
}

fn call(world: &World, method: &str, params: &Value) -> Call {
    world.post("/a2a").header("a2a-version", "1.0").json(&rpc(method, params))
}

fn message(parts: &Value, task: Option<&str>) -> Value {
    let mut message = json!({ "messageId": "m", "role": "ROLE_USER", "parts": parts });
    if let Some(task) = task {
        message["taskId"] = task.into();
    }
    json!({ "message": message })
}

async fn send(world: &World, agent: &Agent, data: Value, task: Option<&str>) -> Value {
    let params = message(&json!([{ "data": data }]), task);
    call(world, "SendMessage", &params).by(agent).send().await.expect_success()
}

#[track_caller]
fn code_of(reply: &Reply) -> i64 {
    let body = reply.expect_success();
    assert_eq!(body["jsonrpc"], "2.0");
    body["error"]["code"].as_i64().unwrap_or_else(|| panic!("no error: {reply:?}"))
}

fn state(answer: &Value) -> &str {
    answer["result"]["task"]["status"]["state"].as_str().unwrap_or_default()
}

struct Scene {
    world: World,
    seller: Agent,
    buyer: Agent,
    order: String,
}

/// A funded order, bought over A2A.
async fn scene() -> Scene {
    let world = World::new().await;
    let (seller, buyer) = (world.agent(1, 10).await, world.agent(2, 100).await);
    let listing = world.listing(&seller).await;
    let asked = json!({ "action": "purchase", "listing_id": listing });
    let answer = send(&world, &buyer, asked, None).await;
    assert_eq!(state(&answer), "TASK_STATE_INPUT_REQUIRED", "{answer}");
    let task = &answer["result"]["task"];
    assert_eq!(task["metadata"]["a2a-se"]["settlementStatus"], "pending");
    assert_eq!(task["metadata"]["a2a-se"]["feeAmount"], "0.125");
    assert_eq!(task["history"][0]["messageId"], "m");
    let order = task["id"].as_str().unwrap().to_owned();
    Scene { world, seller, buyer, order }
}

#[tokio::test]
async fn an_order_is_a_task_of_both_parties() {
    let Scene { world, seller, buyer, order } = scene().await;
    let task = Some(order.as_str());
    let delivered = send(&world, &seller, json!({ "action": "deliver", "inline": "a,b" }), task);
    let delivered = delivered.await;
    assert_eq!(state(&delivered), "TASK_STATE_INPUT_REQUIRED", "{delivered}");
    let got = call(&world, "GetTask", &json!({ "id": order })).by(&buyer).send().await;
    let got = got.expect_success();
    assert_eq!(got["result"]["artifacts"][0]["parts"][0]["text"], "a,b", "{got}");
    let actions = got["result"]["metadata"]["available_actions"].as_array().unwrap();
    assert!(actions.iter().any(|action| action["action"] == "accept"), "{actions:?}");
    // What the buyer wrote is not the seller's to read.
    let theirs = call(&world, "GetTask", &json!({ "id": order })).by(&seller).send().await;
    let theirs = theirs.expect_success();
    assert!(!theirs["result"]["history"].to_string().contains("purchase"), "{theirs}");
    let accepted = send(&world, &buyer, json!({ "action": "accept" }), task).await;
    assert_eq!(state(&accepted), "TASK_STATE_COMPLETED", "{accepted}");
    assert_eq!(accepted["result"]["task"]["metadata"]["a2a-se"]["settlementStatus"], "released");
    // At its end it takes no more.
    let params = message(&json!([{ "text": "accept" }]), task);
    let late = call(&world, "SendMessage", &params).by(&buyer).send().await;
    assert_eq!(code_of(&late), -32004);
    let late = call(&world, "CancelTask", &json!({ "id": order })).by(&buyer).send().await;
    assert_eq!(code_of(&late), -32002);
    for (agent, count) in [(&buyer, 1), (&seller, 1)] {
        let list = call(&world, "ListTasks", &json!({})).by(agent).send().await.expect_success();
        assert_eq!(list["result"]["totalSize"], count, "{list}");
        assert_eq!(list["result"]["nextPageToken"], "");
        assert!(list["result"]["tasks"][0].get("artifacts").is_none());
    }
    world.expect_clean_books().await;
}

#[tokio::test]
async fn another_agents_task_is_no_task() {
    let Scene { world, order, .. } = scene().await;
    let other = world.agent(3, 0).await;
    let unknown = "0197f3a2-7c1e-7aaa-8b1b-0242ac120002";
    for id in [order.as_str(), unknown, "no id"] {
        for method in ["GetTask", "CancelTask", "SubscribeToTask"] {
            let reply = call(&world, method, &json!({ "id": id })).by(&other).send().await;
            assert_eq!(code_of(&reply), -32001, "{method} {id}");
            let detail = reply.json()["error"]["data"][0].clone();
            assert_eq!(detail["reason"], "TASK_NOT_FOUND");
            assert_eq!(detail["domain"], "a2a-protocol.org");
        }
        let params = message(&json!([{ "text": "accept" }]), Some(id));
        let reply = call(&world, "SendMessage", &params).by(&other).send().await;
        assert_eq!(code_of(&reply), -32001, "{id}");
    }
}

#[tokio::test]
async fn nobody_may_search_and_nothing_else() {
    let world = World::new().await;
    let seller = world.agent(1, 10).await;
    let listing = world.listing(&seller).await;
    let params = message(&json!([{ "text": "search csv under 6" }]), None);
    let found = call(&world, "SendMessage", &params).send().await.expect_success();
    assert_eq!(state(&found), "TASK_STATE_COMPLETED", "{found}");
    let data = &found["result"]["task"]["artifacts"][0]["parts"][0]["data"];
    assert_eq!(data["results"][0]["id"].as_str(), Some(listing.as_str()));
    let params = message(&json!([{ "text": format!("buy {listing}") }]), None);
    for reply in [
        call(&world, "SendMessage", &params).send().await,
        call(&world, "ListTasks", &json!({})).send().await,
        call(&world, "GetExtendedAgentCard", &json!({})).send().await,
    ] {
        reply.expect_problem(401, "token_missing");
    }
}

#[tokio::test]
async fn the_same_key_buys_once_and_the_same_message_name_does_not() {
    let Scene { world, seller, buyer, .. } = scene().await;
    let listing = world.listing(&seller).await;
    let with_key =
        json!({ "action": "purchase", "listing_id": listing, "idempotency_key": "once" });
    let first = send(&world, &buyer, with_key.clone(), None).await;
    let again = send(&world, &buyer, with_key, None).await;
    assert_eq!(first["result"]["task"]["id"], again["result"]["task"]["id"], "{again}");
    let other = json!({ "action": "purchase", "listing_id": listing, "expected_total": "5.125",
        "idempotency_key": "once" });
    let reused = send(&world, &buyer, other, None).await;
    assert_eq!(state(&reused), "TASK_STATE_REJECTED", "{reused}");
    assert!(reused.to_string().contains("idempotency_key_reused"), "{reused}");
    let plain = json!({ "action": "purchase", "listing_id": listing });
    let third = send(&world, &buyer, plain, None).await;
    assert_ne!(first["result"]["task"]["id"], third["result"]["task"]["id"]);
}

#[tokio::test]
async fn a_refused_purchase_is_a_rejected_task() {
    let world = World::new().await;
    let (seller, buyer) = (world.agent(1, 10).await, world.agent(2, 0).await);
    let listing = world.listing(&seller).await;
    let original =
        json!({ "type": "purchase_request", "from": buyer.did().as_str(), "listing_id": listing });
    let answer = send(&world, &buyer, original, None).await;
    assert_eq!(state(&answer), "TASK_STATE_REJECTED", "{answer}");
    let reply = &answer["result"]["task"]["status"]["message"]["parts"][1]["data"];
    assert_eq!(reply["type"], "purchase_response");
    assert_eq!(
        (&reply["status"], &reply["code"]),
        (&json!("failed"), &json!("insufficient_balance"))
    );
    let forged = json!({ "type": "search_request", "from": seller.did().as_str() });
    let answer = send(&world, &buyer, forged, None).await;
    assert_eq!(answer["error"]["data"][0]["reason"], "FORGED_FROM", "{answer}");
}

#[tokio::test]
async fn versions_and_media_types() {
    let Scene { world, buyer, order, .. } = scene().await;
    let body = rpc("GetTask", &json!({ "id": order }));
    let code = async |version: Option<&str>| {
        let call = world.post("/a2a/").by(&buyer).json(&body);
        let call = match version {
            Some(version) => call.header("a2a-version", version),
            None => call,
        };
        call.send().await.expect_success()["error"]["code"].as_i64()
    };
    assert_eq!(code(Some("1.0")).await, None);
    assert_eq!(code(Some("1.0.7")).await, None);
    for version in [None, Some(""), Some("0.3"), Some("99.0")] {
        assert_eq!(code(version).await, Some(-32009), "{version:?}");
    }
    let wrong = world.post("/a2a").by(&buyer).header("content-type", "text/plain").body("{");
    assert_eq!(code_of(&wrong.send().await), -32005);
    let path = format!("/tasks/{order}");
    let rest = world.get(&path).by(&buyer).header("a2a-version", "1.0");
    let rest = rest.header("accept", "application/a2a+json").send().await;
    assert_eq!(rest.header("content-type"), Some("application/a2a+json"));
    assert_eq!(rest.expect_success()["id"], order.as_str());
    let old = world.get(&path).by(&buyer).send().await;
    assert_eq!(
        (old.status.as_u16(), &old.json()["error"]["details"][0]["reason"]),
        (400, &json!("VERSION_NOT_SUPPORTED"))
    );
    let wrong = world.post("/message:send").by(&buyer).header("a2a-version", "1.0");
    let wrong = wrong.header("content-type", "text/plain").body("{}").send().await;
    assert_eq!(wrong.status.as_u16(), 415);
    let none = world.get("/tasks/nothing").by(&buyer).header("a2a-version", "1.0").send().await;
    assert_eq!((none.status.as_u16(), &none.json()["error"]["status"]), (404, &json!("NOT_FOUND")));
}

/// A request under a proof that is bound to it.
async fn bound(world: &World, proof: &str, body: &str) -> Reply {
    world.post("/a2a").header("a2a-version", "1.0").bearer(proof).text(body).send().await
}

#[tokio::test]
async fn a_bound_proof_is_good_for_its_request_once() {
    let Scene { world, seller, buyer, .. } = scene().await;
    let listing = world.listing(&seller).await;
    let params =
        message(&json!([{ "data": { "action": "purchase", "listing_id": listing } }]), None);
    let body = rpc("SendMessage", &params).to_string();
    let url = format!("{PUBLIC_URL}/a2a");
    let mint = |audience: &str, jti: &str, method: &str, url: &str, body: &str| {
        let about = (method, url, body.as_bytes());
        buyer.key.mint_bound(audience, world.clock.now(), jti, about)
    };
    let good = mint(OURS, "jti-00000001", "POST", &url, &body);
    let first = bound(&world, &good, &body).await.expect_success();
    assert_eq!(state(&first), "TASK_STATE_INPUT_REQUIRED", "{first}");
    bound(&world, &good, &body).await.expect_problem(401, "token_replayed");
    let slash = mint(PUBLIC_URL, "jti-00000002", "post", &format!("{url}/?q=1"), &body);
    assert_eq!(state(&bound(&world, &slash, &body).await.expect_success()), state(&first));
    let check = async |proof: String, body: &str, code: &str| {
        bound(&world, &proof, body).await.expect_problem(401, code);
    };
    let fresh = mint(OURS, "jti-00000003", "POST", &url, &body);
    check(fresh.clone(), &body.replace('7', "8"), "token_other_request").await;
    check(mint(OURS, "jti-00000004", "GET", &url, &body), &body, "token_other_request").await;
    let elsewhere = mint(OURS, "jti-00000005", "POST", "http://other.example/a2a", &body);
    check(elsewhere, &body, "token_other_request").await;
    check(mint("did:other:m", "jti-00000006", "POST", &url, &body), &body, "token_wrong_audience")
        .await;
    // The signature of another key.
    let forged = seller.key.mint_bound(
        OURS,
        world.clock.now(),
        "jti-00000007",
        ("POST", &url, body.as_bytes()),
    );
    let (head, _) = fresh.rsplit_once('.').unwrap();
    let (_, tail) = forged.rsplit_once('.').unwrap();
    check(format!("{head}.{tail}"), &body, "token_bad_signature").await;
    world.clock.advance(Seconds(181));
    check(fresh, &body, "token_expired").await;
    world.expect_clean_books().await;
}

#[tokio::test]
async fn older_dialects_share_the_url() {
    let world = World::new().await;
    let (seller, buyer) = (world.agent(1, 10).await, world.agent(2, 100).await);
    let listing = world.listing(&seller).await;
    let ask = async |agent: &Agent, method: &str, params: Value| {
        world.post("/a2a/").by(agent).json(&rpc(method, &params)).send().await.expect_success()
    };
    let data = json!({ "action": "purchase", "listing_id": listing });
    // AgentVault.
    let parts = json!([{ "type": "data", "content": data }]);
    let sent = ask(&buyer, "tasks/send", json!({ "message": { "role": "user", "parts": parts } }));
    let sent = sent.await;
    let id = sent["result"]["id"].as_str().unwrap_or_else(|| panic!("{sent}")).to_owned();
    let got = ask(&buyer, "tasks/get", json!({ "id": id })).await;
    assert_eq!(got["result"]["state"], "INPUT_REQUIRED", "{got}");
    assert!(got["result"]["createdAt"].is_string() && got["result"]["messages"].is_array());
    let ended = ask(&buyer, "tasks/cancel", json!({ "id": id })).await;
    assert_eq!(
        (&ended["result"]["success"], &ended["result"]["state"]),
        (&json!(true), &json!("CANCELED"))
    );
    // TheProtocol: no messageId.
    let sent = ask(
        &buyer,
        "message/send",
        json!({ "message": { "role": "ROLE_USER", "parts": [{ "data": data }] } }),
    )
    .await;
    let id = sent["result"]["id"].as_str().unwrap_or_else(|| panic!("{sent}")).to_owned();
    let got = ask(&buyer, "tasks/get", json!({ "id": id })).await;
    assert_eq!(got["result"]["state"], "TASK_STATE_INPUT_REQUIRED", "{got}");
    // A2A 0.3.
    let parts = json!([{ "kind": "data", "data": data }]);
    let sent = ask(
        &buyer,
        "message/send",
        json!({ "message": {
        "kind": "message", "messageId": "m", "role": "user", "parts": parts } }),
    )
    .await;
    assert_eq!(sent["result"]["kind"], "task", "{sent}");
    assert_eq!(sent["result"]["status"]["state"], "input-required");
    let card = world.get("/v0.3/.well-known/agent-card.json").send().await.expect_success();
    assert_eq!(card["protocolVersion"], "0.3.0");
    assert!(card["tags"].as_array().unwrap().contains(&json!(OURS)));
}

#[tokio::test]
async fn a_subscription_begins_with_the_task_and_ends_with_it() {
    let Scene { world, seller, buyer, order } = scene().await;
    let following = world.marketplace.clone();
    tokio::spawn(async move { following.follow(std::future::pending()).await });
    let subscribed = call(&world, "SubscribeToTask", &json!({ "id": order })).by(&buyer);
    let stream = tokio::spawn(subscribed.send());
    // Its events come behind what it begins with, whenever it begins.
    let task = Some(order.as_str());
    send(&world, &seller, json!({ "action": "deliver", "inline": "x" }), task).await;
    send(&world, &buyer, json!({ "action": "request_changes" }), task).await;
    send(&world, &seller, json!({ "action": "deliver", "inline": "y" }), task).await;
    let mut stream = Box::pin(stream);
    let opened = tokio::time::timeout(std::time::Duration::from_millis(50), &mut stream).await;
    let early = opened.ok().map(|reply| reply.unwrap().text());
    assert_eq!(early, None, "it stays open while somebody is waited for");
    send(&world, &buyer, json!({ "action": "accept" }), task).await;
    let text = stream.await.unwrap().text();
    let events: Vec<Value> = text
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .map(|data| serde_json::from_str::<Value>(data).unwrap()["result"].clone())
        .collect();
    assert!(events[0]["task"].is_object(), "{text}");
    let last = events.last().unwrap();
    assert_eq!(last["statusUpdate"]["status"]["state"], "TASK_STATE_COMPLETED", "{text}");
}

/// A small generator: the same bodies in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or(0) % sides
    }
}

fn junk(dice: &mut Dice, depth: usize) -> Value {
    let strings =
        ["", "m", "ROLE_USER", "purchase", "é\u{1}", "0197f3a2-7c1e-7aaa-8b1b-0242ac120002"];
    match dice.roll(if depth == 0 { 5 } else { 7 }) {
        0 => Value::Null,
        1 => Value::Bool(true),
        2 => json!(dice.roll(1_000_000)),
        3 => json!(-1.5e300),
        4 => json!(strings[dice.roll(strings.len())]),
        5 => (0..dice.roll(4)).map(|_| junk(dice, depth - 1)).collect(),
        _ => {
            let names = [
                "message",
                "parts",
                "messageId",
                "role",
                "data",
                "text",
                "raw",
                "action",
                "taskId",
                "id",
                "configuration",
                "listing_id",
                "kind",
                "metadata",
                "pageSize",
            ];
            let mut map = serde_json::Map::new();
            for _ in 0..dice.roll(5) {
                map.insert(names[dice.roll(names.len())].to_owned(), junk(dice, depth - 1));
            }
            map.into()
        }
    }
}

#[tokio::test]
async fn ten_thousand_strange_bodies() {
    let Scene { world, buyer, .. } = scene().await;
    let methods = [
        "SendMessage",
        "SendStreamingMessage",
        "GetTask",
        "ListTasks",
        "CancelTask",
        "SubscribeToTask",
        "message/send",
        "tasks/send",
        "tasks/get",
        "message/stream",
        "nothing",
        "CreateTaskPushNotificationConfig",
        "tasks/pushNotificationConfig/set",
    ];
    let mut dice = Dice(1);
    for _ in 0..10_000 {
        let mut body = rpc(methods[dice.roll(methods.len())], &junk(&mut dice, 4));
        match dice.roll(6) {
            0 => body["jsonrpc"] = junk(&mut dice, 1),
            1 => body["id"] = junk(&mut dice, 1),
            2 if body["params"].is_object() => {
                body["params"]["message"] = json!({ "messageId": "m", "role": "ROLE_USER",
                "parts": [{ "data": junk(&mut dice, 3) }] });
            }
            _ => {}
        }
        let mut text = body.to_string();
        if dice.roll(5) == 0 {
            let at = (0..=dice.roll(text.len())).rev().find(|at| text.is_char_boundary(*at));
            text.truncate(at.unwrap_or(0));
        }
        let call = world.post("/a2a").by(&buyer).text(&text);
        let version = ["1.0", "0.3", ""][dice.roll(3)];
        let reply = call.header("a2a-version", version).send().await;
        assert!(reply.status.as_u16() < 500, "{text}: {reply:?}");
        let internal = reply.text().contains("-32603");
        assert!(!internal, "{text}: {reply:?}");
    }
    let nested = format!("{}1{}", "[".repeat(500_000), "]".repeat(500_000));
    for body in [
        nested.clone(),
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"GetTask","params":{nested}}}"#),
    ] {
        let reply = world.call(Method::POST, "/a2a").by(&buyer).text(&body).send().await;
        assert_eq!(code_of(&reply), -32700);
    }
    let large = "x".repeat(2 * 1024 * 1024);
    world.post("/a2a").by(&buyer).text(&large).send().await.expect_problem(413, "body_too_large");
    world.expect_clean_books().await;
}
