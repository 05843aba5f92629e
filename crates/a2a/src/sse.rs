//! Streams of server-sent events.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream;
use marketplace_money::Timestamp;
use marketplace_wire::Guest;
use serde_json::Value;
use tokio::sync::mpsc;

use crate::error::A2aError;
use crate::follow::Follower;
use crate::service::A2a;
use crate::types::StreamResponse;

/// So that proxies do not keep the events to themselves.
const UNBUFFERED: HeaderName = HeaderName::from_static("x-accel-buffering");
/// Proxies cut connections on which nothing comes for a minute.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// A reader that takes nothing for so long is cut off; it goes on later where it was.
const SLOWEST: Duration = Duration::from_secs(30);
/// The end of a stream whose token does not say when it ends.
const LONGEST: Duration = Duration::from_secs(3_600);
const AHEAD: usize = 64;

/// Spells what a follower is told.
pub(crate) type Spell = Arc<dyn Fn(&StreamResponse) -> Vec<Spelled> + Send + Sync>;

/// An event as the client's dialect has it.
pub(crate) struct Spelled {
    /// The name of the event, where the dialect has names.
    pub(crate) event: Option<&'static str>,
    pub(crate) data: Value,
}

impl From<Value> for Spelled {
    fn from(data: Value) -> Self {
        Self { event: None, data }
    }
}

/// A stream that tells what a follower is told.
pub(crate) fn stream(
    a2a: Arc<A2a>,
    follower: Follower,
    guest: Option<&Guest>,
    spell: Spell,
    failed: Arc<dyn Fn(&A2aError) -> Value + Send + Sync>,
) -> Response {
    let (events, taken) = mpsc::channel(AHEAD);
    let left = guest.map_or(LONGEST, |guest| left(guest, (a2a.clock)()));
    tokio::spawn(pump(a2a, follower, events, left, spell, failed));
    respond(taken)
}

/// A stream of one event.
pub(crate) fn once(spelled: Vec<Spelled>) -> Response {
    let (events, taken) = mpsc::channel(spelled.len().max(1));
    for spelled in spelled {
        // There is room for all.
        let _ = events.try_send(shown(&spelled, None));
    }
    respond(taken)
}

fn respond(taken: mpsc::Receiver<Event>) -> Response {
    let next = |mut taken: mpsc::Receiver<Event>| async move {
        let event = taken.recv().await?;
        Some((Ok::<_, Infallible>(event), taken))
    };
    let mut response = Sse::new(stream::unfold(taken, next)).into_response();
    let headers = response.headers_mut();
    headers.insert(UNBUFFERED, HeaderValue::from_static("no"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// How long what the caller showed is good.
fn left(guest: &Guest, now: Timestamp) -> Duration {
    let Some(until) = guest.until else { return LONGEST };
    let micros = u64::try_from(until.micros().saturating_sub(now.micros())).unwrap_or(0);
    Duration::from_micros(micros).min(LONGEST)
}

fn shown(spelled: &Spelled, position: Option<u64>) -> Event {
    let mut event = Event::default().data(spelled.data.to_string());
    if let Some(name) = spelled.event {
        event = event.event(name);
    }
    match position {
        Some(position) => event.id(position.to_string()),
        None => event,
    }
}

async fn pump(
    a2a: Arc<A2a>,
    mut follower: Follower,
    events: mpsc::Sender<Event>,
    left: Duration,
    spell: Spell,
    failed: Arc<dyn Fn(&A2aError) -> Value + Send + Sync>,
) {
    let end = tokio::time::sleep(left);
    tokio::pin!(end);
    loop {
        let next = tokio::select! {
            biased;
            () = &mut end => return,
            () = events.closed() => return,
            next = tokio::time::timeout(KEEP_ALIVE, follower.next(&a2a)) => next,
        };
        let sent = match next {
            Err(_) => send(&events, Event::default().comment("still here")).await,
            Ok(Ok(Some(told))) => {
                let mut spelled = spell(&told.update);
                let last = spelled.pop();
                let mut sent = true;
                for earlier in spelled {
                    sent = sent && send(&events, shown(&earlier, None)).await;
                }
                match last {
                    Some(last) => sent && send(&events, shown(&last, told.position)).await,
                    None => sent,
                }
            }
            Ok(Ok(None)) => return,
            Ok(Err(error)) => {
                send(&events, shown(&failed(&error).into(), None)).await;
                return;
            }
        };
        if !sent {
            tracing::debug!("one who follows a task is too slow, or gone");
            return;
        }
    }
}

async fn send(events: &mpsc::Sender<Event>, event: Event) -> bool {
    matches!(tokio::time::timeout(SLOWEST, events.send(event)).await, Ok(Ok(())))
}
