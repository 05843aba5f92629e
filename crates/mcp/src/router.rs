//! `/mcp`: who calls is found out first, for tools and resources alike.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use marketplace_wire::{Doorkeeper, Knock, Problem};
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};

use crate::host::Mcp;

/// Bodies come whole and bounded; this bound is never met.
const LARGEST: usize = 2 * 1024 * 1024;

/// The route of the protocol.
pub fn router(mcp: Mcp, door: Arc<dyn Doorkeeper>) -> Router {
    // Our host names are the deployment's affair, and the open mode checks them for all routes.
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .disable_allowed_hosts();
    let sessions = Arc::new(NeverSessionManager::default());
    let service = StreamableHttpService::new(move || Ok(mcp.clone()), sessions, config);
    Router::new()
        .route_service("/mcp", service)
        .layer(middleware::from_fn_with_state(door, identify))
}

async fn identify(
    State(door): State<Arc<dyn Doorkeeper>>,
    request: Request,
    next: Next,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LARGEST).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let who = door.who(&Knock::of(&parts, &body)).await;
    match who {
        Ok(Some(guest)) => drop(parts.extensions.insert(Arc::new(guest))),
        Ok(None) => {}
        Err(problem) => return challenge(&problem),
    }
    next.run(Request::from_parts(parts, Body::from(body))).await
}

fn challenge(problem: &Problem) -> Response {
    let status = StatusCode::from_u16(problem.status());
    let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = serde_json::to_string(problem).unwrap_or_default();
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(Problem::MEDIA_TYPE));
    if status == StatusCode::UNAUTHORIZED {
        let text = "Bearer realm=\"marketplace\", error=\"invalid_token\"";
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(text));
    }
    response
}
