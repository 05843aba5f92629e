//! `GET /health`: as the services of the original stack answer it.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::answer::json;
use crate::shell::Shell;

/// Whether the service is up
///
/// As the services of the original stack answer it. For probes use `/healthz` and `/readyz`.
#[utoipa::path(
    get, path = "/health", operation_id = "showStackHealth", tag = "about", security(()),
    responses((status = 200, description = "It is up", body = Object)),
)]
pub(crate) async fn health(State(shell): State<Shell>) -> Response {
    let did = shell.did();
    let body = format!(r#"{{"status":"healthy","service":"marketplace","did":"{did}"}}"#);
    json(StatusCode::OK, body)
}
