//! What operators do: motions with a reason, k of n, and what they may never do.

use std::time::Duration;

use marketplace_money::Seconds;
use serde_json::{Value, json};

use crate::common::{Agent, Reply, World, second_operator_key};

const MOTIONS: &str = "/api/v1/operator/motions";

async fn propose(world: &World, by: &Agent, motion: Value) -> Reply {
    world.post(MOTIONS).by(by).json(&motion).send().await
}

async fn available(world: &World, agent: &Agent) -> String {
    let wallet = world.get("/api/v1/wallet").bearer(&world.proof(&agent.key)).send().await;
    wallet.expect_success()["available"].as_str().unwrap().to_owned()
}

struct Scene {
    world: World,
    operator: Agent,
    seller: Agent,
    buyer: Agent,
    listing: String,
    order: String,
}

impl Scene {
    async fn set(needed: usize) -> Self {
        let world = World::governed(needed).await;
        let operator = world.operator().await;
        let (seller, buyer) = (world.agent(1, 10).await, world.agent(2, 20).await);
        let listing = world.listing(&seller).await;
        let order = world.order(&buyer, &listing, "buyer_confirms").await;
        Self { world, operator, seller, buyer, listing, order }
    }

    async fn propose(&self, motion: Value) -> Reply {
        propose(&self.world, &self.operator, motion).await
    }

    async fn shown(&self) -> Value {
        let path = format!("/api/v1/orders/{}", self.order);
        let proof = self.world.proof(&self.buyer.key);
        self.world.get(&path).bearer(&proof).send().await.expect_success()
    }

    /// What operators see of events, as soon as this one is the last.
    async fn log_until(&self, last: &str) -> Vec<String> {
        let shown = async {
            loop {
                let log = self.world.get("/api/v1/operator/events").by(&self.operator).send().await;
                let log = log.expect_success();
                let names = log["results"].as_array().unwrap().iter();
                let names: Vec<_> =
                    names.map(|event| event["event"].as_str().unwrap().to_owned()).collect();
                if names.last().is_some_and(|name| name == last) {
                    break names;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), shown).await.expect("it in the log")
    }
}

#[tokio::test]
async fn an_order_is_released_or_refunded_and_nobody_else_is_paid() {
    for (action, status, seller, buyer) in
        [("order.release", "COMPLETED", "5", "0"), ("order.refund", "REFUNDED", "0", "5.125")]
    {
        let scene = Scene::set(1).await;
        let motion = json!({ "action": action, "order_id": scene.order, "reason": "by mail" });
        let mut tried = motion.clone();
        tried["dry_run"] = true.into();
        assert_eq!(scene.propose(tried).await.expect_success()["state"], "done");
        assert_eq!(scene.shown().await["phase"], "AWAITING_START", "only tried");
        let done = scene.propose(motion.clone()).await.expect_success();
        assert_eq!((&done["state"], &done["reason"]), (&json!("done"), &json!("by mail")));
        let order = scene.shown().await;
        assert_eq!((&order["status"], &order["phase"]), (&json!(status), &json!("RULED")));
        assert_eq!(available(&scene.world, &scene.seller).await, seller);
        assert_eq!(available(&scene.world, &scene.buyer).await, buyer);
        scene.propose(motion).await.expect_problem(409, "wrong_phase");
        scene.world.expect_clean_books().await;
    }
}

#[tokio::test]
async fn more_time_moves_every_clock_that_runs() {
    let scene = Scene::set(1).await;
    let before = scene.shown().await["expires_at"].clone();
    let motion = json!({
        "action": "order.extend", "order_id": scene.order, "seconds": 3600, "reason": "outage",
    });
    scene.propose(motion).await.expect_success();
    assert_ne!(scene.shown().await["expires_at"], before);
    scene.world.clock.advance(Seconds::from_hours(24));
    scene.world.work().await;
    assert_eq!(scene.shown().await["status"], "ESCROW_FUNDED", "an hour is left");
    scene.world.clock.advance(Seconds::from_hours(1));
    scene.world.work().await;
    assert_eq!(scene.shown().await["phase"], "NON_DELIVERY");
    scene.world.expect_clean_books().await;
}

#[tokio::test]
async fn two_of_two_must_agree() {
    let scene = Scene::set(2).await;
    let second = scene.world.login(second_operator_key()).await;
    let motion = json!({ "action": "order.refund", "order_id": scene.order, "reason": "fraud" });
    let open = scene.propose(motion.clone()).await.expect_success();
    assert_eq!((&open["state"], &open["needed"]), (&json!("open"), &json!(2)));
    assert_eq!(scene.shown().await["status"], "ESCROW_FUNDED");
    let path = format!("{MOTIONS}/{}", open["motion_id"].as_str().unwrap());
    let approve = |by: &Agent| scene.world.post(&format!("{path}/approve")).by(by);
    approve(&scene.operator).send().await.expect_problem(409, "already_approved");
    approve(&scene.buyer).send().await.expect_problem(403, "operators_only");
    let listed = scene.world.get(&format!("{MOTIONS}?state=open")).by(&second).send().await;
    assert_eq!(listed.expect_success()["count"], 1);
    assert_eq!(approve(&second).send().await.expect_success()["state"], "done");
    assert_eq!(scene.shown().await["status"], "REFUNDED");
    approve(&second).send().await.expect_problem(409, "motion_over");
    // One is enough to take back, and nobody agrees for ever.
    let open = propose(
        &scene.world,
        &second,
        json!({
            "action": "agent.freeze", "agent": scene.seller.did().as_str(), "reason": "r",
        }),
    );
    let open = open.await.expect_success();
    let path = format!("{MOTIONS}/{}", open["motion_id"].as_str().unwrap());
    scene.world.clock.advance(Seconds::from_hours(7 * 24));
    let late = scene.world.login(crate::common::operator_key()).await;
    let reply = scene.world.post(&format!("{path}/approve")).by(&late).send().await;
    reply.expect_problem(409, "motion_over");
    let shown = scene.world.get(&path).by(&late).send().await.expect_success();
    assert_eq!(shown["state"], "lapsed");
    let cancel = scene.world.post(&format!("{path}/cancel")).by(&late);
    let cancelled = cancel.json(&json!({ "reason": "old" })).send().await.expect_success();
    assert_eq!(
        (&cancelled["state"], &cancelled["cancelled"]["reason"]),
        (&json!("cancelled"), &json!("old"))
    );
}

#[tokio::test]
async fn a_frozen_agent_looks_and_does_nothing() {
    let scene = Scene::set(1).await;
    let (world, seller) = (&scene.world, &scene.seller);
    let motion =
        |action| json!({ "action": action, "agent": seller.did().as_str(), "reason": "r" });
    scene.propose(motion("agent.freeze")).await.expect_success();
    world.get("/api/v1/wallet").by(seller).send().await.expect_problem(403, "frozen");
    let start = format!("/api/v1/orders/{}/start", scene.order);
    world.post(&start).by(seller).send().await.expect_problem(403, "frozen");
    let proof = world.proof(&seller.key);
    world.post("/api/v1/auth/token").bearer(&proof).send().await.expect_problem(403, "frozen");
    assert_eq!(available(world, seller).await, "0", "a proof still shows");
    world.clock.advance(Seconds(1));
    scene.propose(motion("agent.unfreeze")).await.expect_success();
    world.post(&start).by(seller).send().await.expect_success();
}

#[tokio::test]
async fn an_adjustment_is_our_own_tokens_and_no_others() {
    let scene = Scene::set(1).await;
    let adjust = |amount: &str| {
        json!({
            "action": "agent.adjust", "agent": scene.buyer.did().as_str(), "amount": amount,
            "reason": "our fault",
        })
    };
    // 2,000 AVT are at the TEG, of which 1,000 are staked: all is capital.
    scene.propose(adjust("2000.000000001")).await.expect_problem(409, "insufficient_capital");
    scene.propose(adjust("0")).await.expect_problem(422, "invalid");
    scene.propose(adjust("3.5")).await.expect_success();
    assert_eq!(available(&scene.world, &scene.buyer).await, "3.5");
    scene.propose(adjust("-4")).await.expect_problem(402, "insufficient_balance");
    scene.propose(adjust("-1.25")).await.expect_success();
    assert_eq!(available(&scene.world, &scene.buyer).await, "2.25");
    let entries = scene.world.get("/api/v1/wallet/entries").by(&scene.buyer).send().await;
    let entries = entries.expect_success();
    assert_eq!(entries["results"][0]["kind"], "adjustment");
    assert_eq!(entries["results"][0]["reason"], "our fault");
    scene.world.expect_clean_books().await;
}

#[tokio::test]
async fn fees_change_after_two_days_in_public_and_orders_keep_theirs() {
    let scene = Scene::set(1).await;
    let world = &scene.world;
    let fees = async || world.get("/api/v1/fees").send().await.expect_success();
    let set = |percent: &str| json!({ "action": "fees.set", "transaction_fee_percent": percent, "reason": "costs" });
    scene.propose(set("5.01")).await.expect_problem(422, "invalid");
    scene.propose(set("five")).await.expect_problem(422, "invalid");
    let motion = scene.propose(set("1")).await.expect_success();
    assert_eq!(motion["state"], "scheduled");
    let other = scene.propose(set("4")).await.expect_success();
    let path = format!("{MOTIONS}/{}/cancel", other["motion_id"].as_str().unwrap());
    let cancel = world.post(&path).by(&scene.operator).json(&json!({ "reason": "too much" }));
    cancel.send().await.expect_success();
    let shown = fees().await;
    assert_eq!(
        (&shown["transaction_fee_percent"], shown["changes"].as_array().unwrap().len()),
        (&json!("2.5"), 1)
    );
    assert_eq!(shown["changes"][0]["transaction_fee_percent"], "1");
    world.clock.advance(Seconds::from_hours(24));
    let operator = world.operator().await;
    let late = world.post(&format!("{MOTIONS}/{}/cancel", motion["motion_id"].as_str().unwrap()));
    world.clock.advance(Seconds::from_hours(24));
    let _ = operator;
    let operator = world.operator().await;
    let late = late.by(&operator).json(&json!({ "reason": "r" })).send().await;
    late.expect_problem(409, "motion_over");
    let shown = fees().await;
    assert_eq!(shown["transaction_fee_percent"], "1");
    assert_eq!(shown["changes"], json!([]));
    let card = world.get("/agent_card.json").send().await.expect_success();
    assert_eq!(card["capabilities"]["fee_structure"]["transaction_fee_percent"].to_string(), "1");
    let buyer = world.login(scene.buyer.key).await;
    let quote = world.post("/api/v1/quotes").by(&buyer);
    let quote = quote.json(&json!({ "listing_id": scene.listing })).send().await.expect_success();
    assert_eq!(quote["total"], "5.05");
    let path = format!("/api/v1/orders/{}", scene.order);
    let order = world.get(&path).by(&buyer).send().await.expect_success();
    assert_eq!(order["total"], "5.125", "bought before");
}

#[tokio::test]
async fn settings_change_after_two_days_in_public() {
    let scene = Scene::set(1).await;
    let world = &scene.world;
    let set = |name: &str, value: &str| json!({ "action": "settings.set", "setting": name, "value": value, "reason": "r" });
    scene.propose(set("exposure_base", "-1")).await.expect_problem(422, "invalid");
    scene.propose(set("dispute_bond", "0")).await.expect_problem(422, "invalid");
    scene.propose(set("color", "4")).await.expect_problem(422, "invalid");
    let bond = scene.propose(set("dispute_bond", "4")).await.expect_success();
    assert_eq!(bond["subject"], json!({ "setting": "dispute_bond", "value": "4" }));
    scene.propose(set("exposure_base", "7")).await.expect_success();
    let shown = world.get("/api/v1/fees").send().await.expect_success();
    assert_eq!(shown["settings"]["dispute_bond"], "10");
    assert_eq!(shown["settings_changes"].as_array().unwrap().len(), 2);
    world.clock.advance(Seconds::from_hours(48));
    let shown = world.get("/api/v1/fees").send().await.expect_success();
    let counts = json!({ "exposure_base": "7", "negative_reputation_collateral": "100", "dispute_bond": "4" });
    assert_eq!((&shown["settings"], &shown["settings_changes"]), (&counts, &json!([])));
    let card = world.get("/agent_card.json").send().await.expect_success();
    assert_eq!(card["economic_profile"]["exposure_base"].to_string(), "7");
    let buyer = world.login(scene.buyer.key).await;
    let body = json!({ "listing_id": scene.listing });
    let refused = world.post("/api/v1/orders/create").by(&buyer).json(&body).send().await;
    refused.expect_problem(409, "exposure_reached");
}

#[tokio::test]
async fn what_cannot_be_is_refused() {
    let scene = Scene::set(1).await;
    let check = async |motion: Value, status: u16, code: &str| {
        scene.propose(motion).await.expect_problem(status, code);
    };
    let none = "00000000-0000-0000-0000-000000000000";
    check(json!({ "action": "agent.pay", "reason": "r" }), 422, "invalid").await;
    check(json!({ "action": "order.refund", "reason": "r" }), 422, "invalid").await;
    check(
        json!({ "action": "order.refund", "order_id": none, "reason": "r" }),
        404,
        "order_not_found",
    )
    .await;
    check(
        json!({ "action": "order.refund", "order_id": scene.order, "reason": " " }),
        422,
        "invalid",
    )
    .await;
    check(
        json!({ "action": "listing.delist", "listing_id": none, "reason": "r" }),
        404,
        "listing_not_found",
    )
    .await;
    check(
        json!({ "action": "agent.freeze", "agent": crate::common::OURS, "reason": "r" }),
        422,
        "invalid",
    )
    .await;
    check(
        json!({ "action": "order.extend", "order_id": scene.order, "seconds": 2_592_001, "reason": "r" }),
        422,
        "invalid",
    )
    .await;
    let motion = json!({ "action": "listing.delist", "listing_id": scene.listing, "reason": "r" });
    propose(&scene.world, &scene.buyer, motion.clone()).await.expect_problem(403, "operators_only");
    scene.propose(motion.clone()).await.expect_success();
    check(motion, 409, "wrong_status").await;
    let log = scene.log_until("operator.decided").await;
    assert!(log.iter().any(|name| name == "listing.delisted"));
}

/// Each act of one operator is kept with its name and its reason, however many must agree on what
/// moves tokens; and nobody else can agree with it.
#[tokio::test]
async fn what_an_operator_does_alone_is_in_the_trail() {
    let scene = Scene::set(2).await;
    let (world, operator, buyer) = (&scene.world, &scene.operator, &scene.buyer);
    let hash = "ab".repeat(32);
    let bind = |dry_run: bool| {
        let did = buyer.did().as_str();
        let body =
            json!({ "did": did, "sha256": hash, "reason": "it cannot sign", "dry_run": dry_run });
        world.post("/api/v1/admin/api-keys").by(operator).json(&body)
    };
    let trail = async || world.get(MOTIONS).by(operator).send().await.expect_success();
    bind(true).send().await.expect_success();
    assert_eq!(trail().await["count"], 0, "only tried");
    bind(false).send().await.expect_success();
    bind(false).send().await.expect_success();
    let kept = trail().await;
    let [act] = &kept["results"].as_array().unwrap()[..] else { panic!("{kept}") };
    let facts = [&act["action"], &act["state"], &act["reason"], &act["approvals"][0]["operator"]];
    let name = operator.did().as_str();
    assert_eq!(
        facts.map(|fact| fact.as_str().unwrap()),
        ["api_key.bind", "done", "it cannot sign", name]
    );
    assert_eq!((&act["needed"], &act["subject"]["key_id"]), (&json!(1), &json!(hash)));
    assert_eq!(
        scene.log_until("api_key.made").await.iter().filter(|e| *e == "operator.decided").count(),
        1
    );
    let second = world.login(second_operator_key()).await;
    let path = format!("{MOTIONS}/{}", act["motion_id"].as_str().unwrap());
    world
        .post(&format!("{path}/approve"))
        .by(&second)
        .send()
        .await
        .expect_problem(409, "motion_over");
    let cancel = world.post(&format!("{path}/cancel")).by(&second).json(&json!({ "reason": "no" }));
    cancel.send().await.expect_problem(409, "motion_over");

    let retry = |body: Value| world.post("/api/v1/admin/outbox/retry").by(operator).json(&body);
    let unknown = json!(["0197f3a2-7c1e-7aaa-8b1b-0242ac120002"]);
    let reason = json!("it is up again");
    let none = json!({ "letter_ids": unknown, "reason": reason });
    retry(none).send().await.expect_problem(404, "not_found");
    retry(json!({ "letter_ids": [], "reason": reason }))
        .send()
        .await
        .expect_problem(422, "invalid");
    retry(json!({ "letter_ids": unknown })).send().await.expect_problem(422, "invalid_body");
    assert_eq!(trail().await["count"], 1);
}
