//! The HTTP+JSON binding.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use axum::response::Response;
use marketplace_wire::holds_escaped_nul;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::dialect::{Dialect, Version, version};
use crate::error::{A2aError, METHOD_NOT_FOUND, PARSE_ERROR, VERSION_NOT_SUPPORTED};
use crate::http::{Heard, answer, challenge, echo_extensions, hear, media_type, pairs};
use crate::jsonrpc::{last_event, sent, shown};
use crate::service::{A2a, Call};
use crate::sse::{self, Spelled};
use crate::types::{
    ListRequest, PushConfig, PushRequest, SendRequest, StreamResponse, TaskRequest,
};

const JSON: &str = "application/json";
const A2A_JSON: &str = "application/a2a+json";
/// The binding's status for a body that it does not read.
const UNSUPPORTED_MEDIA_TYPE: u16 = 415;

/// The media type that the client used or wants.
fn spoken(headers: &HeaderMap) -> &'static str {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let accepts = accept.unwrap_or_default();
    let body = media_type(headers);
    if body == A2A_JSON || (body.is_empty() && accepts.contains(A2A_JSON)) {
        A2A_JSON
    } else {
        JSON
    }
}

/// What is asked for, by its path.
#[derive(Clone, Debug)]
pub(crate) enum Asked {
    Send,
    Stream,
    List,
    Task(String),
    Pushes(String),
    Push(String, String),
    Card,
}

/// Routes whose path has no name in it.
pub(crate) async fn plain(
    asked: Asked,
    State(a2a): State<Arc<A2a>>,
    parts: Parts,
    body: Bytes,
) -> Response {
    respond(a2a, parts, body, asked).await
}

/// `/tasks/{id}` and its verbs behind a colon.
pub(crate) async fn task(
    Path(id): Path<String>,
    State(a2a): State<Arc<A2a>>,
    parts: Parts,
    body: Bytes,
) -> Response {
    respond(a2a, parts, body, Asked::Task(id)).await
}

/// `/tasks/{id}/pushNotificationConfigs`.
pub(crate) async fn pushes(
    Path(id): Path<String>,
    State(a2a): State<Arc<A2a>>,
    parts: Parts,
    body: Bytes,
) -> Response {
    respond(a2a, parts, body, Asked::Pushes(id)).await
}

/// `/tasks/{id}/pushNotificationConfigs/{config}`.
pub(crate) async fn push(
    Path((id, config)): Path<(String, String)>,
    State(a2a): State<Arc<A2a>>,
    parts: Parts,
    body: Bytes,
) -> Response {
    respond(a2a, parts, body, Asked::Push(id, config)).await
}

async fn respond(a2a: Arc<A2a>, parts: Parts, body: Bytes, asked: Asked) -> Response {
    let spoken = spoken(&parts.headers);
    let mut response = match handle(&a2a, &parts, &body, asked, spoken).await {
        Ok(response) => response,
        Err(A2aError::Unauthenticated(problem)) => challenge(&problem),
        Err(error) => {
            let (mut status, body) = error.rest();
            let kind = match &error {
                A2aError::Protocol { kind, .. } => Some(*kind),
                A2aError::Unauthenticated(_) => None,
            };
            if kind == Some(crate::error::CONTENT_TYPE_NOT_SUPPORTED) {
                status = UNSUPPORTED_MEDIA_TYPE;
            }
            // Errors are google.rpc.Status, which has no media type of its own.
            answer(status, JSON, body.to_string())
        }
    };
    echo_extensions(&parts.headers, &mut response);
    response
}

fn input<T: DeserializeOwned>(parts: &Parts, body: &Bytes) -> Result<T, A2aError> {
    let given = media_type(&parts.headers);
    if given != JSON && given != A2A_JSON {
        let detail = "Send the body as application/json or application/a2a+json";
        return Err(A2aError::new(crate::error::CONTENT_TYPE_NOT_SUPPORTED, detail));
    }
    if holds_escaped_nul(body) {
        let detail = "U+0000 cannot be stored: leave it out";
        return Err(A2aError::new(crate::error::INVALID_PARAMS, detail));
    }
    let value: Value = serde_json::from_slice(body).map_err(|error| {
        let detail: String = error.to_string().chars().take(200).collect();
        A2aError::new(PARSE_ERROR, format!("The body is not JSON: {detail}"))
    })?;
    if !value.is_object() {
        return Err(A2aError::new(crate::error::INVALID_PARAMS, "The body must be an object"));
    }
    crate::jsonrpc::params(value)
}

/// Query parameters as an object of this shape: numbers and truth are read from their texts.
fn query<T: DeserializeOwned>(parts: &Parts) -> Result<T, A2aError> {
    let mut map = Map::new();
    for (name, text) in pairs(parts.uri.query()) {
        let numeric = ["pageSize", "historyLength", "page_size", "history_length"];
        let value = match (name.as_str(), text.as_str()) {
            (_, "") => continue,
            ("includeArtifacts" | "include_artifacts", text) => Value::Bool(text == "true"),
            (name, text) if numeric.contains(&name) => {
                let number: i64 =
                    text.parse().map_err(|_| A2aError::invalid(name, "must be a whole number"))?;
                number.into()
            }
            (_, text) => text.into(),
        };
        map.insert(name, value);
    }
    crate::jsonrpc::params(Value::Object(map))
}

async fn handle(
    a2a: &Arc<A2a>,
    parts: &Parts,
    body: &Bytes,
    asked: Asked,
    spoken: &'static str,
) -> Result<Response, A2aError> {
    let Heard { guest, idempotency_key } = hear(a2a, parts, body).await?;
    if version(&parts.headers, parts.uri.query())? == Version::Older {
        let detail = "HTTP+JSON is spoken in A2A 1.0 only: send the header A2A-Version: 1.0";
        return Err(A2aError::new(VERSION_NOT_SUPPORTED, detail));
    }
    let call = Call {
        guest: guest.as_ref(),
        dialect: Dialect::V1,
        idempotency_key: idempotency_key.as_deref(),
    };
    let result = match (asked, &parts.method) {
        (Asked::Send, _) => {
            let request: SendRequest = input(parts, body)?;
            let length = request.configuration.history_length;
            sent(a2a.send(call, request).await?, length)?
        }
        (Asked::Stream, _) => {
            let request: SendRequest = input(parts, body)?;
            return match a2a.send_streaming(call, request).await? {
                Ok(follower) => Ok(followed(a2a, follower, call)),
                Err(message) => {
                    let update = StreamResponse::Message(Box::new(message));
                    Ok(sse::once(vec![json!(update).into()]))
                }
            };
        }
        (Asked::List, _) => a2a.list(call, &query::<ListRequest>(parts)?).await?,
        (Asked::Card, _) => {
            call.did()?;
            a2a.cards.extended()
        }
        (Asked::Task(named), method) => {
            return on_task(a2a, parts, call, &named, method, spoken).await;
        }
        (Asked::Pushes(task_id), &Method::POST) => {
            let mut push: PushConfig = input(parts, body)?;
            push.task_id = task_id;
            json!(a2a.create_push(call, push).await?)
        }
        (Asked::Pushes(task_id), _) => {
            let request = PushRequest { task_id, id: String::new() };
            json!({ "configs": a2a.list_pushes(call, &request).await?, "nextPageToken": "" })
        }
        (Asked::Push(task_id, id), &Method::DELETE) => {
            a2a.delete_push(call, &PushRequest { task_id, id }).await?;
            Value::Object(Map::new())
        }
        (Asked::Push(task_id, id), _) => {
            json!(a2a.get_push(call, &PushRequest { task_id, id }).await?)
        }
    };
    Ok(answer(200, spoken, result.to_string()))
}

/// The router cannot match a verb behind a colon in one piece with a name.
async fn on_task(
    a2a: &Arc<A2a>,
    parts: &Parts,
    call: Call<'_>,
    named: &str,
    method: &Method,
    spoken: &'static str,
) -> Result<Response, A2aError> {
    let (id, verb) = named.rsplit_once(':').unwrap_or((named, ""));
    let mut request = TaskRequest { id: id.to_owned(), history_length: None };
    let result = match (verb, method) {
        ("", &Method::GET) => {
            request.history_length = query::<TaskRequest>(parts)?.history_length;
            shown(a2a.get(call, &request).await?, request.history_length)?
        }
        ("cancel", &Method::POST) => shown(a2a.cancel(call, &request).await?, None)?,
        ("subscribe", _) => {
            let follower = a2a.subscribe(call, &request, last_event(parts)?).await?;
            return Ok(followed(a2a, follower, call));
        }
        _ => return Err(A2aError::new(METHOD_NOT_FOUND, "There is nothing at this path")),
    };
    Ok(answer(200, spoken, result.to_string()))
}

fn followed(a2a: &Arc<A2a>, follower: crate::follow::Follower, call: Call<'_>) -> Response {
    let spell = |update: &StreamResponse| vec![Spelled::from(json!(update))];
    let failed = |error: &A2aError| error.rest().1;
    sse::stream(a2a.clone(), follower, call.guest, Arc::new(spell), Arc::new(failed))
}
