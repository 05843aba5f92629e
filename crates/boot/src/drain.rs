//! Stopping gently: what runs finishes, what only waits is sent away.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio_util::sync::CancellationToken;

/// How long a reader may go on once the server stops: a search is done by then, a long poll has
/// nothing to lose.
const READERS_GRACE: Duration = Duration::from_millis(500);

/// The way from serving to stopped.
#[derive(Clone, Debug)]
pub(crate) struct Drain {
    /// What `/readyz` says.
    pub(crate) ready: Arc<AtomicBool>,
    /// Stops what waits for nothing in particular.
    pub(crate) stop: CancellationToken,
}

impl Drain {
    pub(crate) fn new() -> Self {
        Self { ready: Arc::new(AtomicBool::new(false)), stop: CancellationToken::new() }
    }

    /// From now on: not ready, no new connections, long polls end, the worker stops.
    pub(crate) fn begin(&self) {
        self.ready.store(false, Ordering::SeqCst);
        self.stop.cancel();
    }
}

/// Sends readers away that still wait when the server stops: commands are never cut off, their
/// answers would be lost.
pub(crate) async fn release_readers(
    State(drain): State<Drain>,
    request: Request,
    next: Next,
) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let response = next.run(request);
    if !reads {
        return response.await;
    }
    tokio::pin!(response);
    tokio::select! {
        biased;
        response = &mut response => response,
        () = drain.stop.cancelled() => {
            match tokio::time::timeout(READERS_GRACE, response).await {
                Ok(response) => response,
                Err(_) => stopping(),
            }
        }
    }
}

fn stopping() -> Response {
    let problem = serde_json::json!({
        "type": "about:blank",
        "title": "Service Unavailable",
        "status": 503,
        "code": "stopping",
        "detail": "the server is stopping, ask again",
        "retry_after": 1,
    });
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json")),
        (header::RETRY_AFTER, HeaderValue::from_static("1")),
    ];
    (StatusCode::SERVICE_UNAVAILABLE, headers, problem.to_string()).into_response()
}
