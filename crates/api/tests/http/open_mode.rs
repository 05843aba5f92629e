//! `AUTH_MODE=open`: everybody is believed, but no web page can drive it.

use marketplace_api::AuthMode;
use marketplace_money::Amount;
use serde_json::json;

use crate::common::{Call, LISTEN, World};

async fn world() -> World {
    World::in_mode(AuthMode::Open).await
}

fn here(call: Call) -> Call {
    call.header("host", LISTEN)
}

#[tokio::test]
async fn from_is_believed() {
    let world = world().await;
    world.teg.issue(&"did:provider".parse().unwrap(), Amount::from_avt(1));
    world.teg.issue(&"did:buyer".parse().unwrap(), Amount::from_avt(10));
    let send = |message: serde_json::Value| here(world.post("/a2a/message")).json(&message).send();
    let service = json!({
        "type": "data-processing", "name": "CSV Analyzer", "description": "d", "price": "5.0",
    });
    let message = json!({ "type": "list_service", "from": "did:provider", "service": service });
    let listing = send(message).await.expect_success()["listing_id"].clone();
    let message = json!({
        "type": "purchase_request", "from": "did:buyer", "listing_id": listing,
        "acceptance_policy": "auto_on_delivery",
    });
    let order = send(message).await.expect_success()["order_id"].clone();
    let message = json!({ "type": "order_complete", "from": "did:provider", "order_id": order });
    assert_eq!(send(message).await.expect_success()["order_status"], "COMPLETED");
    let wallet = here(world.get("/api/v1/wallet")).bearer("did:provider").send().await;
    assert_eq!(wallet.expect_success()["available"], "5");
    let message = json!({ "type": "search_request", "from": "nobody" });
    send(message).await.expect_problem(422, "invalid_body");
    here(world.get("/api/v1/wallet")).send().await.expect_problem(401, "token_missing");
}

#[tokio::test]
async fn a_named_caller_still_speaks_for_itself_only() {
    let world = world().await;
    let message = json!({ "type": "search_request", "from": "did:other" });
    let call = here(world.post("/a2a/message")).bearer("did:buyer").json(&message);
    call.send().await.expect_problem(403, "forged_from");
}

#[tokio::test]
async fn no_web_page_can_drive_it() {
    let world = world().await;
    let message = json!({ "type": "search_request", "from": "did:buyer" }).to_string();
    for host in ["evil.example", "evil.example:8020", "localhost:8020", "127.0.0.1", ""] {
        let call = world.post("/a2a/message").header("host", host).text(&message);
        call.send().await.expect_problem(403, "wrong_host");
    }
    world.post("/a2a/message").text(&message).send().await.expect_problem(403, "wrong_host");
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"] {
        let call = here(world.post("/a2a/message")).header("content-type", kind);
        call.body(message.clone()).send().await.expect_problem(415, "unsupported_media_type");
    }
}

#[tokio::test]
async fn nothing_is_exchanged_for_a_bare_name() {
    let world = world().await;
    let call = here(world.post("/api/v1/auth/token")).bearer("did:buyer");
    call.send().await.expect_problem(401, "proof_required");
}
