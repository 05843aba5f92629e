//! Sizes and media types of bodies.

use axum::body::{Body, Bytes};
use axum::http::header;
use futures::stream;
use serde_json::json;

use crate::common::World;

const MIB: usize = 1024 * 1024;

/// A body that comes in pieces.
fn in_pieces(pieces: usize, of: usize) -> Body {
    let piece = Bytes::from(vec![b' '; of]);
    let pieces = (0..pieces).map(move |_| Ok::<_, std::io::Error>(piece.clone()));
    Body::from_stream(stream::iter(pieces))
}

#[tokio::test]
async fn too_large_is_413_and_the_connection_lives() {
    let world = World::new().await;
    let agent = world.agent(1, 0).await;
    for path in ["/a2a/message", "/api/v1/services/list", "/api/v1/wallet/transfer"] {
        let bodies =
            [Body::from(vec![b' '; 10 * MIB]), in_pieces(160, 64 * 1024), in_pieces(2, MIB)];
        for body in bodies {
            let call = world.post(path).by(&agent).header("content-type", "application/json");
            let reply = call.body(body).send().await;
            reply.expect_problem(413, "body_too_large");
            assert_eq!(reply.header("connection"), None);
        }
    }
}

#[tokio::test]
async fn far_too_large_is_not_read_to_its_end() {
    let world = World::new().await;
    let call = world.post("/a2a/message").header("content-type", "application/json");
    let reply = call.body(in_pieces(1_000, MIB)).send().await;
    reply.expect_problem(413, "body_too_large");
    assert_eq!(reply.header("connection"), Some("close"));
    let announced = world.post("/a2a/message").header("content-length", "99999999999");
    let reply = announced.send().await;
    reply.expect_problem(413, "body_too_large");
    assert_eq!(reply.header("connection"), Some("close"));
}

#[tokio::test]
async fn a_body_of_one_mebibyte_is_read() {
    let world = World::new().await;
    let agent = world.agent(1, 0).await;
    let mut text = json!({ "amount": "1" }).to_string();
    text.push_str(&" ".repeat(MIB - text.len()));
    for body in [Body::from(text.clone()), pieces_of(&text)] {
        let call = world.post("/api/v1/wallet/withdraw").by(&agent);
        let reply = call.header("content-type", "application/json").body(body).send().await;
        reply.expect_problem(402, "insufficient_balance");
    }
}

fn pieces_of(text: &str) -> Body {
    let pieces: Vec<_> = text.as_bytes().chunks(1_000).map(Bytes::copy_from_slice).collect();
    Body::from_stream(stream::iter(pieces.into_iter().map(Ok::<_, std::io::Error>)))
}

#[tokio::test]
async fn a_body_that_breaks_off_is_a_400() {
    let world = World::new().await;
    let pieces = [Ok(Bytes::from_static(b"{")), Err(std::io::Error::other("gone"))];
    let call = world.post("/a2a/message").header("content-type", "application/json");
    let reply = call.body(Body::from_stream(stream::iter(pieces))).send().await;
    reply.expect_problem(400, "body_broken");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_never_ends_is_a_408() {
    let world = World::in_memory().await;
    let body = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
    let call = world.post("/a2a/message").header("content-type", "application/json");
    let reply = call.body(body).send().await;
    reply.expect_problem(408, "body_timeout");
}

#[tokio::test]
async fn only_json_is_taken() {
    let world = World::new().await;
    let agent = world.agent(1, 0).await;
    let body = json!({ "amount": "1" }).to_string();
    let check = async |media_type: Option<&str>, expect: u16| {
        let mut call = world.post("/api/v1/wallet/withdraw").by(&agent).body(body.clone());
        if let Some(media_type) = media_type {
            call = call.header(header::CONTENT_TYPE.as_str(), media_type);
        }
        assert_eq!(call.send().await.status.as_u16(), expect, "{media_type:?}");
    };
    check(Some("application/json"), 402).await;
    check(Some("Application/JSON; charset=utf-8"), 402).await;
    for media_type in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""] {
        check(Some(media_type), 415).await;
    }
    check(None, 415).await;
}
