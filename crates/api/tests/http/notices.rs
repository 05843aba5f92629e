//! Parties are told what happened to their orders, once, and operators see what could not be said.

use marketplace_money::Seconds;
use marketplace_ports::{EffectKind, Lease, Notice, NotifyError};
use serde_json::{Value, json};

use crate::common::World;

fn told(world: &World) -> Vec<(String, Notice)> {
    let heard = world.notifier.heard();
    heard.iter().map(|message| (message.agent.to_string(), message.notice)).collect()
}

#[tokio::test]
async fn both_parties_hear_what_the_other_did() {
    let world = World::new().await;
    let (seller, buyer) = (world.agent(1, 10).await, world.agent(2, 20).await);
    world.notifier.reach(seller.did());
    world.notifier.reach(buyer.did());
    let listing = world.listing(&seller).await;
    let order = world.order(&buyer, &listing, "buyer_confirms").await;
    world.work().await;
    let [message] = &world.notifier.heard()[..] else { panic!("{:?}", told(&world)) };
    let body: Value = serde_json::from_str(&message.body).unwrap();
    assert_eq!(message.agent, *seller.did());
    for (field, value) in [
        ("type", "order_received"),
        ("order_id", &order),
        ("buyer", buyer.did().as_str()),
        ("amount", "5"),
        ("service", "CSV Analyzer"),
        ("status", "ESCROW_FUNDED"),
    ] {
        assert_eq!(body[field], value, "{body}");
    }
    let step = async |agent: &crate::common::Agent, verb: &str, body: Value| {
        let path = format!("/api/v1/orders/{order}/{verb}");
        world.post(&path).by(agent).json(&body).send().await.expect_success();
    };
    step(&seller, "start", json!({})).await;
    step(&seller, "deliver", json!({ "inline": "work" })).await;
    step(&buyer, "request-changes", json!({ "note": "more" })).await;
    step(&seller, "offer-split", json!({ "seller": "1" })).await;
    step(&seller, "decline", json!({})).await;
    world.work().await;
    let (to_seller, to_buyer) = (seller.did().to_string(), buyer.did().to_string());
    let mut expected = vec![
        (to_seller.clone(), Notice::OrderReceived),
        (to_buyer.clone(), Notice::OrderStarted),
        (to_buyer.clone(), Notice::OrderDelivered),
        (to_seller.clone(), Notice::ChangesRequested),
        (to_buyer.clone(), Notice::SplitOffered),
        (to_buyer, Notice::OrderRefunded),
        (to_seller, Notice::OrderRefunded),
    ];
    let mut told = told(&world);
    expected.sort();
    told.sort();
    assert_eq!(told, expected);
    world.expect_clean_books().await;
}

#[tokio::test]
async fn what_nobody_would_hear_is_not_written() {
    let world = World::new().await;
    let (seller, buyer) = (world.agent(1, 10).await, world.agent(2, 20).await);
    let listing = world.listing(&seller).await;
    world.order(&buyer, &listing, "buyer_confirms").await;
    let lease = Lease { owner: uuid::Uuid::nil(), duration: Seconds(1) };
    let work = world.kept.store().lease_effects(lease, 100).await.unwrap();
    assert!(
        work.iter().all(|effect| !matches!(effect.kind, EffectKind::Notify { .. })),
        "{work:?}"
    );
}

#[tokio::test]
async fn a_message_is_tried_for_most_of_an_hour_then_it_is_a_dead_letter() {
    let world = World::new().await;
    let (seller, buyer) = (world.agent(1, 10).await, world.agent(2, 20).await);
    world.notifier.reach(seller.did());
    let listing = world.listing(&seller).await;
    let busy = NotifyError::Unavailable { reason: "busy".to_owned(), retry_after: None };
    world.notifier.fail(Some(busy));
    let order = world.order(&buyer, &listing, "buyer_confirms").await;
    let operator = world.operator().await;
    let dead = async || {
        let operator = world.operator().await;
        world.get("/api/v1/admin/outbox/dead").by(&operator).send().await.expect_success()
    };
    let mut minutes = 0;
    while dead().await["count"] == 0 {
        world.clock.advance(Seconds(60));
        world.work().await;
        minutes += 1;
        assert!(minutes < 120, "it is never given up");
    }
    assert!(minutes > 30, "given up after {minutes} minutes");
    let page = dead().await;
    let letter = &page["results"][0];
    assert_eq!((&letter["kind"], &letter["notice"]), (&json!("notify"), &json!("order_received")));
    assert_eq!((&letter["subject"], &letter["error"]), (&json!(order), &json!("busy")));
    assert_eq!(letter["agent"], seller.did().as_str());

    // It stays dead until somebody wants it otherwise.
    world.notifier.fail(None);
    world.clock.advance(Seconds::from_hours(1));
    world.work().await;
    assert!(told(&world).is_empty());
    let retry = |ids: &[&str], dry_run: bool| {
        let body = json!({ "letter_ids": ids, "reason": "it is up again", "dry_run": dry_run });
        world.post("/api/v1/admin/outbox/retry").json(&body)
    };
    let id = letter["id"].as_str().unwrap();
    retry(&[id], false).by(&seller).send().await.expect_problem(401, "token_expired");
    let operator_now = world.operator().await;
    let unknown = "0197f3a2-7c1e-7aaa-8b1b-0242ac120002";
    for ids in [[id, unknown], [id, "nonsense"], [id, id]] {
        let none = retry(&ids, false).by(&operator_now).send().await;
        none.expect_problem(404, "not_found");
    }
    retry(&[id], true).by(&operator_now).send().await.expect_success();
    assert_eq!(dead().await["count"], 1, "only tried");
    let act = retry(&[id], false).by(&operator_now).send().await.expect_success();
    assert_eq!(
        (&act["action"], &act["subject"]["letter_ids"]),
        (&json!("outbox.retry"), &json!([id]))
    );
    let kept = world.get("/api/v1/operator/motions").by(&operator_now).send().await;
    assert_eq!(kept.expect_success()["results"], json!([act]));
    world.work().await;
    assert_eq!(told(&world).len(), 1);
    assert_eq!(dead().await["count"], 0);
    drop(operator);
}

#[tokio::test]
async fn an_endpoint_that_must_not_be_called_is_a_dead_letter_at_once() {
    let world = World::new().await;
    let (seller, buyer) = (world.agent(1, 10).await, world.agent(2, 20).await);
    world.notifier.reach(seller.did());
    let listing = world.listing(&seller).await;
    world.notifier.fail(Some(NotifyError::Refused("the host has no public address".to_owned())));
    world.order(&buyer, &listing, "buyer_confirms").await;
    world.work().await;
    let operator = world.operator().await;
    let page = world.get("/api/v1/admin/outbox/dead").by(&operator).send().await.expect_success();
    assert_eq!(page["results"][0]["error"], "the host has no public address");
    // An endpoint that is gone by then is nobody to tell.
    world.notifier.fail(Some(NotifyError::NoEndpoint));
    world.order(&buyer, &listing, "buyer_confirms").await;
    world.work().await;
    let page = world.get("/api/v1/admin/outbox/dead").by(&operator).send().await.expect_success();
    assert_eq!(page["count"], 1);
}
