//! What surrounds every request: its name, its span in the log, its time, and the net under it.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use marketplace_wire::{Problem, codes};
use tracing::Instrument;

use crate::app::AuthMode;
use crate::failure::Failure;
use crate::limits::Meter;
use crate::metrics::Request as Answered;
use crate::orders::list::LONGEST_WAIT;
use crate::request_id::REQUEST_ID;
use crate::shell::Shell;

const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");
const LONGEST_PARENT: usize = 64;

/// Wraps every route.
pub(crate) async fn edge(State(shell): State<Shell>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = shell.request_ids.of(request.headers());
    let method = request.method().clone();
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let waits = request.uri().query().is_some_and(|query| query.contains("wait="));
    let span = tracing::info_span!(
        "request",
        id = id.to_str().unwrap_or_default(),
        %method,
        path = request.uri().path(),
        traceparent = trace_parent(&request),
        command = tracing::field::Empty,
    );
    let route = matched.as_ref().map(MatchedPath::as_str);
    let meter = Meter::default();
    let address = shell.app.limits.address(&request, route);
    let admitted = shell.app.limits.admit(address, &meter).await;
    let mut response = match (refuse_host(&shell, &request), admitted) {
        (Some(failure), _) => failure.into_response(),
        (None, Err(problem)) => Failure::from(problem).into_response(),
        (None, Ok(())) => meter.scope(answer(&shell, request, next)).instrument(span.clone()).await,
    };
    finish(&mut response, id);
    meter.tell(response.headers_mut());
    if let Some(by) = meter.refused() {
        shell.metrics.limited(by);
    }
    let took = started.elapsed();
    span.in_scope(|| log(response.status(), took));
    let route = route.unwrap_or("none");
    let answered = Answered { method: &method, route, waits };
    shell.metrics.answered(&answered, response.status(), took);
    response
}

/// By which a caller's own traces go on in ours.
fn trace_parent(request: &Request) -> Option<&str> {
    let value = request.headers().get(TRACE_PARENT)?.to_str().ok()?;
    (value.len() <= LONGEST_PARENT).then_some(value)
}

/// The handler's answer, or what we say instead when it panics or takes too long. What it had put
/// into the queue is done nevertheless: only the answer is lost.
async fn answer(shell: &Shell, request: Request, next: Next) -> Response {
    let limit = limit(shell, &request);
    let work = AssertUnwindSafe(next.run(request)).catch_unwind();
    match tokio::time::timeout(limit, work).await {
        Ok(Ok(response)) => response,
        Ok(Err(panic)) => {
            let reason = panic_text(panic.as_ref());
            tracing::error!(reason, "a handler panicked");
            Failure::from(Problem::internal()).into_response()
        }
        Err(_) => {
            let detail = "The answer did not come in time. A command may still be done: repeat it \
                          with the same Idempotency-Key, or look";
            Failure::from(Problem::new(&codes::TIMEOUT, detail).retry_after(1)).into_response()
        }
    }
}

fn limit(shell: &Shell, request: &Request) -> Duration {
    let limit = shell.app.settings.request_timeout;
    let polls = request.method() == Method::GET && request.uri().path() == "/api/v1/orders";
    if polls { limit + LONGEST_WAIT } else { limit }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no words")
}

/// In the open mode a page of the web must not reach us under a name of its own (DNS rebinding).
fn refuse_host(shell: &Shell, request: &Request) -> Option<Failure> {
    let settings = &shell.app.settings;
    if settings.auth_mode == AuthMode::Required {
        return None;
    }
    let expected = settings.listen.to_string();
    let host = request.headers().get(header::HOST).and_then(|value| value.to_str().ok());
    if host == Some(expected.as_str()) {
        return None;
    }
    let detail = format!("With AUTH_MODE=open the Host must be {expected}");
    Some(Failure::new(&codes::WRONG_HOST, detail))
}

const PAGE_HEADERS: [(HeaderName, &str); 3] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' \
         data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
];

fn finish(response: &mut Response, id: HeaderValue) {
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, id);
    // Strangers' words are in our JSON: no browser shall take it for a page.
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let kind = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    if kind.is_some_and(|kind| kind.starts_with(b"text/html")) {
        for (name, value) in PAGE_HEADERS {
            headers.entry(name).or_insert(HeaderValue::from_static(value));
        }
    }
}

fn log(status: StatusCode, took: Duration) {
    let (status_code, micros) = (status.as_u16(), took.as_micros());
    if status.is_server_error() {
        tracing::warn!(status = status_code, micros, "answered");
    } else if status.is_client_error() {
        tracing::info!(status = status_code, micros, "answered");
    } else {
        tracing::debug!(status = status_code, micros, "answered");
    }
}

/// There is nothing at this path.
pub(crate) async fn route_not_found() -> Failure {
    let detail = "There is nothing at this path; /api/docs lists what there is";
    Failure::new(&codes::ROUTE_NOT_FOUND, detail)
}

/// There is something at this path, but not for this method.
pub(crate) async fn method_not_allowed() -> Failure {
    let detail = "This path does not know the method; /api/docs lists what there is";
    Failure::new(&codes::METHOD_NOT_ALLOWED, detail)
}

/// Reads a body to its end before a binding sees it.
pub(crate) async fn whole_bodies(
    State(shell): State<Shell>,
    request: Request,
    next: Next,
) -> Response {
    let (parts, body) = request.into_parts();
    let within = shell.app.settings.request_timeout;
    match crate::body::read(&parts.headers, body, within).await {
        Ok(body) => next.run(Request::from_parts(parts, body.into())).await,
        Err(failure) => failure.into_response(),
    }
}
