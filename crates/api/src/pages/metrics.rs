//! `GET /metrics`: figures of this process for Prometheus.

use std::sync::atomic::Ordering;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;

use crate::shell::Shell;

/// Show metrics
///
/// In the text format of Prometheus. Sums only: nothing about any agent.
#[utoipa::path(
    get, path = "/metrics", operation_id = "showMetrics", tag = "about", security(()),
    responses((status = 200, description = "The figures", body = String,
        content_type = "text/plain")),
)]
pub(crate) async fn metrics(State(shell): State<Shell>) -> impl IntoResponse {
    let ready = shell.app.ready.load(Ordering::Relaxed);
    let text = shell.metrics.render(shell.marketplace().listing_count(), ready);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
}
