//! The dialects before 1.0 on the same URL: A2A 0.3, TheProtocol, AgentVault.
//!
//! Their requests become ours, and our answers theirs. A task is spelled for the dialect that made
//! it; one that this client did not make, for the way in which it spoke last. The spellings of
//! names and states differ, the members do not clash: a task has those of all three.

use std::sync::Arc;

use axum::http::request::Parts;
use axum::response::Response;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::dialect::Dialect;
use crate::error::{A2aError, UNSUPPORTED_OPERATION};
use crate::follow::{Until, ends};
use crate::jsonrpc::{last_event, params, success};
use crate::kept::Kept;
use crate::service::{A2a, Answer, Call, blocking, no_metadata, shorten};
use crate::sse::{self, Spelled};
use crate::standing::Standing;
use crate::types::{
    Artifact, Message, Part, PushConfig, PushRequest, SendRequest, StatusUpdate, StreamResponse,
    TaskRequest, TaskState, TaskStatus,
};

/// Which dialect has this method; `message/send` is told apart by what the message has.
pub(crate) fn speaks(method: &str, params: &Value) -> Option<Dialect> {
    let is_named = params["message"]["messageId"].is_string();
    Some(match method {
        "message/send" | "message/stream" if is_named => Dialect::V03,
        "message/send" | "message/stream" => Dialect::Protocol,
        "tasks/send" | "tasks/sendSubscribe" => Dialect::Vault,
        "tasks/get" | "tasks/cancel" | "tasks/resubscribe" => Dialect::V03,
        "tasks/pushNotificationConfig/set"
        | "tasks/pushNotificationConfig/get"
        | "tasks/pushNotificationConfig/list"
        | "tasks/pushNotificationConfig/delete"
        | "agent/getAuthenticatedExtendedCard" => Dialect::V03,
        _ => return None,
    })
}

pub(crate) async fn operate(
    a2a: &Arc<A2a>,
    parts: &Parts,
    call: Call<'_>,
    method: &str,
    given: Value,
    id: &Value,
) -> Result<Response, A2aError> {
    let result = match method {
        "message/send" | "tasks/send" => {
            let (request, length) = send_request(call.dialect, given)?;
            match a2a.send(call, request).await? {
                Answer::Task(standing) => task(call.dialect, *standing, length)?,
                Answer::Message(message) => said(&message),
            }
        }
        // A task by its name, without a message: its events.
        "message/stream" | "tasks/sendSubscribe" | "tasks/resubscribe"
            if given.get("message").is_none() =>
        {
            let request: TaskRequest = params(given)?;
            let follower = a2a.subscribe(call, &request, last_event(parts)?).await?;
            return Ok(followed(a2a, follower, call, id));
        }
        "message/stream" | "tasks/sendSubscribe" => {
            let (request, _) = send_request(call.dialect, given)?;
            return match a2a.send_streaming(call, request).await? {
                Ok(follower) => Ok(followed(a2a, follower, call, id)),
                Err(message) => {
                    let update = StreamResponse::Message(Box::new(message));
                    Ok(sse::once(spelled(call.dialect, id, &update, Until::Interrupted)))
                }
            };
        }
        "tasks/get" => {
            let request: TaskRequest = params(given)?;
            let standing = a2a.get(call, &request).await?;
            task(last_spoken(a2a, call, &standing).await?, standing, request.history_length)?
        }
        "tasks/cancel" => {
            let standing = a2a.cancel(call, &params::<TaskRequest>(given)?).await?;
            let mut shown = task(last_spoken(a2a, call, &standing).await?, standing, None)?;
            if let Some(map) = shown.as_object_mut() {
                map.insert("success".to_owned(), true.into());
            }
            shown
        }
        "agent/getAuthenticatedExtendedCard" => {
            call.did()?;
            serde_json::from_str(&a2a.cards.old()).unwrap_or_default()
        }
        _ => pushes(a2a, call, method, given).await?,
    };
    Ok(success(id, &result))
}

async fn pushes(a2a: &A2a, call: Call<'_>, method: &str, given: Value) -> Result<Value, A2aError> {
    let named = |given: &Value| PushRequest {
        task_id: given["id"].as_str().or(given["taskId"].as_str()).unwrap_or_default().to_owned(),
        id: given["pushNotificationConfigId"].as_str().unwrap_or_default().to_owned(),
    };
    let shown = |push: PushConfig| {
        let mut config = json!({ "id": push.id, "url": push.url });
        if !push.token.is_empty() {
            config["token"] = push.token.into();
        }
        if let Some(authentication) = push.authentication {
            let PushConfigAuthentication { schemes, credentials } = authentication.into();
            config["authentication"] = json!({ "schemes": schemes, "credentials": credentials });
        }
        json!({ "taskId": push.task_id, "pushNotificationConfig": config })
    };
    match method {
        "tasks/pushNotificationConfig/set" => {
            let config = push_config(&given["pushNotificationConfig"]);
            let mut push = config.ok_or_else(|| {
                A2aError::invalid("pushNotificationConfig", "must be an object with a url")
            })?;
            push.task_id = named(&given).task_id;
            Ok(shown(a2a.create_push(call, push).await?))
        }
        "tasks/pushNotificationConfig/get" => {
            let request = named(&given);
            let all = a2a.list_pushes(call, &request).await?;
            let mut wanted =
                all.into_iter().filter(|push| request.id.is_empty() || push.id == request.id);
            let found = wanted.next().ok_or_else(|| A2aError::no_task(&request.id))?;
            Ok(shown(found))
        }
        "tasks/pushNotificationConfig/list" => {
            let all = a2a.list_pushes(call, &named(&given)).await?;
            Ok(all.into_iter().map(shown).collect())
        }
        "tasks/pushNotificationConfig/delete" => {
            a2a.delete_push(call, &named(&given)).await?;
            Ok(Value::Null)
        }
        _ => Err(A2aError::new(UNSUPPORTED_OPERATION, "")),
    }
}

/// Schemes were many before 1.0.
struct PushConfigAuthentication {
    schemes: Vec<String>,
    credentials: String,
}

impl From<crate::types::PushAuthentication> for PushConfigAuthentication {
    fn from(authentication: crate::types::PushAuthentication) -> Self {
        Self { schemes: vec![authentication.scheme], credentials: authentication.credentials }
    }
}

fn push_config(given: &Value) -> Option<PushConfig> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let authentication = given["authentication"].as_object().map(|old| {
        let scheme = old.get("schemes").map_or(&Value::Null, |schemes| &schemes[0]);
        let credentials = old.get("credentials").map(&text).unwrap_or_default();
        crate::types::PushAuthentication { scheme: text(scheme), credentials }
    });
    given.is_object().then(|| PushConfig {
        id: text(&given["id"]),
        task_id: String::new(),
        url: text(&given["url"]),
        token: text(&given["token"]),
        authentication,
    })
}

/// How a task is spelled for this client.
async fn last_spoken(a2a: &A2a, call: Call<'_>, standing: &Standing) -> Result<Dialect, A2aError> {
    if standing.dialect != Dialect::V1 {
        return Ok(standing.dialect);
    }
    let last = a2a.marketplace.tasks(call.did()?, None, 1).await?;
    let spoken = last.first().map(|row| Kept::read(&row.body).dialect);
    Ok(spoken.filter(|dialect| *dialect != Dialect::V1).unwrap_or(Dialect::V03))
}

/// A message of an older dialect as a request of ours.
fn send_request(
    dialect: Dialect,
    mut given: Value,
) -> Result<(SendRequest, Option<i64>), A2aError> {
    let task = given["id"].as_str().map(str::to_owned);
    let mut message = given["message"].take();
    let Some(map) = message.as_object_mut() else {
        return Err(A2aError::invalid("message", "must be an object"));
    };
    if let (Some(task), true) = (task, dialect != Dialect::V03) {
        map.insert("taskId".to_owned(), task.into());
    }
    // A name of our own for messages that have none.
    map.entry("messageId").or_insert_with(|| Uuid::now_v7().to_string().into());
    let role = map.get("role").and_then(Value::as_str).unwrap_or_default();
    if role != "ROLE_USER" {
        let role = if role == "user" { "ROLE_USER" } else { "ROLE_AGENT" };
        map.insert("role".to_owned(), role.into());
    }
    if let Some(Value::Array(parts)) = map.get_mut("parts") {
        for part in parts {
            let read = part.as_object().cloned().unwrap_or_default();
            *part = part_of(read).into();
        }
    }
    let message: Message = params(message)?;
    let configuration = &given["configuration"];
    let mut wanted = blocking(configuration["blocking"].as_bool().unwrap_or(true));
    wanted.task_push_notification_config = push_config(&configuration["pushNotificationConfig"]);
    if let Some(url) = given["webhookUrl"].as_str() {
        wanted.task_push_notification_config =
            Some(PushConfig { url: url.to_owned(), ..PushConfig::default() });
    }
    let length = configuration["historyLength"].as_i64();
    Ok((SendRequest { message, configuration: wanted, metadata: no_metadata() }, length))
}

/// A part of any dialect as ours.
fn part_of(mut old: Map<String, Value>) -> Map<String, Value> {
    let kind = old.remove("kind").or_else(|| old.remove("type"));
    let content = old.remove("content");
    let file = old.remove("file");
    match (kind.as_ref().and_then(Value::as_str), content, file) {
        (Some("text"), Some(content), _) => drop(old.insert("text".to_owned(), content)),
        (Some("data"), Some(content), _) => drop(old.insert("data".to_owned(), content)),
        (_, _, Some(Value::Object(file))) => {
            let names = [
                ("bytes", "raw"),
                ("uri", "url"),
                ("url", "url"),
                ("mimeType", "mediaType"),
                ("mediaType", "mediaType"),
                ("name", "filename"),
            ];
            for (theirs, ours) in names {
                if let Some(value) = file.get(theirs).filter(|value| !value.is_null()) {
                    old.insert(ours.to_owned(), value.clone());
                }
            }
        }
        _ => {}
    }
    old
}

/// A state as the dialect spells it beside `status`.
fn flat_state(dialect: Dialect, state: TaskState) -> String {
    match (dialect, state) {
        (Dialect::Vault, TaskState::Rejected) => "FAILED".to_owned(),
        (Dialect::Vault, TaskState::AuthRequired) => "INPUT_REQUIRED".to_owned(),
        (Dialect::Vault, state) => {
            state.name().strip_prefix("TASK_STATE_").unwrap_or_default().to_owned()
        }
        (Dialect::Protocol, state) => state.name().to_owned(),
        (_, state) => state.old_name().to_owned(),
    }
}

fn status(old: &TaskStatus) -> Value {
    let mut shown = json!({ "state": old.state.old_name(), "timestamp": old.timestamp });
    if let Some(message) = &old.message {
        shown["message"] = said(message);
    }
    shown
}

/// A message with the members of all three.
fn said(message: &Message) -> Value {
    let role = if message.role == crate::types::Role::User { "user" } else { "agent" };
    let mut shown = json!({
        "kind": "message",
        "messageId": message.message_id,
        "role": role,
        "parts": message.parts.iter().map(part).collect::<Value>(),
    });
    for (name, text) in [("taskId", &message.task_id), ("contextId", &message.context_id)] {
        if !text.is_empty() {
            shown[name] = text.as_str().into();
        }
    }
    if !message.metadata.is_empty() {
        shown["metadata"] = message.metadata.clone().into();
    }
    shown
}

/// A message for a list of messages, where the agent is an assistant.
fn told(message: &Message) -> Value {
    let mut shown = said(message);
    if shown["role"] == "agent" {
        shown["role"] = "assistant".into();
    }
    shown
}

fn part(part: &Part) -> Value {
    let mut shown = if let Some(text) = &part.text {
        json!({ "kind": "text", "type": "text", "text": text, "content": text })
    } else if let Some(data) = &part.data {
        json!({ "kind": "data", "type": "data", "data": data, "content": data })
    } else {
        let mut file = Map::new();
        if let Some(raw) = &part.raw {
            file.insert("bytes".to_owned(), json!(raw));
        }
        if let Some(url) = &part.url {
            file.insert("uri".to_owned(), url.as_str().into());
        }
        for (name, text) in [("mimeType", &part.media_type), ("name", &part.filename)] {
            if !text.is_empty() {
                file.insert(name.to_owned(), text.as_str().into());
            }
        }
        json!({ "kind": "file", "type": "file", "file": file, "url": part.url })
    };
    if !part.media_type.is_empty() {
        shown["mediaType"] = part.media_type.as_str().into();
    }
    shown
}

fn artifact(artifact: &Artifact) -> Value {
    let first = artifact.parts.first();
    let content = first.and_then(|part| {
        let text = part.text.clone().map(Value::from);
        text.or_else(|| part.data.clone()).or_else(|| part.raw.as_ref().map(|raw| json!(raw)))
    });
    let mut shown = json!({
        "artifactId": artifact.artifact_id,
        "id": artifact.artifact_id,
        "type": if artifact.name.is_empty() { "result" } else { artifact.name.as_str() },
        "name": artifact.name,
        "parts": artifact.parts.iter().map(part).collect::<Value>(),
        "content": content,
    });
    if let Some(url) = first.and_then(|part| part.url.as_deref()) {
        shown["url"] = url.into();
    }
    if !artifact.metadata.is_empty() {
        shown["metadata"] = artifact.metadata.clone().into();
    }
    shown
}

/// A task with the members of all three dialects.
pub(crate) fn task(
    dialect: Dialect,
    standing: Standing,
    length: Option<i64>,
) -> Result<Value, A2aError> {
    let mut task = standing.task;
    shorten(&mut task, length)?;
    let mut messages: Vec<Value> = task.history.iter().map(told).collect();
    messages.extend(task.status.message.iter().map(told));
    // When it was made is in its name.
    let made = Uuid::try_parse(&task.id).ok().and_then(|id| id.get_timestamp()).map(|at| {
        let (seconds, nanos) = at.to_unix();
        let micros = i64::try_from(seconds).unwrap_or(0) * 1_000_000 + i64::from(nanos / 1_000);
        marketplace_wire::Rfc3339(marketplace_money::Timestamp::from_micros(micros)).to_string()
    });
    Ok(json!({
        "kind": "task",
        "id": task.id,
        "contextId": task.context_id,
        "status": status(&task.status),
        "state": flat_state(dialect, task.status.state),
        "createdAt": made.unwrap_or_else(|| task.status.timestamp.clone()),
        "updatedAt": task.status.timestamp,
        "history": task.history.iter().map(said).collect::<Value>(),
        "messages": messages,
        "artifacts": task.artifacts.iter().map(artifact).collect::<Value>(),
        "metadata": task.metadata,
    }))
}

/// An event as the dialect has it: in an envelope in 0.3, bare before. Streams of 0.3 end with a
/// status that says so (`final`), also where somebody is waited for; one that would end with the
/// task itself says its status once more.
fn spelled(dialect: Dialect, id: &Value, update: &StreamResponse, until: Until) -> Vec<Spelled> {
    if dialect == Dialect::V03 {
        let enveloped = |result: Value| json!({ "jsonrpc": "2.0", "id": id, "result": result });
        let mut all = vec![enveloped(v03(update, until)).into()];
        if let StreamResponse::Task(task) = update
            && ends(until, task.status.state)
        {
            let last = StatusUpdate {
                task_id: task.id.clone(),
                context_id: task.context_id.clone(),
                status: task.status.clone(),
                metadata: no_metadata(),
            };
            let last = StreamResponse::StatusUpdate(Box::new(last));
            all.push(enveloped(v03(&last, until)).into());
        }
        return all;
    }
    let named = |event, data| Spelled { event: Some(event), data };
    let status = |task_id: &str, status: &TaskStatus| {
        let words = status.message.as_ref().and_then(|message| message.parts.first());
        let data = json!({
            "taskId": task_id,
            "state": flat_state(dialect, status.state),
            "timestamp": status.timestamp,
            "message": words.and_then(|part| part.text.clone()),
        });
        named("task_status", data)
    };
    match update {
        StreamResponse::Task(task) => vec![status(&task.id, &task.status)],
        StreamResponse::StatusUpdate(update) => vec![status(&update.task_id, &update.status)],
        StreamResponse::ArtifactUpdate(update) => {
            let at = chrono::Utc::now().to_rfc3339();
            let shown = artifact(&update.artifact);
            let data = json!({ "taskId": update.task_id, "artifact": shown, "timestamp": at });
            vec![named("task_artifact", data)]
        }
        StreamResponse::Message(message) => {
            let at = chrono::Utc::now().to_rfc3339();
            let data =
                json!({ "taskId": message.task_id, "message": told(message), "timestamp": at });
            vec![named("task_message", data)]
        }
    }
}

fn v03(update: &StreamResponse, until: Until) -> Value {
    match update {
        StreamResponse::Task(task) => json!({
            "kind": "task", "id": task.id, "contextId": task.context_id,
            "status": status(&task.status),
            "history": task.history.iter().map(said).collect::<Value>(),
            "artifacts": task.artifacts.iter().map(artifact).collect::<Value>(),
            "metadata": task.metadata,
        }),
        StreamResponse::Message(message) => said(message),
        StreamResponse::StatusUpdate(update) => {
            let state = update.status.state;
            json!({
                "kind": "status-update", "taskId": update.task_id, "contextId": update.context_id,
                "status": status(&update.status), "metadata": update.metadata,
                "final": ends(until, state),
            })
        }
        StreamResponse::ArtifactUpdate(update) => json!({
            "kind": "artifact-update", "taskId": update.task_id, "contextId": update.context_id,
            "artifact": artifact(&update.artifact), "append": update.append,
            "lastChunk": update.last_chunk,
        }),
    }
}

fn followed(
    a2a: &Arc<A2a>,
    follower: crate::follow::Follower,
    call: Call<'_>,
    id: &Value,
) -> Response {
    // A stream is spelled for the task's maker, or for who asks.
    let made_in = follower.standing().dialect;
    let dialect = match (call.dialect, made_in) {
        (Dialect::V03, _) | (_, Dialect::V1 | Dialect::V03) => call.dialect,
        (_, made_in) => made_in,
    };
    let (named, broken) = (id.clone(), id.clone());
    let until = follower.until();
    let spell = move |update: &StreamResponse| spelled(dialect, &named, update, until);
    let failed =
        move |error: &A2aError| json!({ "jsonrpc": "2.0", "id": broken, "error": error.rpc() });
    sse::stream(a2a.clone(), follower, call.guest, Arc::new(spell), Arc::new(failed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_every_dialect() {
        let check = |old: Value, expect: Value| {
            let read = old.as_object().cloned().unwrap();
            assert_eq!(Value::from(part_of(read)), expect, "{old}");
        };
        check(json!({ "kind": "text", "text": "a" }), json!({ "text": "a" }));
        check(json!({ "type": "text", "content": "a" }), json!({ "text": "a" }));
        check(json!({ "text": "a" }), json!({ "text": "a" }));
        check(json!({ "type": "data", "content": { "a": 1 } }), json!({ "data": { "a": 1 } }));
        check(
            json!({ "kind": "file", "file": { "bytes": "dGNr", "mimeType": "text/plain", "name": "o" } }),
            json!({ "raw": "dGNr", "mediaType": "text/plain", "filename": "o" }),
        );
        check(json!({ "type": "file", "url": "https://a" }), json!({ "url": "https://a" }));
    }

    #[test]
    fn methods_name_their_dialect() {
        let check = |method: &str, params: Value, expect: Option<Dialect>| {
            assert_eq!(speaks(method, &params), expect, "{method}");
        };
        let named = json!({ "message": { "messageId": "m" } });
        check("message/send", named, Some(Dialect::V03));
        check("message/send", json!({ "message": {} }), Some(Dialect::Protocol));
        check("tasks/send", json!({}), Some(Dialect::Vault));
        check("SendMessage", json!({}), None);
    }
}
