//! Listings over REST: put up, found, changed.

use axum::http::Method;
use serde_json::json;

use crate::common::World;

#[tokio::test]
async fn what_is_listed_is_found() {
    let world = World::new().await;
    let provider = world.agent(1, 10).await;
    world.teg.set_reputation(provider.did(), 42);
    let service = json!({
        "service_type": "analysis", "name": "Sentiment", "description": "Reads texts",
        "price": 2.50, "metadata": { "languages": ["de", "en"], "big": 12345678901234567890.5 },
        "terms": { "delivery_seconds": 3600, "revisions": 2, "pricing": "fixed",
            "checks": [{ "kind": "size", "max_bytes": 1000 }] },
    });
    let text = service.to_string();
    let call = world.post("/api/v1/services/list").by(&provider).text(&text);
    let listed = call.send().await.expect_success();
    let found = world.get("/api/v1/services/search?query=sentiment%20de&min_price=0").send().await;
    let found = found.expect_success();
    assert_eq!((&found["count"], &found["total"]), (&json!(1), &json!(1)));
    assert_eq!(found["results"][0], listed);
    assert_eq!(listed["price"], "2.5");
    assert_eq!(listed["provider_did"], provider.did().as_str());
    assert_eq!(listed["provider_reputation"].to_string(), "42");
    assert_eq!(listed["metadata"]["languages"], json!(["de", "en"]));
    assert_eq!(listed["terms"]["delivery_seconds"], 3600);
    assert_eq!(listed["terms"]["checks"][0]["kind"], "size");
    let path = format!("/api/v1/services/{}", listed["id"].as_str().unwrap());
    let mut shown = world.get(&path).send().await.expect_success();
    assert_eq!(shown.as_object_mut().unwrap().remove("price_now"), Some(json!("2.5")));
    assert_eq!(shown, listed);
}

#[tokio::test]
async fn ones_own_listings_are_there_in_every_status() {
    let world = World::new().await;
    let (provider, other) = (world.agent(1, 10).await, world.agent(2, 10).await);
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(world.listing(&provider).await);
    }
    world.listing(&other).await;
    for (id, verb) in [(&ids[0], "pause"), (&ids[1], "delist")] {
        let call = world.post(&format!("/api/v1/services/{id}/{verb}")).by(&provider);
        call.send().await.expect_success();
    }
    let mine = async |agent, query: &str| {
        let call = world.get(&format!("/api/v1/services/mine?{query}")).by(agent);
        call.send().await.expect_success()
    };
    let shown = |page: &serde_json::Value| {
        let results = page["results"].as_array().unwrap().iter();
        let line = |one: &serde_json::Value| (one["id"].clone(), one["status"].clone());
        results.map(line).collect::<Vec<_>>()
    };
    let expect = [(2, "active"), (1, "delisted"), (0, "paused")];
    let expect = expect.map(|(at, status)| (json!(ids[at]), json!(status)));
    let all = mine(&provider, "").await;
    assert_eq!((shown(&all), &all["next_cursor"]), (expect.to_vec(), &serde_json::Value::Null));
    let first = mine(&provider, "limit=2").await;
    assert_eq!(shown(&first), expect[..2]);
    let next = format!("cursor={}", first["next_cursor"].as_str().unwrap());
    assert_eq!(shown(&mine(&provider, &next).await), expect[2..]);
    assert_eq!(shown(&mine(&other, "").await).len(), 1);
    let call = world.get("/api/v1/services/mine?limit=0").by(&provider);
    call.send().await.expect_problem(400, "invalid_query");
}

#[tokio::test]
async fn filters_sorts_and_pages() {
    let world = World::new().await;
    let provider = world.agent(1, 10).await;
    for price in ["1", "2", "3"] {
        let service = json!({
            "service_type": "custom", "name": format!("Service {price}"), "description": "d",
            "price": price,
        });
        let call = world.post("/api/v1/services/list").by(&provider).json(&service);
        call.send().await.expect_success();
    }
    let prices = async |query: &str| {
        let reply = world.get(&format!("/api/v1/services/search?{query}")).send().await;
        let body = reply.expect_success();
        let results = body["results"].as_array().unwrap();
        let prices: Vec<String> =
            results.iter().map(|one| one["price"].as_str().unwrap().to_owned()).collect();
        (prices.join(" "), body["next_cursor"].as_str().map(ToOwned::to_owned))
    };
    assert_eq!(prices("sort=price_asc&min_price=0").await.0, "1 2 3");
    assert_eq!(prices("sort=price_desc&min_price=2").await.0, "3 2");
    assert_eq!(prices("max_price=0").await.0, "");
    assert_eq!(prices("sort=price_asc&min_price=&service_type=").await.0, "1 2 3");
    let (first, cursor) = prices("sort=price_asc&limit=2").await;
    let rest = format!("sort=price_asc&limit=2&cursor={}", cursor.unwrap());
    assert_eq!((first.as_str(), prices(&rest).await), ("1 2", ("3".to_owned(), None)));
    assert_eq!(prices(&format!("provider={}", provider.did())).await.0.len(), 5);
}

#[tokio::test]
async fn a_provider_changes_its_listing() {
    let world = World::new().await;
    let (provider, buyer) = (world.agent(1, 10).await, world.agent(2, 100).await);
    let id = world.listing(&provider).await;
    let path = format!("/api/v1/services/{id}");
    let change = |verb: &str| world.post(&format!("{path}/{verb}")).by(&provider).send();
    let show = || world.get(&path).send();

    let edit = json!({ "price": "6", "terms": { "revisions": 3 } });
    let call = world.call(Method::PATCH, &path).by(&provider).json(&edit);
    let edited = call.send().await.expect_success();
    assert_eq!((&edited["price"], &edited["version"]), (&json!("6"), &json!(2)));
    assert_eq!(edited["terms"]["revisions"], 3);
    assert_eq!(edited["terms"]["delivery_seconds"], 82_800, "what is not named stays");
    // After a rise a buyer must say what it expects.
    let purchase = json!({ "listing_id": id });
    let reply = world.post("/api/v1/orders/create").by(&buyer).json(&purchase).send().await;
    let problem = reply.expect_problem(409, "price_changed");
    assert_eq!(problem["total"], "6.15");
    let purchase = json!({ "listing_id": id, "expected_total": "6.15" });
    let call = world.post("/api/v1/orders/create").by(&buyer).json(&purchase);
    call.send().await.expect_success();

    assert_eq!(change("pause").await.expect_success()["status"], "paused");
    show().await.expect_problem(404, "listing_not_found");
    let own = world.get(&path).by(&provider).send().await.expect_success();
    assert_eq!(own["status"], "paused");
    change("pause").await.expect_problem(409, "wrong_status");
    let call = world.post("/api/v1/orders/create").by(&buyer).json(&purchase);
    call.send().await.expect_problem(404, "listing_not_found");
    assert_eq!(change("resume").await.expect_success()["status"], "active");
    show().await.expect_success();
    change("renew").await.expect_success();
    assert_eq!(change("delist").await.expect_success()["status"], "delisted");
    change("renew").await.expect_problem(409, "wrong_status");
    let found = world.get("/api/v1/services/search").send().await.expect_success();
    assert_eq!(found["total"], 0);
}

#[tokio::test]
async fn a_quote_holds_for_five_minutes() {
    let world = World::new().await;
    let (provider, buyer) = (world.agent(1, 10).await, world.agent(2, 100).await);
    let other = world.agent(3, 100).await;
    let id = world.listing(&provider).await;
    let quote = || async {
        let body = json!({ "listing_id": id });
        world.post("/api/v1/quotes").by(&buyer).json(&body).send().await.expect_success()
    };
    let buy = |agent, quote: &serde_json::Value| {
        let body = json!({ "listing_id": id, "quote": quote["quote"] });
        world.post("/api/v1/orders/create").by(agent).json(&body).send()
    };
    let promised = quote().await;
    assert_eq!(
        (&promised["price"], &promised["fee"], &promised["total"]),
        (&json!("5"), &json!("0.125"), &json!("5.125"))
    );
    buy(&other, &promised).await.expect_problem(403, "quote_not_yours");
    let order = buy(&buyer, &promised).await.expect_success();
    assert_eq!(order["total"], "5.125");
    let mut forged = promised.clone();
    forged["quote"] = json!(promised["quote"].as_str().unwrap().replace('A', "B"));
    let problem = buy(&buyer, &forged).await.expect_problem(422, "invalid");
    assert_eq!(problem["field"], "quote");
    world.clock.advance(marketplace_money::Seconds(300));
    buy(&buyer, &promised).await.expect_problem(409, "quote_expired");
    let body = json!({ "listing_id": "x" });
    let call = world.post("/api/v1/quotes").by(&buyer).json(&body);
    call.send().await.expect_problem(404, "listing_not_found");
}
