//! `GET /metrics`: figures for Prometheus.

use std::sync::atomic::Ordering;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;

use crate::metrics::CONTENT_TYPE;
use crate::shell::Shell;

/// Show metrics
///
/// In the text format of OpenMetrics. Sums only: nothing about any agent.
#[utoipa::path(
    get, path = "/metrics", operation_id = "showMetrics", tag = "about", security(()),
    responses((status = 200, description = "The figures", body = String,
        content_type = "application/openmetrics-text")),
)]
pub(crate) async fn metrics(State(shell): State<Shell>) -> impl IntoResponse {
    let ready = shell.app.ready.load(Ordering::Relaxed);
    let limiter = shell.app.limits.limiter.as_deref();
    let text = shell.metrics.render(shell.marketplace(), limiter, ready).await;
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], text)
}
