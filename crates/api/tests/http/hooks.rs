//! Endpoints that agents name: those that we would never call are refused when they are named, by
//! webhooks and push notifications alike.

use std::collections::BTreeSet;

use marketplace_ports::FetchError;
use serde_json::{Value, json};

use crate::common::World;

const INSIDE: &str = "http://10.0.0.1/hook";
const UNKNOWN: &str = "https://tomorrow.example/hook";
const RULE: &str = "the host has no public address";

async fn world() -> World {
    let world = World::new().await;
    world.fetcher.fail(INSIDE, FetchError::Refused(RULE.to_owned()));
    world.fetcher.fail(UNKNOWN, FetchError::Unavailable("no such name".to_owned()));
    world
}

#[tokio::test]
async fn a_webhook_that_would_never_be_called_is_refused() {
    let world = world().await;
    let agent = world.agent(1, 10).await;
    let ask = async |url: &str| {
        world.post("/api/v1/webhooks").by(&agent).json(&json!({ "url": url })).send().await
    };
    let refused = ask(INSIDE).await.expect_problem(422, "invalid");
    assert_eq!(refused["field"], "url", "{refused}");
    assert!(refused["detail"].as_str().unwrap().contains(RULE), "{refused}");
    ask("ftp://a.example/").await.expect_problem(422, "invalid");
    let doubtful = ask(UNKNOWN).await.expect_success();
    assert_eq!(doubtful["warning"], "no such name", "{doubtful}");
    let fine = ask("https://agent.example/hook").await.expect_success();
    assert_eq!(fine.get("warning"), None, "{fine}");
    let known = world.get("/api/v1/webhooks").by(&agent).send().await.expect_success();
    let hooks = known["results"].as_array().unwrap().iter();
    let urls: BTreeSet<&str> = hooks.map(|hook| hook["url"].as_str().unwrap()).collect();
    assert_eq!(urls, BTreeSet::from([UNKNOWN, "https://agent.example/hook"]));
}

#[tokio::test]
async fn so_is_a_push_notification_before_its_message_does_anything() {
    let world = world().await;
    let (seller, buyer) = (world.agent(1, 10).await, world.agent(2, 100).await);
    let listing = world.listing(&seller).await;
    let call = async |method: &str, params: Value| {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let asked = world.post("/a2a").header("a2a-version", "1.0").json(&body).by(&buyer);
        asked.send().await.expect_success()
    };
    let buy = |url: &str| {
        let parts = json!([{ "data": { "action": "purchase", "listing_id": listing } }]);
        json!({
            "message": { "messageId": "m", "role": "ROLE_USER", "parts": parts },
            "configuration": { "taskPushNotificationConfig": { "url": url } },
        })
    };
    let refused = call("SendMessage", buy(INSIDE)).await;
    assert_eq!(refused["error"]["code"], -32602, "{refused}");
    assert!(refused["error"]["message"].as_str().unwrap().contains(RULE), "{refused}");
    let orders = world.get("/api/v1/orders?role=buyer").by(&buyer).send().await.expect_success();
    assert_eq!(orders["count"], 0, "{orders}");

    let task = call("SendMessage", buy(UNKNOWN)).await;
    let task = task["result"]["task"]["id"].clone();
    let push = |url: &str| json!({ "taskId": task, "url": url });
    let refused = call("CreateTaskPushNotificationConfig", push(INSIDE)).await;
    assert_eq!(refused["error"]["code"], -32602, "{refused}");
    call("CreateTaskPushNotificationConfig", push("https://agent.example/")).await;
    let known = call("ListTaskPushNotificationConfigs", json!({ "taskId": task })).await;
    assert_eq!(known["result"]["configs"].as_array().map(Vec::len), Some(2), "{known}");
}
