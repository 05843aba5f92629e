//! Checks are tried on a sample as they run on a delivery, and nobody has us compute for ever.

use serde_json::{Value, json};

use crate::common::{Reply, World};

const PATH: &str = "/api/v1/acceptance/dry-run";

async fn ask(world: &World, body: Value) -> Reply {
    let seller = world.agent(1, 0).await;
    world.post(PATH).by(&seller).json(&body).send().await
}

#[tokio::test]
async fn a_seller_tries_its_checks() {
    let world = World::new().await;
    let checks = json!([
        { "kind": "size", "max_bytes": 100 },
        { "kind": "json_schema", "schema": { "type": "object", "required": ["rows"] } },
    ]);
    let check = async |sample: Value, expect: [bool; 2]| {
        let mut body = sample.clone();
        body["checks"] = checks.clone();
        let report = ask(&world, body).await.expect_success();
        let passed = report["results"].as_array().unwrap().iter().map(|r| &r["passed"]);
        assert_eq!(passed.collect::<Vec<_>>(), [&json!(expect[0]), &json!(expect[1])], "{sample}");
        assert_eq!(report["passed"], expect == [true, true]);
    };
    check(json!({ "inline": "{\"rows\":3}" }), [true, true]).await;
    check(json!({ "inline_base64": "eyJyb3dzIjozfQ==" }), [true, true]).await;
    check(json!({ "inline": "{}" }), [true, false]).await;
    check(json!({ "inline": " ".repeat(101) }), [false, false]).await;
}

#[tokio::test]
async fn what_cannot_be_tried_is_refused() {
    let world = World::new().await;
    let check = async |body: Value, field: &str| {
        let problem = ask(&world, body).await.expect_problem(422, "invalid");
        assert_eq!(problem["field"], field);
    };
    let size = json!([{ "kind": "size", "max_bytes": 100 }]);
    check(json!({ "checks": size }), "inline").await;
    check(json!({ "checks": size, "inline": "a", "inline_base64": "YQ==" }), "inline").await;
    check(json!({ "checks": size, "inline_base64": "?" }), "inline_base64").await;
    check(json!({ "checks": [{ "kind": "magic" }], "inline": "a" }), "checks").await;
    check(json!({ "checks": size, "inline": "a".repeat(256 * 1024 + 1) }), "inline").await;
}

#[tokio::test]
async fn a_crowd_is_told_to_come_back() {
    let world = World::new().await;
    let seller = world.agent(1, 0).await;
    let body = json!({ "checks": [{ "kind": "size", "max_bytes": 100 }], "inline": "a" });
    let calls = (0..40).map(|_| world.post(PATH).by(&seller).json(&body).send());
    let mut asked = tokio::task::JoinSet::new();
    calls.for_each(|call| drop(asked.spawn(call)));
    let mut busy = 0;
    for reply in asked.join_all().await {
        if reply.status.as_u16() == 429 {
            let problem = reply.expect_problem(429, "too_busy");
            assert_eq!(problem["retry_after"], 2);
            busy += 1;
        } else {
            reply.expect_success();
        }
    }
    assert!(busy < 40, "some get through");
}
