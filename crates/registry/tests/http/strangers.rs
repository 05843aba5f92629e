//! The client against registries of other generations, and against such as misbehave.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::response::Response;
use marketplace_ports::{AgentTokens, Registry, RegistryError};
use serde_json::json;

use crate::common::{client, did, forgetful, reply, scripted};

const JWK: &str =
    r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

fn seller() -> marketplace_money::Did {
    did("did:cos:1-2")
}

#[tokio::test]
async fn names_are_percent_encoded_and_answers_remembered() {
    let (address, log) = scripted(async |_| reply(200, JWK)).await;
    let client = client(address);
    for _ in 0..3 {
        assert!(client.public_key(&seller()).await.unwrap().is_some());
    }
    let paths: Vec<String> = log.all().into_iter().map(|arrived| arrived.path).collect();
    assert_eq!(paths, ["/api/v1/agents/did%3Acos%3A1-2/public-key"]);
}

#[tokio::test]
async fn nothing_is_remembered_too() {
    let answer = r#"{"error":{"detail":"no agent","type":"not_found","code":"NOT_FOUND"}}"#;
    let (address, log) = scripted(move |_| async move { reply(404, answer) }).await;
    let client = client(address);
    for _ in 0..3 {
        assert_eq!(client.public_key(&seller()).await, Ok(None));
        assert_eq!(client.endpoint(&seller()).await, Ok(None));
    }
    assert_eq!(log.count("public-key"), 1);
    assert_eq!(log.count("by-did"), 1);
    assert_eq!(client.knows_endpoint(&seller()), Some(false));
}

#[tokio::test]
async fn requests_for_one_name_are_one_request() {
    let (address, log) = scripted(async |_| {
        tokio::time::sleep(Duration::from_millis(50)).await;
        reply(200, JWK)
    })
    .await;
    let client = Arc::new(client(address));
    let ask = |_| {
        let client = client.clone();
        async move { client.public_key(&seller()).await }
    };
    let found = futures_all((0..20).map(ask)).await;
    assert!(found.iter().all(|key| matches!(key, Ok(Some(_)))));
    assert_eq!(log.all().len(), 1);
}

async fn futures_all<F: Future<Output = T> + Send + 'static, T: Send + 'static>(
    all: impl Iterator<Item = F>,
) -> Vec<T> {
    let tasks: Vec<_> = all.map(tokio::spawn).collect();
    let mut done = Vec::new();
    for task in tasks {
        done.push(task.await.unwrap());
    }
    done
}

#[tokio::test]
async fn the_last_good_answer_is_served_while_it_is_down() {
    let status = Arc::new(AtomicU16::new(200));
    let now = status.clone();
    let (address, _) = scripted(move |_| {
        let status = now.load(Ordering::SeqCst);
        async move { reply(status, if status == 200 { JWK } else { "{}" }) }
    })
    .await;
    let client = forgetful(address);
    let known = client.public_key(&seller()).await.unwrap();
    assert!(known.is_some());
    for down in [500, 503, 429] {
        status.store(down, Ordering::SeqCst);
        assert_eq!(client.public_key(&seller()).await, Ok(known), "{down}");
        let other = client.public_key(&did("did:cos:other")).await;
        assert!(matches!(other, Err(RegistryError::Unavailable(_))), "{down} {other:?}");
    }
}

#[tokio::test]
async fn what_may_pass_is_tried_again() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let (address, _) = scripted(move |_| {
        let call = counted.fetch_add(1, Ordering::SeqCst);
        async move { if call < 2 { reply(503, "") } else { reply(200, JWK) } }
    })
    .await;
    assert!(client(address).public_key(&seller()).await.unwrap().is_some());
    assert_eq!(calls.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_registry_that_is_down_holds_nobody_up() {
    let (address, log) = scripted(async |_| {
        tokio::time::sleep(Duration::from_secs(60)).await;
        reply(200, JWK)
    })
    .await;
    let client = client(address);
    assert!(client.public_key(&seller()).await.is_err());
    let (asked, began) = (log.all().len(), Instant::now());
    for number in 0..20 {
        assert!(client.public_key(&did(&format!("did:cos:{number}"))).await.is_err());
    }
    assert!(began.elapsed() < Duration::from_millis(300), "{:?}", began.elapsed());
    assert_eq!(log.all().len(), asked, "it rests before it is asked again");
}

#[tokio::test]
async fn replies_that_are_none() {
    let book = format!("{{\"x\":\"{}\"}}", "y".repeat(2 * 1024 * 1024));
    let check = async |body: String, expect: Result<Option<[u8; 32]>, ()>| {
        let shown: String = body.chars().take(40).collect();
        let (address, _) = scripted(move |_| {
            let body = body.clone();
            async move { reply(200, body) }
        })
        .await;
        let found = client(address).public_key(&seller()).await.map_err(|_| ());
        assert_eq!(found, expect, "{shown}");
    };
    check(book, Err(())).await;
    for body in ["", "[]", "<html>", r#"{"kty":"EC"}"#, "\u{0}"] {
        check(body.to_owned(), Ok(None)).await;
    }
    // A key with which anything would verify.
    let zero = json!({ "kty": "OKP", "crv": "Ed25519", "x": "A".repeat(43) }).to_string();
    check(zero, Ok(None)).await;
}

#[tokio::test]
async fn our_credentials_go_nowhere_else() {
    let (thief, stolen) = scripted(async |_| reply(200, JWK)).await;
    let to = format!("http://{thief}/api/v1/auth/agent/token");
    let (address, _) = scripted(move |_| {
        let to = to.clone();
        async move {
            let response = Response::builder().status(307).header("location", to);
            response.body(axum::body::Body::empty()).unwrap()
        }
    })
    .await;
    assert!(client(address).token().await.is_err());
    assert!(stolen.all().is_empty());
}

#[tokio::test]
async fn older_registries_mount_me_twice_and_newer_ones_want_json() {
    let (address, log) = scripted(async |arrived| {
        let path = arrived.path.as_str();
        let kind = arrived.headers.get("content-type");
        let is_form = kind.is_some_and(|kind| kind == "application/x-www-form-urlencoded");
        match path {
            "/api/v1/agents/me" => reply(404, r#"{"detail":"Not Found"}"#),
            "/api/v1/api/v1/agents/me" => reply(200, r#"{"did":"did:cos:1-2","status":"active"}"#),
            _ if is_form => reply(422, r#"{"detail":[{"msg":"field required"}]}"#),
            _ => reply(200, r#"{"access_token":"a.b.c","token_type":"bearer"}"#),
        }
    })
    .await;
    let client = client(address);
    assert_eq!(client.token().await.as_deref(), Ok("a.b.c"));
    let (form, json) = (&log.all()[0], &log.all()[1]);
    assert_eq!(form.body, "grant_type=password&username=client-1&password=a%20secret%20%26%20more");
    let json: serde_json::Value = serde_json::from_slice(&json.body).unwrap();
    assert_eq!(json["client_secret"], "a secret & more");
    assert_eq!(client.verify_token("x.y.z").await, Ok(Some(seller())));
    assert_eq!(log.all().last().unwrap().headers["authorization"], "Bearer x.y.z");
}

#[tokio::test]
async fn tokens_are_remembered_for_a_moment_good_or_bad() {
    let (address, log) = scripted(async |arrived| {
        if arrived.headers["authorization"] == "Bearer good" {
            reply(200, r#"{"did":"did:cos:1-2","status":"active"}"#)
        } else if arrived.headers["authorization"] == "Bearer frozen" {
            reply(200, r#"{"did":"did:cos:1-2","status":"suspended"}"#)
        } else {
            reply(401, r#"{"detail":"Could not validate credentials"}"#)
        }
    })
    .await;
    let client = client(address);
    for _ in 0..3 {
        assert_eq!(client.verify_token("good").await, Ok(Some(seller())));
        assert_eq!(client.verify_token("frozen").await, Ok(None));
        assert_eq!(client.verify_token("bad").await, Ok(None));
    }
    assert_eq!(log.all().len(), 3);
}

#[tokio::test]
async fn endpoints_come_from_cards_where_there_are_no_profiles() {
    let card = |url: &str, did: &str| {
        json!({ "is_active": true, "card_data": { "url": url, "tags": [did] } }).to_string()
    };
    let (one, two) = (card("https://one.example", "did:cos:1-2"), card("https://two.example", "x"));
    let both = Arc::new(AtomicU16::new(0));
    let impostor = both.clone();
    let (address, _) = scripted(move |arrived| {
        let (one, two) = (one.clone(), two.clone());
        let claimed = impostor.load(Ordering::SeqCst) == 1;
        async move {
            let path = arrived.path.as_str();
            if path.starts_with("/api/v1/agent-cards/?") {
                assert!(path.contains("tags=did%3Acos%3A1-2"), "{path}");
                reply(200, r#"{"items":[{"id":"1"},{"id":"2"}],"pagination":{}}"#)
            } else if path.ends_with("/1") {
                reply(200, one)
            } else if path.ends_with("/2") {
                // The second card is listed, and claims the name only sometimes.
                reply(200, if claimed { one } else { two })
            } else {
                reply(404, r#"{"detail":"Not Found"}"#)
            }
        }
    })
    .await;
    let client = forgetful(address);
    let endpoint = client.endpoint(&seller()).await;
    assert_eq!(endpoint, Ok(Some("https://one.example".to_owned())));
    both.store(1, Ordering::SeqCst);
    assert_eq!(client.endpoint(&seller()).await, Ok(None), "two claim the name");
}
