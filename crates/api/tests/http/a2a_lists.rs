//! Lists of more tasks than are read at once: counted truly, and paged to their end.

use std::collections::BTreeSet;

use marketplace_engine::PurchaseRequest;
use marketplace_money::Seconds;
use serde_json::{Value, json};

use crate::common::{Agent, World};

/// More than is read at once, of each kind.
const EACH: usize = 230;

async fn list(world: &World, agent: &Agent, params: Value) -> Value {
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "ListTasks", "params": params });
    let call = world.post("/a2a").header("a2a-version", "1.0").by(agent).json(&body);
    let answer = call.send().await.expect_success();
    assert_eq!(answer.get("error"), None, "{answer}");
    answer["result"].clone()
}

async fn search(world: &World, agent: &Agent, context: &str) {
    let message = json!({
        "messageId": "m", "role": "ROLE_USER", "contextId": context,
        "parts": [{ "text": "search csv" }],
    });
    let params = json!({ "message": message });
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": params });
    let call = world.post("/a2a").header("a2a-version", "1.0").by(agent).json(&body);
    call.send().await.expect_success();
}

/// Everything that a list shows, page by page.
async fn all(world: &World, agent: &Agent, params: &Value, size: usize) -> Vec<Value> {
    let (mut tasks, mut token) = (Vec::new(), String::new());
    loop {
        let mut params = params.clone();
        params["pageSize"] = size.into();
        params["pageToken"] = token.into();
        let page = list(world, agent, params).await;
        let shown = page["tasks"].as_array().unwrap();
        assert!(shown.len() <= size);
        tasks.extend(shown.iter().cloned());
        token = page["nextPageToken"].as_str().unwrap().to_owned();
        if token.is_empty() {
            assert_eq!(page["totalSize"], tasks.len(), "a true count");
            return tasks;
        }
    }
}

#[tokio::test]
async fn a_list_ends_where_there_are_no_more_tasks() {
    let world = World::in_memory().await;
    let (seller, buyer) = (world.agent(1, 10).await, world.agent(2, 2_000).await);
    let listing = world.listing(&seller).await.parse().unwrap();
    let market = &world.marketplace;
    for number in 0..EACH {
        market.purchase(buyer.did(), PurchaseRequest::of(listing), None).await.unwrap();
        search(&world, &buyer, if number % 10 == 0 { "tenth" } else { "other" }).await;
        if number % 3 == 0 {
            world.clock.advance(Seconds(1));
        }
    }
    let shown = all(&world, &buyer, &json!({}), 97).await;
    let ids: BTreeSet<&str> = shown.iter().map(|task| task["id"].as_str().unwrap()).collect();
    assert_eq!((shown.len(), ids.len()), (2 * EACH, 2 * EACH));
    let times: Vec<&str> =
        shown.iter().map(|task| task["status"]["timestamp"].as_str().unwrap()).collect();
    assert!(times.is_sorted_by(|earlier, later| earlier >= later), "what changed last first");
    let open = json!({ "status": "TASK_STATE_INPUT_REQUIRED" });
    assert_eq!(all(&world, &seller, &open, 100).await.len(), EACH);
    let over = json!({ "status": "TASK_STATE_COMPLETED" });
    assert_eq!(all(&world, &buyer, &over, 100).await.len(), EACH);
    assert_eq!(all(&world, &buyer, &json!({ "contextId": "tenth" }), 10).await.len(), 23);
    let order = shown.iter().find(|task| task["metadata"]["order"].is_object()).unwrap();
    let named = json!({ "contextId": order["id"] });
    assert_eq!(all(&world, &buyer, &named, 10).await.len(), 1);
}
