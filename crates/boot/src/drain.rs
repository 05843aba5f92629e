//! Stopping gently: what runs finishes, what only waits is sent away.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use marketplace_wire::{Problem, codes};
use tokio_util::sync::CancellationToken;

/// How long a reader may go on once the server stops: a search is done by then, a long poll has
/// nothing to lose.
const READERS_GRACE: Duration = Duration::from_millis(500);
/// A replacement is up by then, or a restart done.
const RETRY_AFTER_SECONDS: u32 = 1;

/// The way from serving to stopped.
#[derive(Clone, Debug)]
pub(crate) struct Drain {
    /// What `/readyz` says.
    pub(crate) ready: Arc<AtomicBool>,
    /// Whether the books are open: until then nothing but the state of the server is shown.
    pub(crate) opened: Arc<AtomicBool>,
    /// Stops what waits for nothing in particular.
    pub(crate) stop: CancellationToken,
}

impl Drain {
    pub(crate) fn new() -> Self {
        let no = || Arc::new(AtomicBool::new(false));
        Self { ready: no(), opened: no(), stop: CancellationToken::new() }
    }

    /// The books are open: from now on ready, unless it stops already.
    pub(crate) fn open(&self) {
        self.opened.store(true, Ordering::SeqCst);
        self.ready.store(!self.stop.is_cancelled(), Ordering::SeqCst);
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
    not_ready("The server is stopping: ask again", RETRY_AFTER_SECONDS)
}

/// 503, and when to ask again.
pub(crate) fn not_ready(detail: &'static str, retry_after: u32) -> Response {
    let problem = Problem::new(&codes::NOT_READY, detail).retry_after(retry_after);
    // Plain fields: that it cannot be written does not happen, and the status says enough.
    let body = serde_json::to_string(&problem).unwrap_or_default();
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(Problem::MEDIA_TYPE)),
        (header::RETRY_AFTER, HeaderValue::from(retry_after)),
    ];
    (StatusCode::SERVICE_UNAVAILABLE, headers, body).into_response()
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::middleware::from_fn_with_state;
    use axum::routing::get;
    use tower::ServiceExt;

    use super::*;

    /// A route that answers after `seconds`, behind the layer.
    fn app(drain: &Drain, seconds: u64) -> Router {
        let slow = move || async move {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            "done"
        };
        let layer = from_fn_with_state(drain.clone(), release_readers);
        Router::new().route("/", get(slow).post(slow)).layer(layer)
    }

    /// What a request gets that has begun a second before the server stops.
    async fn answer(method: Method, seconds: u64) -> StatusCode {
        let drain = Drain::new();
        let request = Request::builder().method(method).uri("/").body(Body::empty()).unwrap();
        let running = tokio::spawn(app(&drain, seconds).oneshot(request));
        tokio::time::sleep(Duration::from_secs(1)).await;
        drain.begin();
        running.await.unwrap().unwrap().status()
    }

    #[tokio::test(start_paused = true)]
    async fn only_who_waits_for_nothing_is_sent_away() {
        let (ok, away) = (StatusCode::OK, StatusCode::SERVICE_UNAVAILABLE);
        let cases = [
            (Method::GET, 30, away),
            (Method::GET, 0, ok),
            (Method::POST, 30, ok),
            (Method::POST, 0, ok),
        ];
        for (method, seconds, expect) in cases {
            assert_eq!(answer(method.clone(), seconds).await, expect, "{method} {seconds}");
        }
    }
}
