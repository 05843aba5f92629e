//! The task of an order that is disputed: who follows it hears of every step, in order, wherever it
//! goes on, by stream, by notification and by lists.

use marketplace_a2a::Pushes;
use marketplace_engine::{Hook, HookKind, Scope, Scribe as _};
use marketplace_money::Seconds;
use marketplace_ports::TaskKey;
use serde_json::{Value, json};

use crate::common::{Agent, Call, PUBLIC_URL, Reply, World};

const TOLD: [&str; 7] = [
    "dispute.opened",
    "order.disputed",
    "dispute.responded",
    "dispute.evidence_added",
    "dispute.settlement_offered",
    "dispute.closed",
    "order.closed",
];

struct Scene {
    world: World,
    seller: Agent,
    buyer: Agent,
    task: String,
}

/// A delivered order.
async fn scene() -> Scene {
    let world = World::new().await;
    // Over a store that others write to, too, it follows by itself.
    if !world.kept.store().is_shared() {
        let following = world.marketplace.clone();
        tokio::spawn(async move { following.follow(std::future::pending()).await });
    }
    let (seller, buyer) = (world.agent(1, 100).await, world.agent(2, 100).await);
    let listing = world.listing(&seller).await;
    let task = world.order(&buyer, &listing, "buyer_confirms").await;
    let scene = Scene { world, seller, buyer, task };
    scene.say(&scene.seller, json!({ "action": "deliver", "inline": "work" })).await;
    scene
}

impl Scene {
    fn rpc(&self, agent: &Agent, method: &str, params: &Value) -> Call {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        self.world.post("/a2a").header("a2a-version", "1.0").by(agent).json(&body)
    }

    /// A second later.
    async fn say(&self, agent: &Agent, data: Value) -> Value {
        self.world.clock.advance(Seconds(1));
        let message = json!({
            "messageId": "m", "role": "ROLE_USER", "taskId": self.task,
            "parts": [{ "data": data }],
        });
        let asked = self.rpc(agent, "SendMessage", &json!({ "message": message }));
        let answer = asked.send().await.expect_success();
        assert_eq!(answer.get("error"), None, "{data}: {answer}");
        answer["result"]["task"].clone()
    }

    async fn dispute(&self) {
        let claim = json!({
            "action": "open_dispute", "category": "poor_quality", "reason": "not what was said",
        });
        self.say(&self.buyer, claim).await;
    }

    /// From the claim to its end, by a settlement.
    async fn quarrel(&self) {
        self.dispute().await;
        self.say(&self.seller, json!({ "action": "contest" })).await;
        let evidence = json!({ "action": "add_evidence", "inline": "a log", "note": "see" });
        self.say(&self.buyer, evidence).await;
        let offer = json!({ "action": "offer_settlement", "seller": "2" });
        self.say(&self.seller, offer).await;
        let agreed = json!({ "action": "accept_settlement", "seller": "2" });
        self.say(&self.buyer, agreed).await;
    }

    async fn listed(&self, params: Value) -> Value {
        let asked = self.rpc(&self.seller, "ListTasks", &params).send().await;
        asked.expect_success()["result"].clone()
    }
}

fn told(stream: &Reply) -> Vec<Value> {
    let text = stream.text();
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    data.map(|data| serde_json::from_str::<Value>(data).unwrap()["result"].clone()).collect()
}

fn name(update: &Value) -> &str {
    update["statusUpdate"]["metadata"]["event"].as_str().unwrap_or("none")
}

#[tokio::test]
async fn who_follows_hears_of_every_step_of_a_dispute() {
    let scene = scene().await;
    let subscribe =
        |agent: &Agent| scene.rpc(agent, "SubscribeToTask", &json!({ "id": scene.task }));
    let by_seller = subscribe(&scene.seller).open().await;
    let by_buyer = subscribe(&scene.buyer).open().await;
    // Cut off long ago, and back: it hears everything again.
    let resumed = subscribe(&scene.seller).header("last-event-id", "0").open().await;
    scene.quarrel().await;
    for stream in [by_seller, by_buyer] {
        let updates = told(&stream.read().await);
        assert!(updates[0]["task"].is_object(), "it begins with the task");
        let names: Vec<&str> = updates[1..].iter().map(name).collect();
        assert_eq!(names, TOLD);
        let states = updates[1..].iter().map(|one| &one["statusUpdate"]["status"]["state"]);
        let states: Vec<&Value> = states.collect();
        assert!(states[..6].iter().all(|state| **state == "TASK_STATE_INPUT_REQUIRED"));
        assert_eq!(states[6], "TASK_STATE_COMPLETED");
        let about = |at: usize| &updates[at]["statusUpdate"]["metadata"];
        assert_eq!(about(3)["dispute_event"]["response"], "contested");
        assert_eq!(about(6)["dispute"]["phase"], "SETTLED");
        assert_eq!(about(7)["dispute"]["verdict"]["order"], "settle", "how it ended: {}", about(7));
    }
    let again = told(&resumed.read().await);
    let names: Vec<&str> = again.iter().map(name).filter(|name| TOLD.contains(name)).collect();
    assert_eq!(names, TOLD, "without a gap and without a double");
}

#[tokio::test]
async fn an_update_says_what_may_be_done_by_when() {
    let scene = scene().await;
    let subscribe = scene.rpc(&scene.seller, "SubscribeToTask", &json!({ "id": scene.task }));
    let stream = subscribe.open().await;
    scene.dispute().await;
    let got = scene.rpc(&scene.seller, "GetTask", &json!({ "id": scene.task })).send().await;
    let got = got.expect_success()["result"].clone();
    let dispute = &got["metadata"]["dispute"];
    assert!(dispute["due"]["at"].is_string(), "{dispute}");
    let updates = told(&stream.read_until("dispute.opened").await);
    let opened = updates.iter().find(|update| name(update) == "dispute.opened");
    let opened = &opened.unwrap_or_else(|| panic!("{updates:?}"))["statusUpdate"];
    assert_eq!(&opened["metadata"]["dispute"], dispute, "as GetTask shows it");
    let actions = dispute["available_actions"].as_array().unwrap();
    assert!(actions.iter().any(|action| action["action"] == "contest"), "{actions:?}");
}

#[tokio::test]
async fn a_push_notification_tells_the_same() {
    let scene = scene().await;
    scene.quarrel().await;
    let (marketplace, owner) = (scene.world.marketplace.clone(), scene.seller.did().clone());
    let pushes = Pushes { marketplace: marketplace.clone(), public_url: PUBLIC_URL.to_owned() };
    let kind = HookKind::Push { task: scene.task.parse().unwrap(), name: "a".to_owned() };
    let now = marketplace.now().await.unwrap();
    let hook = Hook::new(kind, "https://agent.example/".to_owned(), 0, now);
    let key = TaskKey { task: scene.task.parse().unwrap(), owner: owner.clone() };
    let reader = marketplace.read_feed(&owner, Scope::Agent(owner.clone()), Some(0)).await;
    let mut reader = reader.unwrap().expect("a seat");
    let (mut names, mut is_over) = (Vec::new(), false);
    while !is_over {
        for event in reader.next().await.unwrap().expect("no end") {
            if !hook.wants(&event) {
                continue;
            }
            let written = pushes.write(&key, &hook, &event).await.unwrap();
            is_over |= written.is_last;
            let bodies = written.bodies.iter().map(|body| serde_json::from_str(body).unwrap());
            names.extend(bodies.map(|body: Value| name(&body).to_owned()));
        }
    }
    names.retain(|name| TOLD.contains(&name.as_str()));
    assert_eq!(names, TOLD);
}

#[tokio::test]
async fn a_list_of_what_changed_since_names_it() {
    let scene = scene().await;
    let task = json!(scene.task);
    let since_now = async |what: &str, acts: bool| {
        let now = scene.world.clock.now();
        let after = json!({ "statusTimestampAfter": marketplace_wire::Rfc3339(now).to_string() });
        let listed = scene.listed(after).await;
        assert_eq!(listed["totalSize"], i32::from(acts), "{what}: {listed}");
        listed
    };
    scene.world.clock.advance(Seconds(10));
    since_now("nothing happened", false).await;
    // Whoever acts does so a second later, and the clock stands still then.
    scene.say(&scene.buyer, json!({ "action": "request_changes", "note": "more" })).await;
    since_now("asked for changes", true).await;
    scene.say(&scene.buyer, json!({ "action": "offer_split", "seller": "2" })).await;
    since_now("offered a split", true).await;
    scene.dispute().await;
    since_now("disputed", true).await;
    scene.say(&scene.seller, json!({ "action": "contest" })).await;
    let listed = since_now("contested: the order itself does not move", true).await;
    let shown = &listed["tasks"][0];
    assert_eq!(shown["metadata"]["dispute"]["response"], "contested", "{shown}");
    let got = scene.rpc(&scene.seller, "GetTask", &json!({ "id": task })).send().await;
    let got = got.expect_success()["result"].clone();
    assert_eq!(shown["status"]["timestamp"], got["status"]["timestamp"]);
    scene.world.clock.advance(Seconds(1));
    since_now("nothing more", false).await;
}
