//! The table of contents.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::{get, post};

use crate::http::answer;
use crate::jsonrpc;
use crate::rest::{self, Asked};
use crate::service::A2a;

/// All routes of both bindings, and the cards.
pub fn router(a2a: Arc<A2a>) -> Router {
    Router::new()
        .route("/a2a", post(jsonrpc::receive))
        .route("/a2a/", post(jsonrpc::receive))
        .route("/message:send", post(|s, p, b| rest::plain(Asked::Send, s, p, b)))
        .route("/message:stream", post(|s, p, b| rest::plain(Asked::Stream, s, p, b)))
        .route("/tasks", get(|s, p, b| rest::plain(Asked::List, s, p, b)))
        .route("/tasks/{id}", get(rest::task).post(rest::task))
        .route("/tasks/{id}/pushNotificationConfigs", get(rest::pushes).post(rest::pushes))
        .route("/tasks/{id}/pushNotificationConfigs/{config}", get(rest::push).delete(rest::push))
        .route("/extendedAgentCard", get(|s, p, b| rest::plain(Asked::Card, s, p, b)))
        .route("/.well-known/agent-card.json", get(card))
        .route("/.well-known/agent.json", get(old_card))
        .route("/v0.3/.well-known/agent-card.json", get(old_card))
        .with_state(a2a)
}

async fn card(State(a2a): State<Arc<A2a>>, headers: HeaderMap) -> Response {
    shown(&a2a, &headers, a2a.cards.public())
}

async fn old_card(State(a2a): State<Arc<A2a>>, headers: HeaderMap) -> Response {
    shown(&a2a, &headers, a2a.cards.old())
}

/// A card, unless the client has it already.
fn shown(a2a: &A2a, asked: &HeaderMap, body: String) -> Response {
    let tag = crate::card::tag(&body);
    let known = asked.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let is_known = known.is_some_and(|known| known.split(',').any(|one| one.trim() == tag));
    let mut response = answer(200, "application/json", body);
    let headers = response.headers_mut();
    let cached = HeaderValue::from_static("public, max-age=300");
    headers.insert(header::CACHE_CONTROL, cached);
    for (name, text) in [(header::ETAG, tag), (header::LAST_MODIFIED, a2a.cards.since())] {
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.insert(name, value);
        }
    }
    if is_known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        *response.body_mut() = axum::body::Body::empty();
    }
    response
}
