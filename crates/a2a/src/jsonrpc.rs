//! The JSON-RPC binding: one URL for all operations, and for the dialects before 1.0.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::request::Parts;
use axum::response::Response;
use marketplace_wire::holds_escaped_nul;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::dialect::{Dialect, Version, version};
use crate::dialects;
use crate::error::{
    A2aError, CONTENT_TYPE_NOT_SUPPORTED, INVALID_PARAMS, INVALID_REQUEST, METHOD_NOT_FOUND,
    PARSE_ERROR, VERSION_NOT_SUPPORTED,
};
use crate::http::{answer, challenge, echo_extensions, hear, media_type};
use crate::service::{A2a, Answer, Call, shorten};
use crate::sse::{self, Spelled};
use crate::standing::Standing;
use crate::types::{
    ListRequest, PushConfig, PushRequest, SendRequest, StreamResponse, TaskRequest,
};

const JSON: &str = "application/json";

/// The eleven operations.
const METHODS: [&str; 11] = [
    "SendMessage",
    "SendStreamingMessage",
    "GetTask",
    "ListTasks",
    "CancelTask",
    "SubscribeToTask",
    "CreateTaskPushNotificationConfig",
    "GetTaskPushNotificationConfig",
    "ListTaskPushNotificationConfigs",
    "DeleteTaskPushNotificationConfig",
    "GetExtendedAgentCard",
];

/// `POST /a2a`.
pub(crate) async fn receive(State(a2a): State<Arc<A2a>>, parts: Parts, body: Bytes) -> Response {
    let mut id = Value::Null;
    let mut response = match handle(&a2a, &parts, &body, &mut id).await {
        Ok(response) => response,
        Err(A2aError::Unauthenticated(problem)) => challenge(&problem),
        Err(error) => failure(&id, &error),
    };
    echo_extensions(&parts.headers, &mut response);
    response
}

/// A JSON-RPC error.
fn failure(id: &Value, error: &A2aError) -> Response {
    let body = json!({ "jsonrpc": "2.0", "id": id, "error": error.rpc() });
    answer(200, JSON, body.to_string())
}

/// A JSON-RPC result.
pub(crate) fn success(id: &Value, result: &Value) -> Response {
    let body = json!({ "jsonrpc": "2.0", "id": id, "result": result });
    answer(200, JSON, body.to_string())
}

/// What a request asks for.
struct Asked {
    method: String,
    params: Value,
}

/// Reads the envelope. `id` is known as soon as it can be read: errors name it.
fn read(body: &[u8], id: &mut Value) -> Result<Asked, A2aError> {
    let malformed = |error: serde_json::Error| {
        let detail: String = error.to_string().chars().take(200).collect();
        A2aError::new(PARSE_ERROR, format!("The body is not JSON: {detail}"))
    };
    let Value::Object(mut map) = serde_json::from_slice(body).map_err(malformed)? else {
        return Err(A2aError::new(INVALID_REQUEST, "The body must be one request, an object"));
    };
    let given = map.remove("id");
    match given {
        None | Some(Value::Null) => {}
        Some(named @ (Value::String(_) | Value::Number(_))) => *id = named,
        Some(_) => {
            return Err(A2aError::new(INVALID_REQUEST, "id must be a string or a number"));
        }
    }
    if map.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        return Err(A2aError::new(INVALID_REQUEST, "jsonrpc must be \"2.0\""));
    }
    let Some(Value::String(method)) = map.remove("method") else {
        return Err(A2aError::new(INVALID_REQUEST, "method must name an operation"));
    };
    if holds_escaped_nul(body) {
        return Err(A2aError::new(INVALID_PARAMS, "U+0000 cannot be stored: leave it out"));
    }
    let params = match map.remove("params") {
        None | Some(Value::Null) => Value::Object(Map::new()),
        Some(params @ Value::Object(_)) => params,
        Some(_) => return Err(A2aError::new(INVALID_PARAMS, "params must be an object")),
    };
    Ok(Asked { method, params })
}

/// The parameters as an object of this shape.
pub(crate) fn params<T: DeserializeOwned>(value: Value) -> Result<T, A2aError> {
    serde_json::from_value(value).map_err(|error| {
        let detail: String = error.to_string().chars().take(300).collect();
        A2aError::new(INVALID_PARAMS, detail)
    })
}

async fn handle(
    a2a: &Arc<A2a>,
    parts: &Parts,
    body: &Bytes,
    id: &mut Value,
) -> Result<Response, A2aError> {
    if media_type(&parts.headers) != JSON {
        let detail = "Send the body as `Content-Type: application/json`";
        return Err(A2aError::new(CONTENT_TYPE_NOT_SUPPORTED, detail));
    }
    let heard = hear(a2a, parts, body).await?;
    let Asked { method, params } = read(body, id)?;
    let asked = version(&parts.headers, parts.uri.query())?;
    let mut call = Call {
        guest: heard.guest.as_ref(),
        dialect: Dialect::V1,
        idempotency_key: heard.idempotency_key.as_deref(),
    };
    if METHODS.contains(&method.as_str()) {
        if asked == Version::Older {
            let detail = format!("{method} is of A2A 1.0: send the header A2A-Version: 1.0");
            return Err(A2aError::new(VERSION_NOT_SUPPORTED, detail));
        }
        return operate(a2a, parts, call, &method, params, id).await;
    }
    let Some(dialect) = dialects::speaks(&method, &params) else {
        let shown: String = method.chars().take(60).collect();
        return Err(A2aError::new(METHOD_NOT_FOUND, format!("There is no method {shown}")));
    };
    call.dialect = dialect;
    dialects::operate(a2a, parts, call, &method, params, id).await
}

async fn operate(
    a2a: &Arc<A2a>,
    parts: &Parts,
    call: Call<'_>,
    method: &str,
    given: Value,
    id: &Value,
) -> Result<Response, A2aError> {
    let result = match method {
        "SendMessage" => {
            let request: SendRequest = params(given)?;
            let length = request.configuration.history_length;
            sent(a2a.send(call, request).await?, length)?
        }
        "SendStreamingMessage" => {
            let request: SendRequest = params(given)?;
            return match a2a.send_streaming(call, request).await? {
                Ok(follower) => Ok(followed(a2a, follower, call, id)),
                Err(message) => {
                    let update = StreamResponse::Message(Box::new(message));
                    Ok(sse::once(vec![enveloped(id, &update).into()]))
                }
            };
        }
        "SubscribeToTask" => {
            let request: TaskRequest = params(given)?;
            let follower = a2a.subscribe(call, &request, last_event(parts)?).await?;
            return Ok(followed(a2a, follower, call, id));
        }
        "GetTask" => {
            let request: TaskRequest = params(given)?;
            shown(a2a.get(call, &request).await?, request.history_length)?
        }
        "ListTasks" => a2a.list(call, &params::<ListRequest>(given)?).await?,
        "CancelTask" => shown(a2a.cancel(call, &params::<TaskRequest>(given)?).await?, None)?,
        "GetExtendedAgentCard" => {
            call.did()?;
            a2a.cards.extended()
        }
        "CreateTaskPushNotificationConfig" => {
            plain(&a2a.create_push(call, params::<PushConfig>(given)?).await?)
        }
        "GetTaskPushNotificationConfig" => {
            plain(&a2a.get_push(call, &params::<PushRequest>(given)?).await?)
        }
        "ListTaskPushNotificationConfigs" => {
            let configs = a2a.list_pushes(call, &params::<PushRequest>(given)?).await?;
            json!({ "configs": configs, "nextPageToken": "" })
        }
        _ => {
            a2a.delete_push(call, &params::<PushRequest>(given)?).await?;
            Value::Object(Map::new())
        }
    };
    Ok(success(id, &result))
}

fn plain(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

/// A task with as much history as is wanted.
pub(crate) fn shown(standing: Standing, length: Option<i64>) -> Result<Value, A2aError> {
    let mut task = standing.task;
    shorten(&mut task, length)?;
    Ok(plain(&task))
}

/// `SendMessageResponse`.
pub(crate) fn sent(answer: Answer, length: Option<i64>) -> Result<Value, A2aError> {
    Ok(match answer {
        Answer::Task(standing) => json!({ "task": shown(*standing, length)? }),
        Answer::Message(message) => json!({ "message": message }),
    })
}

fn enveloped(id: &Value, update: &StreamResponse) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "result": update })
}

fn followed(
    a2a: &Arc<A2a>,
    follower: crate::follow::Follower,
    call: Call<'_>,
    id: &Value,
) -> Response {
    let (named, broken) = (id.clone(), id.clone());
    let spell = move |update: &StreamResponse| vec![Spelled::from(enveloped(&named, update))];
    let failed =
        move |error: &A2aError| json!({ "jsonrpc": "2.0", "id": broken, "error": error.rpc() });
    sse::stream(a2a.clone(), follower, call.guest, Arc::new(spell), Arc::new(failed))
}

/// Where a reader that was cut off goes on.
pub(crate) fn last_event(parts: &Parts) -> Result<Option<u64>, A2aError> {
    let Some(value) = parts.headers.get("last-event-id") else { return Ok(None) };
    let read = value.to_str().ok().and_then(|text| text.parse().ok());
    read.map(Some).ok_or_else(|| A2aError::invalid("Last-Event-ID", "must be the id of an event"))
}
