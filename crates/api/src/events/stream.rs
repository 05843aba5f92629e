//! `GET /api/v1/events`: what the caller may know, as it happens.
//!
//! The position of an event is its id: who was cut off goes on after the last one it got, at any
//! server, and misses nothing.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::stream;
use marketplace_engine::{FeedReader, Scope};
use marketplace_ports::SealedEvent;
use marketplace_wire::{Caller, EventBody, EventParams, Problem, codes};
use tokio::sync::mpsc;

use super::teller::Teller;
use crate::failure::Failure;
use crate::identity::Viewer;
use crate::params::{Params, parsed};
use crate::shell::Shell;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// So that proxies do not keep the events to themselves.
const UNBUFFERED: HeaderName = HeaderName::from_static("x-accel-buffering");
/// Proxies cut connections on which nothing comes for a minute.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// A reader that takes nothing for so long is cut off; it goes on later where it was.
const SLOWEST: Duration = Duration::from_secs(30);
/// Events on their way to a reader.
const AHEAD: usize = 64;
/// The first words, so that the reader knows that it is heard, and when to come back.
const WELCOME: Bytes = Bytes::from_static(b"retry: 1000\n: welcome\n\n");
const STILL_HERE: Bytes = Bytes::from_static(b": still here\n\n");
const GO_ON: Bytes = Bytes::from_static(b"retry: 1000\n: go on with Last-Event-ID\n\n");
/// The end of a stream whose token does not say when it ends: then its rights are looked at anew.
const LONGEST: Duration = Duration::from_secs(3_600);

/// Follow events
///
/// A stream of server-sent events: those that the caller may see, all of them for operators, in
/// their order. Each has its position as `id`, its name as `event`, and an `EventBody` as `data`.
/// The stream ends with the caller's token, when the server stops, and when the reader is too slow:
/// connect again with `Last-Event-ID` (any `EventSource` does), or with `after`, at any server.
/// Nothing is missed and nothing comes twice.
#[utoipa::path(
    get, path = "/api/v1/events", operation_id = "followEvents", tag = "orders",
    params(EventParams),
    responses((status = 200, description = "A stream of events", body = EventBody,
        content_type = "text/event-stream")),
)]
pub(crate) async fn stream(
    State(shell): State<Shell>,
    Viewer(viewer): Viewer,
    Params(params): Params<EventParams>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let scope =
        if viewer.is_operator { Scope::Everything } else { Scope::Agent(viewer.did.clone()) };
    open(&shell, &viewer, scope, Teller::events(&shell), &params, &headers).await
}

/// Opens a stream of a scope, in the words of a teller.
pub(crate) async fn open(
    shell: &Shell,
    viewer: &Caller,
    scope: Scope,
    teller: Teller,
    params: &EventParams,
    headers: &HeaderMap,
) -> Result<Response, Failure> {
    let header = headers.get(LAST_EVENT_ID).map(|value| value.to_str().unwrap_or("?"));
    let last: Option<u64> = parsed("Last-Event-ID", header, "must be the id of an event")?;
    let after: Option<u64> = parsed("after", params.after.as_deref(), "must be a position")?;
    let reader = shell.marketplace().read_feed(&viewer.did, scope, last.or(after)).await?;
    let reader = reader.ok_or_else(|| {
        let detail = "Close a stream that you do not need, or come back later";
        Failure::from(Problem::new(&codes::TOO_MANY_STREAMS, detail).retry_after(5))
    })?;
    let now = (shell.app.clock)().micros();
    let left = expiry(headers).map_or(LONGEST, |expiry| {
        let micros = expiry.saturating_mul(1_000_000).saturating_sub(now);
        Duration::from_micros(u64::try_from(micros).unwrap_or(0))
    });
    let (events, taken) = mpsc::channel(AHEAD);
    tokio::spawn(pump(reader, teller, events, left.min(LONGEST)));
    let next = |mut taken: mpsc::Receiver<Bytes>| async move {
        let told = taken.recv().await?;
        Some((Ok::<_, Infallible>(told), taken))
    };
    let mut response = Response::new(Body::from_stream(stream::unfold(taken, next)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(UNBUFFERED, HeaderValue::from_static("no"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// When the caller's token ends, in seconds. It was verified before; what is no JWT does not say.
fn expiry(headers: &HeaderMap) -> Option<i64> {
    let token = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: serde_json::Value = serde_json::from_slice(&claims).ok()?;
    claims.get("exp")?.as_i64()
}

/// Carries events to one reader until its time is over or it takes no more.
async fn pump(mut reader: FeedReader, teller: Teller, events: mpsc::Sender<Bytes>, left: Duration) {
    let end = tokio::time::sleep(left);
    tokio::pin!(end);
    if !send(&events, WELCOME).await {
        return;
    }
    loop {
        let next = tokio::select! {
            biased;
            () = &mut end => break,
            () = events.closed() => return,
            next = tokio::time::timeout(KEEP_ALIVE, reader.next()) => next,
        };
        let sent = match next {
            Err(_) => send(&events, STILL_HERE).await,
            Ok(Ok(Some(page))) => send_all(&events, &teller, &page).await,
            Ok(Ok(None)) => break,
            Ok(Err(error)) => {
                tracing::warn!(%error, "a stream of events ends: the store does not answer");
                break;
            }
        };
        if !sent {
            tracing::debug!("a reader of events is too slow, or gone");
            return;
        }
    }
    send(&events, GO_ON).await;
}

async fn send_all(
    events: &mpsc::Sender<Bytes>,
    teller: &Teller,
    page: &[Arc<SealedEvent>],
) -> bool {
    for told in teller.tell(page) {
        if !send(events, told).await {
            return false;
        }
    }
    if let Some(rest) = teller.rest() {
        tokio::time::sleep(rest).await;
    }
    true
}

async fn send(events: &mpsc::Sender<Bytes>, told: Bytes) -> bool {
    matches!(tokio::time::timeout(SLOWEST, events.send(told)).await, Ok(Ok(())))
}
