//! The documents that clients read are what they were, and what the standards want.

use std::collections::BTreeSet;

use marketplace_api::openapi;
use marketplace_wire::CODES;
use serde_json::Value;

use crate::common::World;

/// Sorted and indented.
fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap()
}

#[test]
fn openapi_document() {
    let sorted = serde_json::to_value(openapi()).unwrap();
    insta::assert_snapshot!("openapi", pretty(&sorted));
}

#[test]
fn openapi_is_version_3_1_and_names_each_operation_once() {
    let document = serde_json::to_value(openapi()).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."));
    let mut names = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let name = operation["operationId"].as_str().unwrap();
            assert!(names.insert(name.to_owned()), "{method} {path}: {name} is there twice");
            assert!(operation["summary"].is_string(), "{method} {path} has no summary");
            assert_eq!(operation["tags"].as_array().unwrap().len(), 1, "{method} {path}");
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    fn collect<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
        match value {
            Value::Object(map) => {
                if let Some(Value::String(target)) = map.get("$ref") {
                    found.insert(target);
                }
                map.values().for_each(|value| collect(value, found));
            }
            Value::Array(values) => values.iter().for_each(|value| collect(value, found)),
            _ => {}
        }
    }
    let document = serde_json::to_value(openapi()).unwrap();
    let mut targets = BTreeSet::new();
    collect(&document, &mut targets);
    assert!(!targets.is_empty());
    for target in targets {
        let pointer = target.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{target} leads nowhere");
    }
}

#[tokio::test]
async fn the_document_is_served_with_a_readable_page() {
    let world = World::new().await;
    let served = world.get("/api/openapi.json").send().await.expect_success();
    assert_eq!(served, serde_json::to_value(openapi()).unwrap());
    let page = world.get("/api/docs/").send().await;
    assert_eq!(page.status.as_u16(), 200);
    assert!(page.text().contains("swagger-ui"));
    assert!(page.header("content-security-policy").is_some());
}

#[tokio::test]
async fn problem_document() {
    let world = World::new().await;
    let buyer = world.agent(1, 0).await;
    let provider = world.agent(2, 1).await;
    let listing = world.listing(&provider).await;
    let body = serde_json::json!({ "listing_id": listing });
    let reply = world.post("/api/v1/orders/create").by(&buyer).json(&body).send().await;
    insta::assert_snapshot!("problem_insufficient_balance", pretty(&reply.json()));
    let reply = world.post("/api/v1/orders/create").json(&body).send().await;
    insta::assert_snapshot!("problem_token_missing", pretty(&reply.json()));
}

#[test]
fn codes_are_what_they_were() {
    let lines: Vec<String> =
        CODES.iter().map(|code| format!("{} {}", code.status, code.name)).collect();
    insta::assert_snapshot!("codes", lines.join("\n"));
}

#[tokio::test]
async fn every_code_is_explained() {
    let page = World::new().await.get("/api/problems").send().await.text();
    for code in CODES {
        assert!(page.contains(&format!("id=\"{}\"", code.name)), "{}", code.name);
    }
}
