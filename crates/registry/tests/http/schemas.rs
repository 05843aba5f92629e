//! Requests and replies of our server keep to the published OpenAPI file (`published.json` is cut
//! out of it) where that has the route, and all to schemas of their own: some routes are newer.

use marketplace_money::Seconds;
use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::common::{NOW, Peer, REGISTRY, SECRET, key, peer};

fn fits(schema: &str, value: &Value) {
    let schema: Value = serde_json::from_str(schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let problems: Vec<String> = validator.iter_errors(value).map(|e| e.to_string()).collect();
    assert!(problems.is_empty(), "{}: {problems:?} in {value}", schema["title"]);
}

/// Whether a published route is the one of a path: `{}` stands for any part of it.
fn is_route(route: &str, path: &str) -> bool {
    let path = path.split('?').next().unwrap();
    let (route, path): (Vec<_>, Vec<_>) = (route.split('/').collect(), path.split('/').collect());
    route.len() == path.len()
        && route.iter().zip(path).all(|(want, is)| *want == is || *want == "{}" && !is.is_empty())
}

fn as_published(method: &Method, path: &str, sent: Option<&Value>, reply: &Value) {
    let published: Value = serde_json::from_str(include_str!("schemas/published.json")).unwrap();
    for (name, route) in published["routes"].as_object().unwrap() {
        let (verb, place) = name.split_once(' ').unwrap();
        if verb != method.as_str() || !is_route(place, path) {
            continue;
        }
        let check = |schema: Option<&Value>, value: &Value| {
            let schema = schema.map(|schema| {
                json!({
                    "title": name, "$defs": published["$defs"], "allOf": [schema],
                })
            });
            fits(&schema.unwrap_or(json!({})).to_string(), value);
        };
        check(route.get("reply"), reply);
        // A log-in is a form there; we read JSON too.
        if let Some(sent) = sent.filter(|_| route["request_type"] == "application/json") {
            check(route.get("request"), sent);
        }
    }
}

struct Caller {
    http: Client,
    peer: Peer,
    token: String,
}

impl Caller {
    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> (u16, Value) {
        let url = format!("http://{}{path}", self.peer.address);
        let sent = body;
        let mut request = self.http.request(method.clone(), url).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let body: Value = response.json().await.unwrap();
        if status >= 400 {
            fits(include_str!("schemas/error.json"), &body);
        } else {
            as_published(&method, path, sent, &body);
        }
        (status, body)
    }

    async fn log_in() -> Self {
        marketplace_registry::install_tls_provider();
        let mut caller = Self { http: Client::new(), peer: peer().await, token: String::new() };
        let account = json!({ "client_id": "client-1", "client_secret": SECRET });
        let (status, body) =
            caller.call(Method::POST, "/api/v1/auth/agent/token", Some(&account)).await;
        assert_eq!(status, 200);
        fits(include_str!("schemas/token.json"), &body);
        caller.token = body["access_token"].as_str().unwrap().to_owned();
        caller
    }
}

fn claim(did: &str) -> Value {
    use base64::Engine;
    let encode = |bytes: &[u8]| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
    let key = key(1, did);
    let claim = key.claim(Some("https://seller.example/a2a".to_owned()), 7, None);
    json!({
        "did": did, "public_key": encode(&key.public_key()), "serial": 7,
        "endpoint": "https://seller.example/a2a", "signature": encode(&claim.signature),
    })
}

#[tokio::test]
async fn agents() {
    let caller = Caller::log_in().await;
    for path in ["/api/v1/agents/me", "/api/v1/api/v1/agents/me"] {
        let (status, body) = caller.call(Method::GET, path, None).await;
        assert_eq!(status, 200);
        fits(include_str!("schemas/me.json"), &body);
    }
    let claim = claim("did:agentvault:seller");
    fits(include_str!("schemas/claim.json"), &claim);
    let place = "/api/v1/agents/did%3Aagentvault%3Aseller/public-key";
    assert_eq!(caller.call(Method::PUT, place, Some(&claim)).await.0, 200);
    let (status, body) = caller.call(Method::GET, place, None).await;
    assert_eq!(status, 200);
    fits(include_str!("schemas/public_key.json"), &body);
    let place = "/api/v1/agents/by-did/did%3Aagentvault%3Aseller";
    let (status, body) = caller.call(Method::GET, place, None).await;
    assert_eq!((status, &body["endpoint"]), (200, &json!("https://seller.example/a2a")));
    fits(include_str!("schemas/by_did.json"), &body);
}

#[tokio::test]
async fn cards() {
    let caller = Caller::log_in().await;
    let card = |name: &str| {
        json!({ "card_data": {
            "humanReadableId": name, "name": "Market", "description": "Trades", "tags": ["a", "b"],
        } })
    };
    let post =
        async |body: &Value| caller.call(Method::POST, "/api/v1/agent-cards/", Some(body)).await;
    let (status, body) = post(&card("org/market")).await;
    assert_eq!(status, 201);
    fits(include_str!("schemas/card.json"), &body);
    let id = body["id"].as_str().unwrap().to_owned();
    assert_eq!(post(&card("org/market")).await.0, 409, "the name is taken");
    assert_eq!(post(&card("org/other")).await.0, 201);
    for place in [format!("/api/v1/agent-cards/{id}"), "/api/v1/agent-cards/id/org%2Fmarket".into()]
    {
        let (status, body) = caller.call(Method::GET, &place, None).await;
        assert_eq!((status, body["id"].as_str()), (200, Some(id.as_str())));
        fits(include_str!("schemas/card.json"), &body);
    }
    let list = async |query: &str| {
        let path = format!("/api/v1/agent-cards/?{query}");
        let (status, body) = caller.call(Method::GET, &path, None).await;
        assert_eq!(status, 200, "{body}");
        fits(include_str!("schemas/cards.json"), &body);
        body["items"].as_array().unwrap().len()
    };
    assert_eq!(list("").await, 2);
    assert_eq!(list("limit=1&skip=1").await, 1);
    assert_eq!(list("tags=a&tags=b").await, 2);
    assert_eq!(list("tags=a&tags=c").await, 0);
    assert_eq!(list("search=TRADES").await, 2);
    assert_eq!(list("search=nothing").await, 0);
    let off = json!({ "is_active": false });
    let place = format!("/api/v1/agent-cards/{id}");
    assert_eq!(caller.call(Method::PUT, &place, Some(&off)).await.0, 200);
    assert_eq!((list("").await, list("active_only=false").await), (1, 2));
}

#[tokio::test]
async fn bad_input_has_the_envelope() {
    let caller = Caller::log_in().await;
    let check = async |method: Method, path: &str, body: Value, expect: u16| {
        let (status, reply) = caller.call(method.clone(), path, Some(&body)).await;
        assert_eq!(status, expect, "{method} {path} {body}: {reply}");
    };
    let key_of = "/api/v1/agents/did%3Aagentvault%3Aseller/public-key";
    check(Method::GET, "/api/v1/agents/nonsense/public-key", json!({}), 422).await;
    check(Method::GET, key_of, json!({}), 404).await;
    check(Method::GET, "/api/v1/agents/by-did/did%3Aa%3Ab", json!({}), 404).await;
    check(Method::GET, "/api/v1/nothing", json!({}), 404).await;
    check(Method::PUT, key_of, json!({}), 422).await;
    check(Method::PUT, key_of, claim("did:agentvault:another"), 422).await;
    let mut forged = claim("did:agentvault:seller");
    forged["serial"] = json!(8);
    check(Method::PUT, key_of, forged, 409).await;
    let mut short = claim("did:agentvault:seller");
    short["signature"] = json!("AA");
    check(Method::PUT, key_of, short, 422).await;
    check(Method::GET, "/api/v1/agent-cards/?limit=0", json!({}), 422).await;
    check(Method::GET, "/api/v1/agent-cards/?skip=x", json!({}), 422).await;
    check(Method::GET, "/api/v1/agent-cards/nothing", json!({}), 404).await;
    check(Method::POST, "/api/v1/agent-cards/", json!({ "card_data": {} }), 422).await;
    check(Method::POST, "/api/v1/agent-cards/", json!([]), 422).await;
    check(Method::POST, "/api/v1/auth/agent/token", json!({ "client_id": "x" }), 422).await;
    let stranger = Caller { token: "a.b.c".to_owned(), ..caller };
    let (status, _) = stranger.call(Method::GET, "/api/v1/agents/me", None).await;
    assert_eq!(status, 401);
    let (status, _) = stranger.call(Method::POST, "/api/v1/agent-cards/", Some(&json!({}))).await;
    assert_eq!(status, 401);
}

#[tokio::test]
async fn a_proof_logs_in_its_own_agent_only() {
    let caller = Caller::log_in().await;
    let agent = marketplace_registry::AgentKey::from_secret(&[5; 32]);
    let log_in = async |name: &str, proof: &str| {
        let body = json!({ "username": name, "password": proof });
        caller.call(Method::POST, "/api/v1/auth/agent/token", Some(&body)).await.0
    };
    let proof = agent.mint(REGISTRY, NOW, Seconds(60), "nonce-1234");
    assert_eq!(log_in(agent.did().as_str(), &proof).await, 200);
    assert_eq!(log_in("did:agentvault:other", &proof).await, 401);
    let old = agent.mint(REGISTRY, NOW.minus(Seconds(600)), Seconds(60), "nonce-1234");
    assert_eq!(log_in(agent.did().as_str(), &old).await, 401);
    let elsewhere = agent.mint("did:another:registry", NOW, Seconds(60), "nonce-1234");
    assert_eq!(log_in(agent.did().as_str(), &elsewhere).await, 401);
}
