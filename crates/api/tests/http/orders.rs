//! Orders over REST: every route, what the parties may do, and what they may fetch.

use serde_json::{Value, json};

use crate::common::{Agent, Reply, World};

struct Scene {
    world: World,
    seller: Agent,
    buyer: Agent,
    listing: String,
}

impl Scene {
    async fn set() -> Self {
        let world = World::new().await;
        let (seller, buyer) = (world.agent(1, 10).await, world.agent(2, 100).await);
        let listing = world.listing(&seller).await;
        Self { world, seller, buyer, listing }
    }

    async fn order(&self) -> String {
        self.world.order(&self.buyer, &self.listing, "buyer_confirms").await
    }

    async fn act(&self, who: &Agent, order: &str, verb: &str, body: Value) -> Reply {
        let path = format!("/api/v1/orders/{order}/{verb}");
        self.world.post(&path).by(who).json(&body).send().await
    }

    async fn show(&self, who: &Agent, order: &str) -> Value {
        self.world.get(&format!("/api/v1/orders/{order}")).by(who).send().await.expect_success()
    }
}

/// The names of what the caller may do.
fn actions(order: &Value) -> Vec<&str> {
    let actions = order["available_actions"].as_array().unwrap();
    actions.iter().map(|action| action["action"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn what_may_be_done_is_said_with_amounts_and_deadlines() {
    let scene = Scene::set().await;
    let order = scene.order().await;
    let seen = scene.show(&scene.seller, &order).await;
    assert_eq!(actions(&seen), ["start", "decline", "deliver", "offer-split"]);
    let seen = scene.show(&scene.buyer, &order).await;
    assert_eq!(actions(&seen), ["cancel", "accept", "offer-split", "dispute"]);
    let cancel = &seen["available_actions"][0];
    assert_eq!(
        *cancel,
        json!({
            "action": "cancel", "method": "POST", "path": format!("/api/v1/orders/{order}/cancel"),
            "amounts": { "seller": "0", "buyer": "5.125", "fee": "0" },
            "until": "2026-09-22T14:13:20.000000Z",
        })
    );
    assert_eq!(seen["due"], json!({ "duty": "delivery", "at": "2026-09-22T13:13:20.000000Z" }));
    // Each action that is named can be done at the path that is named.
    for action in seen["available_actions"].as_array().unwrap() {
        let path = action["path"].as_str().unwrap();
        let reply = scene.world.post(path).send().await;
        reply.expect_problem(401, "token_missing");
    }
}

#[tokio::test]
async fn the_long_way_to_completion() {
    let scene = Scene::set().await;
    let order = scene.order().await;
    let (seller, buyer) = (&scene.seller, &scene.buyer);
    let done = scene.act(seller, &order, "start", json!({})).await.expect_success();
    assert_eq!(done["phase"], "IN_PROGRESS");
    scene.act(buyer, &order, "cancel", json!({})).await.expect_problem(409, "wrong_phase");
    scene
        .act(buyer, &order, "deliver", json!({ "inline": "x" }))
        .await
        .expect_problem(403, "wrong_role");
    scene.act(seller, &order, "deliver", json!({})).await.expect_problem(422, "content_required");
    let wrong = json!({ "inline": "work", "sha256": "00".repeat(32) });
    scene.act(seller, &order, "deliver", wrong).await.expect_problem(422, "hash_mismatch");
    let work = json!({ "inline_base64": "YSxi", "media_type": "text/csv", "note": "done" });
    let done = scene.act(seller, &order, "deliver", work).await.expect_success();
    assert_eq!(done["phase"], "DELIVERED");
    assert_eq!(done["delivery"]["size"], 3);
    let done = scene.act(buyer, &order, "request-changes", json!({ "note": "more" })).await;
    let done = done.expect_success();
    assert_eq!(
        (&done["phase"], &done["changes_note"]),
        (&json!("CHANGES_REQUESTED"), &json!("more"))
    );
    let work = json!({ "inline": "a,b,c" });
    scene.act(seller, &order, "deliver", work).await.expect_success();
    let no = scene.act(buyer, &order, "request-changes", json!({})).await;
    no.expect_problem(409, "no_revisions_left");
    let done = scene.act(buyer, &order, "accept", json!({})).await.expect_success();
    assert_eq!((&done["status"], &done["phase"]), (&json!("COMPLETED"), &json!("ACCEPTED")));
    assert_eq!(done["outcome"], json!({ "seller": "5", "buyer": "0", "fee": "0.125" }));
    assert_eq!(done["available_actions"], json!([]));
    scene.act(buyer, &order, "accept", json!({})).await.expect_problem(409, "wrong_phase");
    scene.world.expect_clean_books().await;
}

#[tokio::test]
async fn the_other_ways_out() {
    let scene = Scene::set().await;
    let (seller, buyer) = (&scene.seller, &scene.buyer);
    let refunded = json!({ "seller": "0", "buyer": "5.125", "fee": "0" });
    let order = scene.order().await;
    let done = scene.act(seller, &order, "decline", json!({})).await.expect_success();
    assert_eq!((&done["phase"], &done["outcome"]), (&json!("DECLINED"), &refunded));
    let order = scene.order().await;
    let done = scene.act(buyer, &order, "cancel", json!({})).await.expect_success();
    assert_eq!((&done["phase"], &done["outcome"]), (&json!("CANCELLED"), &refunded));

    let order = scene.order().await;
    let accept = |seller: &str| json!({ "seller": seller });
    scene.act(buyer, &order, "accept-split", json!({})).await.expect_problem(409, "no_offer");
    scene
        .act(seller, &order, "offer-split", accept("5.000000001"))
        .await
        .expect_problem(422, "invalid");
    let offered = scene.act(seller, &order, "offer-split", accept("2")).await.expect_success();
    assert_eq!(offered["split_offer"]["by"], "seller");
    let amounts = json!({ "seller": "2", "buyer": "3.075", "fee": "0.05" });
    assert_eq!(offered["split_offer"]["amounts"], amounts);
    let no = scene.act(buyer, &order, "accept-split", accept("1")).await;
    assert_eq!(no.expect_problem(409, "offer_changed")["seller"], "2");
    let done = scene.act(buyer, &order, "accept-split", accept("2")).await.expect_success();
    assert_eq!((&done["phase"], &done["outcome"]), (&json!("SETTLED"), &amounts));

    let order = scene.order().await;
    let early = scene.act(buyer, &order, "claim-non-delivery", json!({})).await;
    assert_eq!(early.expect_problem(409, "too_early")["due"], "2026-09-22T13:13:20.000000Z");
    scene.world.clock.advance(marketplace_money::Seconds::from_hours(23));
    let buyer = scene.world.login(buyer.key.clone()).await;
    let done = scene.act(&buyer, &order, "claim-non-delivery", json!({})).await.expect_success();
    assert_eq!((&done["phase"], &done["outcome"]), (&json!("NON_DELIVERY"), &refunded));
    scene.world.expect_clean_books().await;
}

#[tokio::test]
async fn deliveries_are_attachments_whatever_they_say_they_are() {
    let scene = Scene::set().await;
    let order = scene.order().await;
    let path = format!("/api/v1/orders/{order}/delivery");
    let fetch = |who, path: &str| scene.world.get(path).by(who).send();
    fetch(&scene.buyer, &path).await.expect_problem(404, "no_delivery");
    let page = "<script>alert(1)</script>";
    let work = json!({ "inline": page, "media_type": "text/html" });
    scene.act(&scene.seller, &order, "deliver", work).await.expect_success();
    let operator = scene.world.operator().await;
    for who in [&scene.buyer, &scene.seller, &operator] {
        let reply = fetch(who, &path).await;
        assert_eq!(reply.text(), page);
        assert_eq!(reply.header("content-type"), Some("application/octet-stream"));
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
        let name = format!("attachment; filename=\"{order}.bin\"");
        assert_eq!(reply.header("content-disposition"), Some(name.as_str()));
        assert_eq!(reply.header("x-delivery-sha256").unwrap().len(), 64);
    }
    let meta = fetch(&scene.buyer, &format!("{path}?meta")).await.expect_success();
    assert_eq!((&meta["content"], &meta["media_type"]), (&json!("inline"), &json!("text/html")));
    let call = scene.world.get(&path).by(&scene.buyer).header("accept", "application/json");
    assert_eq!(call.send().await.expect_success(), meta);
    let stranger = scene.world.agent(3, 0).await;
    fetch(&stranger, &path).await.expect_problem(404, "order_not_found");
}

#[tokio::test]
async fn bytes_behind_a_uri_are_fetched_once_they_match() {
    let scene = Scene::set().await;
    let order = scene.order().await;
    let uri = "https://seller.example/work.csv";
    scene.world.fetcher.insert(uri, "a,b");
    // SHA-256 of `a,b`.
    let sha256 = "cb0ded1e2f1a8d1d0e9a6a7ad4b4d6ba0a2d7cb5ba1d5ae1e5a0c6a3f6b1b7a5";
    let no = json!({ "uri": uri });
    scene.act(&scene.seller, &order, "deliver", no).await.expect_problem(422, "invalid");
    let wrong = json!({ "uri": uri, "sha256": sha256 });
    let announced = scene.act(&scene.seller, &order, "deliver", wrong).await.expect_success();
    assert_eq!(announced["phase"], "AWAITING_START");
    assert_eq!(announced["announced"]["content"], "announced");
    scene.world.work().await;
    let seen = scene.show(&scene.buyer, &order).await;
    assert!(seen.get("delivery").is_none(), "other bytes than those announced are no delivery");
    let inline = json!({ "inline": "a,b" });
    let other = scene.order().await;
    let delivered = scene.act(&scene.seller, &other, "deliver", inline).await.expect_success();
    let right = json!({ "uri": uri, "sha256": delivered["delivery"]["sha256"], "size": 3 });
    scene.act(&scene.seller, &order, "deliver", right).await.expect_success();
    scene.world.work().await;
    let seen = scene.show(&scene.buyer, &order).await;
    assert_eq!((&seen["phase"], &seen["delivery"]["uri"]), (&json!("DELIVERED"), &json!(uri)));
    let path = format!("/api/v1/orders/{order}/delivery");
    assert_eq!(scene.world.get(&path).by(&scene.buyer).send().await.text(), "a,b");
}

#[tokio::test]
async fn an_inline_delivery_has_bounds() {
    let scene = Scene::set().await;
    let order = scene.order().await;
    let over = json!({ "inline": "x".repeat(256 * 1024 + 1) });
    let reply = scene.act(&scene.seller, &order, "deliver", over).await;
    assert_eq!(reply.expect_problem(422, "invalid")["field"], "delivery.inline");
    let most = json!({ "inline": "x".repeat(256 * 1024) });
    scene.act(&scene.seller, &order, "deliver", most).await.expect_success();
}

#[tokio::test]
async fn lists_and_pages() {
    let scene = Scene::set().await;
    let mut placed = Vec::new();
    for _ in 0..3 {
        placed.push(scene.order().await);
        scene.world.clock.advance(marketplace_money::Seconds(1));
    }
    scene.act(&scene.buyer, &placed[0], "cancel", json!({})).await.expect_success();
    let list = async |who: &Agent, query: &str| {
        let reply = scene.world.get(&format!("/api/v1/orders?{query}")).by(who).send().await;
        let body = reply.expect_success();
        let ids: Vec<String> = body["results"]
            .as_array()
            .unwrap()
            .iter()
            .map(|order| order["order_id"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(body["count"], ids.len());
        (ids, body["next_cursor"].as_str().map(ToOwned::to_owned))
    };
    let newest_first = [placed[2].clone(), placed[1].clone(), placed[0].clone()];
    assert_eq!(list(&scene.buyer, "role=buyer").await.0, newest_first);
    assert_eq!(list(&scene.buyer, "").await.0, newest_first);
    assert_eq!(list(&scene.seller, "role=seller").await.0, newest_first);
    assert!(list(&scene.seller, "role=buyer").await.0.is_empty());
    assert_eq!(list(&scene.buyer, "status=REFUNDED").await.0, [placed[0].clone()]);
    let (first, cursor) = list(&scene.buyer, "limit=2").await;
    assert_eq!(first, newest_first[..2]);
    let (rest, end) = list(&scene.buyer, &format!("limit=2&cursor={}", cursor.unwrap())).await;
    assert_eq!((rest, end), (vec![placed[0].clone()], None));
    let newer = format!("newer_than={}", placed[1]);
    assert_eq!(list(&scene.buyer, &newer).await.0, [placed[2].clone()]);
    let operator = scene.world.operator().await;
    let all = scene.world.get("/api/v1/admin/orders?status=ESCROW_FUNDED").by(&operator);
    assert_eq!(all.send().await.expect_success()["count"], 2);
}

#[tokio::test]
async fn an_audit_is_for_operators() {
    let scene = Scene::set().await;
    scene.order().await;
    let operator = scene.world.operator().await;
    let reply = scene.world.get("/api/v1/admin/audit").by(&operator).send().await;
    let audit = reply.expect_success();
    assert_eq!((&audit["ok"], &audit["orders"]), (&json!(true), &json!(1)));
    assert_eq!(audit["reserves"]["held"], audit["reserves"]["booked"]);
}
