//! Telling agents what happened at the A2A endpoint that they have registered.
//!
//! The endpoint is a stranger's: what holds for fetching ([`crate::HttpFetcher`]) holds here. The
//! message is signed with our did-jwt, made for this one agent.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use marketplace_money::{Did, Seconds, Timestamp};
use marketplace_ports::{FetchError, Notification, Notifier, NotifyError, Registry, RegistryError};
use reqwest::header::{AUTHORIZATION, RETRY_AFTER};
use reqwest::redirect::{Action, Attempt, Policy};
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};

use crate::client::Cache;
use crate::fetch::{Forbidden, check, failure, follow_at_home, guarded, may_pass};
use crate::{FetchSettings, FetcherError, OwnKeys};

/// What is read of a reply: only whether it is an error is of interest.
const LONGEST_REPLY: usize = 64 * 1024;
/// Life of the did-jwt of a message.
const PROOF_LIFE: Seconds = Seconds(300);
/// An endpoint that was refused is not tried for new orders for so long.
const HUSH: Duration = Duration::from_secs(600);
const MOST_HUSHED: usize = 10_000;
/// JSON-RPC: the method is not known, or its parameters are not understood.
const OTHER_DIALECT: [i64; 2] = [-32_601, -32_602];

/// Tells the time, for the age of proofs.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The dialects of A2A that agents speak, in the order in which they are tried.
#[derive(Clone, Copy, Debug)]
enum Dialect {
    /// AgentVault 0.2; TheProtocol takes it too.
    TasksSend,
    /// A2A 0.3.
    MessageSend,
    /// A2A 1.0.
    SendMessage,
}

const DIALECTS: [Dialect; 3] = [Dialect::TasksSend, Dialect::MessageSend, Dialect::SendMessage];

/// Sends messages over HTTP.
pub struct HttpNotifier {
    client: Client,
    allow_private: bool,
    registry: Arc<dyn Registry>,
    keys: Arc<OwnKeys>,
    clock: Clock,
    hushed: Cache<Did, ()>,
}

impl std::fmt::Debug for HttpNotifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpNotifier").finish_non_exhaustive()
    }
}

impl HttpNotifier {
    /// A notifier with a client of its own.
    ///
    /// # Errors
    /// When no HTTPS client can be built.
    pub fn new(
        settings: FetchSettings,
        registry: Arc<dyn Registry>,
        keys: Arc<OwnKeys>,
        clock: Clock,
    ) -> Result<Self, FetcherError> {
        let client = guarded(settings, Policy::custom(keep_the_message))?;
        let allow_private = settings.allow_private;
        Ok(Self { client, allow_private, registry, keys, clock, hushed: Cache::new(MOST_HUSHED) })
    }

    /// One request. Nothing when the endpoint does not understand this dialect.
    async fn send(
        &self,
        endpoint: &reqwest::Url,
        notification: &Notification,
        dialect: Dialect,
    ) -> Result<Option<()>, NotifyError> {
        let proof = self.keys.proof_for(notification.agent.as_str(), (self.clock)(), PROOF_LIFE);
        let proof = proof.map_err(|error| later(error.to_string()))?;
        let mut request = self
            .client
            .post(endpoint.clone())
            .header(AUTHORIZATION, format!("Bearer {proof}"))
            .json(&call(notification, dialect)?);
        if matches!(dialect, Dialect::SendMessage) {
            request = request.header("A2A-Version", "1.0");
        }
        let response = request.send().await.map_err(|error| not_sent(&error))?;
        judge(response).await
    }
}

#[async_trait]
impl Notifier for HttpNotifier {
    fn may_reach(&self, agent: &Did) -> bool {
        self.registry.knows_endpoint(agent).unwrap_or(true) && self.hushed.fresh(agent).is_none()
    }

    async fn notify(&self, notification: &Notification) -> Result<(), NotifyError> {
        let agent = &notification.agent;
        let endpoint = match self.registry.endpoint(agent).await {
            Ok(Some(endpoint)) => endpoint,
            Ok(None) => return Err(NotifyError::NoEndpoint),
            Err(error @ (RegistryError::Unavailable(_) | RegistryError::Refused(_))) => {
                return Err(later(error.to_string()));
            }
        };
        let told = match check(&endpoint, self.allow_private) {
            Ok(endpoint) => self.tell(&endpoint, notification).await,
            Err(forbidden) => Err(NotifyError::Refused(forbidden.to_string())),
        };
        if matches!(told, Err(NotifyError::Refused(_))) {
            self.hushed.put(agent.clone(), (), HUSH);
        }
        told
    }
}

impl HttpNotifier {
    async fn tell(
        &self,
        endpoint: &reqwest::Url,
        notification: &Notification,
    ) -> Result<(), NotifyError> {
        for dialect in DIALECTS {
            if self.send(endpoint, notification, dialect).await?.is_some() {
                return Ok(());
            }
        }
        Err(later("it understands none of our dialects".to_owned()))
    }
}

fn later(reason: String) -> NotifyError {
    NotifyError::Unavailable { reason, retry_after: None }
}

fn not_sent(error: &reqwest::Error) -> NotifyError {
    match failure(error) {
        FetchError::Refused(reason) => NotifyError::Refused(reason),
        FetchError::Unavailable(reason) => later(reason),
    }
}

/// Only redirects that keep method and body are followed, and only on the same server.
fn keep_the_message(attempt: Attempt<'_>) -> Action {
    let keeps = [StatusCode::TEMPORARY_REDIRECT, StatusCode::PERMANENT_REDIRECT];
    if keeps.contains(&attempt.status()) {
        return follow_at_home(attempt);
    }
    attempt.error(Forbidden("the server redirects in a way that loses the message"))
}

/// The call as the dialect writes it. The message's own id makes a repetition visible.
fn call(notification: &Notification, dialect: Dialect) -> Result<Value, NotifyError> {
    let id = notification.id.to_string();
    let broken = |_: serde_json::Error| NotifyError::Refused("the message is no JSON".to_owned());
    let body: Value = serde_json::from_str(&notification.body).map_err(broken)?;
    let (method, role, part) = match dialect {
        Dialect::TasksSend => {
            let part = json!({ "type": "data", "content": body, "mediaType": "application/json" });
            ("tasks/send", "user", part)
        }
        Dialect::MessageSend => ("message/send", "user", json!({ "kind": "data", "data": body })),
        Dialect::SendMessage => {
            let part = json!({ "data": body, "mediaType": "application/json" });
            ("SendMessage", "ROLE_USER", part)
        }
    };
    let mut message = json!({ "messageId": id, "role": role, "parts": [part] });
    if matches!(dialect, Dialect::MessageSend) {
        message["kind"] = json!("message");
    }
    let params = json!({ "message": message });
    Ok(json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }))
}

/// What an answer means. A 2xx is a delivery, unless it carries an error of JSON-RPC.
async fn judge(response: Response) -> Result<Option<()>, NotifyError> {
    let status = response.status();
    let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let retry_after = retry_after.and_then(|text| text.trim().parse().ok()).map(Seconds);
    match status {
        status if status.is_success() => {}
        StatusCode::PAYMENT_REQUIRED => {
            return Err(NotifyError::Refused("it wants to be paid for messages".to_owned()));
        }
        StatusCode::GONE => return Err(NotifyError::Refused("it is gone for good".to_owned())),
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => return Ok(None),
        status => {
            let reason = format!("it answered {status}");
            let retry_after = retry_after.filter(|_| may_pass(status));
            return Err(NotifyError::Unavailable { reason, retry_after });
        }
    }
    let Some(error) = rpc_error(response).await else { return Ok(Some(())) };
    let code = error["code"].as_i64().unwrap_or_default();
    if OTHER_DIALECT.contains(&code) {
        return Ok(None);
    }
    Err(later(format!("it answered with error {code}")))
}

/// The error of a JSON-RPC reply, if it is one. Of a longer reply only the beginning is read:
/// whoever answers a message with a book has taken the message.
async fn rpc_error(mut response: Response) -> Option<Value> {
    let mut bytes = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > LONGEST_REPLY {
            return None;
        }
    }
    let reply: Value = serde_json::from_slice(&bytes).ok()?;
    reply.get("error").filter(|error| error.is_object()).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_in_three_dialects() {
        let notification = Notification {
            id: "0197f3a2-7c1e-7aaa-8b1b-0242ac120002".parse().unwrap(),
            agent: "did:a:seller".parse().unwrap(),
            order: "0197f3a2-7c1e-7aaa-8b1b-0242ac120003".parse().unwrap(),
            notice: marketplace_ports::Notice::OrderReceived,
            body: r#"{"type":"order_received","amount":"5"}"#.to_owned(),
        };
        let check = |dialect, method: &str, data: &str| {
            let call = call(&notification, dialect).unwrap();
            assert_eq!(call["method"], method);
            let data = call.pointer(&format!("/params/message/parts/0/{data}")).unwrap();
            assert_eq!(data["type"], "order_received", "{call}");
        };
        check(Dialect::TasksSend, "tasks/send", "content");
        check(Dialect::MessageSend, "message/send", "data");
        check(Dialect::SendMessage, "SendMessage", "data");
    }
}
