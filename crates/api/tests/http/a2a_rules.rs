//! The protocol's smaller rules, on both bindings, over the real engine.

use serde_json::{Value, json};

use crate::common::{Agent, Call, OURS, Reply, World};

const V1: (&str, &str) = ("a2a-version", "1.0");

struct Scene {
    world: World,
    seller: Agent,
    buyer: Agent,
    listing: String,
}

async fn scene() -> Scene {
    let world = World::new().await;
    let (seller, buyer) = (world.agent(1, 10).await, world.agent(2, 100).await);
    let listing = world.listing(&seller).await;
    Scene { world, seller, buyer, listing }
}

impl Scene {
    fn rpc(&self, method: &str, params: &Value) -> Call {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        self.world.post("/a2a").header(V1.0, V1.1).json(&body)
    }

    async fn ask(&self, agent: &Agent, method: &str, params: Value) -> Value {
        self.rpc(method, &params).by(agent).send().await.expect_success()
    }

    fn rest(&self, path: &str) -> Call {
        self.world.get(path).header(V1.0, V1.1)
    }

    async fn buy(&self, more: Value) -> Value {
        let mut message = json!({
            "messageId": "m", "role": "ROLE_USER",
            "parts": [{ "data": { "action": "purchase", "listing_id": self.listing } }],
        });
        message.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let sent = self.ask(&self.buyer, "SendMessage", json!({ "message": message })).await;
        sent["result"]["task"].clone()
    }

    async fn say(&self, agent: &Agent, task: &str, data: Value) -> Value {
        let message = json!({
            "messageId": "m", "role": "ROLE_USER", "taskId": task, "parts": [{ "data": data }],
        });
        self.ask(agent, "SendMessage", json!({ "message": message })).await
    }
}

fn id(task: &Value) -> String {
    task["id"].as_str().unwrap_or_else(|| panic!("no task: {task}")).to_owned()
}

fn told(stream: &Reply) -> Vec<Value> {
    let text = stream.text();
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    data.map(|data| serde_json::from_str::<Value>(data).unwrap()).collect()
}

#[tokio::test]
async fn a_context_is_kept_and_no_other_is_taken() {
    let scene = scene().await;
    let task = scene.buy(json!({ "contextId": "our-talk" })).await;
    assert_eq!(task["contextId"], "our-talk", "{task}");
    let say = async |context: &str| {
        let message = json!({
            "messageId": "m", "role": "ROLE_USER", "taskId": id(&task), "contextId": context,
            "parts": [{ "text": "status" }],
        });
        scene.ask(&scene.buyer, "SendMessage", json!({ "message": message })).await
    };
    let wrong = say("another-talk").await;
    assert_eq!(wrong["error"]["code"], -32602, "{wrong}");
    let fault = &wrong["error"]["data"][1]["fieldViolations"][0]["field"];
    assert_eq!(fault, "message.contextId", "{wrong}");
    assert_eq!(say("our-talk").await["result"]["task"]["contextId"], "our-talk");
    let mine = scene.ask(&scene.buyer, "ListTasks", json!({ "contextId": "our-talk" })).await;
    assert!(mine["result"]["tasks"].as_array().unwrap().iter().any(|one| one["id"] == task["id"]));
    let none = scene.ask(&scene.buyer, "ListTasks", json!({ "contextId": "nobody's" })).await;
    assert_eq!(none["result"]["totalSize"], 0, "{none}");
}

#[tokio::test]
async fn a_request_without_the_name_of_a_task_is_no_request() {
    let scene = scene().await;
    let task = id(&scene.buy(json!({})).await);
    let nameless = [
        ("GetTask", json!({})),
        ("GetTask", json!({ "id": "" })),
        ("CancelTask", json!({})),
        ("SubscribeToTask", json!({})),
        ("ListTaskPushNotificationConfigs", json!({})),
        ("GetTaskPushNotificationConfig", json!({ "taskId": task })),
        ("DeleteTaskPushNotificationConfig", json!({ "taskId": task })),
        ("GetTask", json!({ "id": task, "historyLength": -1 })),
        ("ListTasks", json!({ "pageSize": 0 })),
        ("ListTasks", json!({ "pageSize": 101 })),
        ("ListTasks", json!({ "pageToken": "?" })),
    ];
    for (method, params) in nameless {
        let answer = scene.ask(&scene.buyer, method, params).await;
        assert_eq!(answer["error"]["code"], -32602, "{method} {answer}");
    }
}

#[tokio::test]
async fn lists_are_the_callers_newest_first_and_without_artifacts() {
    let scene = scene().await;
    let (first, second) = (scene.buy(json!({})).await, scene.buy(json!({})).await);
    scene.say(&scene.seller, &id(&first), json!({ "action": "deliver", "inline": "work" })).await;
    let list = async |agent: &Agent, params: Value| {
        scene.ask(agent, "ListTasks", params).await["result"].clone()
    };
    let all = list(&scene.buyer, json!({})).await;
    assert_eq!(all["nextPageToken"], "", "always there: {all}");
    let ids: Vec<&Value> =
        all["tasks"].as_array().unwrap().iter().map(|task| &task["id"]).collect();
    assert!(ids.contains(&&first["id"]) && ids.contains(&&second["id"]), "{all}");
    let of = |page: &Value| {
        let tasks = page["tasks"].as_array().unwrap();
        tasks.iter().find(|task| task["id"] == first["id"]).unwrap()["artifacts"].clone()
    };
    assert!(of(&all).as_array().is_none_or(Vec::is_empty), "{all}");
    let with = list(&scene.buyer, json!({ "includeArtifacts": true })).await;
    assert_eq!(of(&with)[0]["parts"][0]["text"], "work", "{with}");
    let page = list(&scene.buyer, json!({ "pageSize": 1 })).await;
    assert_eq!(page["tasks"].as_array().unwrap().len(), 1);
    assert_ne!(page["nextPageToken"], "", "{page}");
    let rest = scene.rest("/tasks?pageSize=1&includeArtifacts=true").by(&scene.buyer).send().await;
    assert_eq!(rest.expect_success()["tasks"][0]["id"], page["tasks"][0]["id"]);
    let stranger = scene.world.agent(3, 1).await;
    assert_eq!(list(&stranger, json!({})).await["totalSize"], 0);
}

#[tokio::test]
async fn two_who_follow_hear_the_same_by_get_and_by_post() {
    let scene = scene().await;
    let following = scene.world.marketplace.clone();
    tokio::spawn(async move { following.follow(std::future::pending()).await });
    let task = id(&scene.buy(json!({})).await);
    let path = format!("/tasks/{task}:subscribe");
    let by_get = tokio::spawn(scene.rest(&path).by(&scene.buyer).send());
    let by_post = tokio::spawn(scene.world.post(&path).header(V1.0, V1.1).by(&scene.buyer).send());
    scene.say(&scene.seller, &task, json!({ "action": "start" })).await;
    scene.say(&scene.seller, &task, json!({ "action": "deliver", "inline": "x" })).await;
    tokio::task::yield_now().await;
    scene.say(&scene.buyer, &task, json!({ "action": "accept" })).await;
    for stream in [by_get, by_post] {
        let events = told(&stream.await.unwrap());
        assert_eq!(events[0]["task"]["id"], task.as_str(), "it begins with the task");
        let last = &events.last().unwrap()["statusUpdate"]["status"]["state"];
        let is_over = last == "TASK_STATE_COMPLETED"
            || events[0]["task"]["status"]["state"] == "TASK_STATE_COMPLETED";
        assert!(is_over, "{events:?}");
    }
    let over = scene.rest(&path).by(&scene.buyer).send().await;
    assert_eq!(over.json()["error"]["details"][0]["reason"], "UNSUPPORTED_OPERATION");
    let word = scene.say(&scene.buyer, &task, json!({ "action": "accept" })).await;
    assert_eq!(word["error"]["code"], -32004, "{word}");
    let info = &word["error"]["data"][0];
    assert_eq!(
        (&info["reason"], &info["domain"]),
        (&json!("UNSUPPORTED_OPERATION"), &json!("a2a-protocol.org"))
    );
}

#[tokio::test]
async fn cards_are_signed_and_kept_by_those_who_have_them() {
    let scene = scene().await;
    let reply = scene.world.get("/.well-known/agent-card.json").send().await;
    let card = reply.expect_success();
    for field in ["protocolVersion", "url", "preferredTransport", "did"] {
        assert_eq!(card.get(field), None, "no field of an older version: {card}");
    }
    assert!(card["signatures"][0]["protected"].is_string(), "{card}");
    assert!(card["securitySchemes"].as_object().is_some_and(|all| !all.is_empty()), "{card}");
    assert!(reply.header("cache-control").unwrap().contains("max-age"));
    let tag = reply.header("etag").unwrap();
    assert!(reply.header("last-modified").unwrap().ends_with(" GMT"));
    let again = scene.world.get("/.well-known/agent-card.json").header("if-none-match", tag);
    let again = again.send().await;
    assert_eq!((again.status.as_u16(), again.text().as_str()), (304, ""));
    let extended = scene.rest("/extendedAgentCard").by(&scene.buyer).send().await.expect_success();
    assert_eq!(extended["name"], card["name"]);
    scene.rest("/extendedAgentCard").send().await.expect_problem(401, "token_missing");
    let manifest = scene.world.get("/agent_card.json").send().await.expect_success();
    assert_eq!(manifest["did"], OURS);
}

#[tokio::test]
async fn a_configuration_uses_its_proof_up() {
    let scene = scene().await;
    let task = id(&scene.buy(json!({})).await);
    let key = &scene.buyer.key;
    let ask = async |method: &str, params: Value, proof: &str| {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let call = scene.world.post("/a2a").header(V1.0, V1.1).bearer(proof).json(&body);
        call.send().await
    };
    let push = |name: &str| json!({ "taskId": task, "id": name, "url": "https://agent.example/" });
    let known = async || {
        let listed =
            scene.ask(&scene.buyer, "ListTaskPushNotificationConfigs", json!({ "taskId": task }));
        listed.await["result"]["configs"].as_array().map(Vec::len)
    };
    let (create, delete) = ("CreateTaskPushNotificationConfig", "DeleteTaskPushNotificationConfig");
    let proof = scene.world.proof(key);
    let wrong = json!({ "taskId": task, "id": "a", "url": "ftp://a" });
    let refused = ask(create, wrong, &proof).await.expect_success();
    assert_eq!(refused["error"]["code"], -32602, "{refused}");
    ask(create, push("a"), &proof).await.expect_success();
    ask(create, push("b"), &proof).await.expect_problem(401, "token_replayed");
    ask(delete, push("a"), &proof).await.expect_problem(401, "token_replayed");
    assert_eq!(known().await, Some(1));
    let proof = scene.world.proof(key);
    ask(delete, json!({ "taskId": task, "id": "a" }), &proof).await.expect_success();
    ask(create, push("c"), &proof).await.expect_problem(401, "token_replayed");
    assert_eq!(known().await, Some(0));
    // With a message to a task: not where the message itself is worth nothing.
    let with_push = json!({
        "message": { "messageId": "m", "role": "ROLE_USER", "taskId": task,
            "parts": [{ "data": { "action": "cancel" } }] },
        "configuration": { "taskPushNotificationConfig": push("d") },
    });
    ask("SendMessage", with_push, &proof).await.expect_problem(401, "token_replayed");
    assert_eq!(known().await, Some(0));
}

#[tokio::test]
async fn a_stream_of_the_older_protocol_ends_with_a_final_status() {
    let scene = scene().await;
    let parts = json!([{ "kind": "data",
        "data": { "action": "purchase", "listing_id": scene.listing } }]);
    let message = json!({ "kind": "message", "messageId": "m", "role": "user", "parts": parts });
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "message/stream",
        "params": { "message": message } });
    let stream = scene.world.post("/a2a").by(&scene.buyer).json(&body).send().await;
    let told = told(&stream);
    assert_eq!(told[0]["result"]["kind"], "task", "{told:?}");
    let last = &told.last().unwrap()["result"];
    assert_eq!((&last["kind"], &last["final"]), (&json!("status-update"), &json!(true)));
    assert_eq!(last["status"]["state"], "input-required");
}
