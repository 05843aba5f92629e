//! Webhooks on the wire: endpoints of agents that are told of events.

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use marketplace_engine::{Attempt, Error, Hook, HookKind, HookStatus, Refusal, Scribe, Written};
use marketplace_money::Timestamp;
use marketplace_ports::{SealedEvent, TaskKey};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::refusal::invalid;
use crate::{EventBody, Rfc3339};

const LONGEST_URL: usize = 2_048;
const MOST_FILTERS: usize = 32;
const LONGEST_FILTER: usize = 60;

/// What an agent wants to be told, and where.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookInput {
    /// An http or https URL with a public address.
    #[schema(example = "https://agent.example/hooks")]
    pub url: String,
    /// Names of events, or their beginnings with a star; all that concerns you when absent.
    #[serde(default)]
    #[schema(example = json!(["order.*"]))]
    pub events: Vec<String>,
}

impl WebhookInput {
    /// The hook, with a secret from random bytes. Only what comes after `position` is told.
    ///
    /// # Errors
    /// When the URL or a filter cannot be one.
    pub fn hook(self, random: [u8; 24], position: u64, now: Timestamp) -> Result<Hook, Refusal> {
        let is_url = self.url.starts_with("https://") || self.url.starts_with("http://");
        if !is_url || self.url.len() > LONGEST_URL || self.url.chars().any(char::is_control) {
            return Err(invalid("url", "must be an http or https URL of at most 2048 bytes"));
        }
        if self.events.len() > MOST_FILTERS {
            return Err(invalid("events", "must be at most 32 names"));
        }
        let is_name = |name: &String| {
            let begin = name.strip_suffix('*').unwrap_or(name);
            name.len() <= LONGEST_FILTER
                && !name.is_empty()
                && begin.chars().all(|c| c.is_ascii_lowercase() || matches!(c, '.' | '_' | '-'))
        };
        if !self.events.iter().all(is_name) {
            return Err(invalid("events", "must be names such as order.placed or order.*"));
        }
        let mut hook = Hook::new(HookKind::Webhook, self.url, position, now);
        hook.events = self.events;
        hook.secret = Some(format!("whsec_{}", STANDARD.encode(random)));
        Ok(hook)
    }
}

/// Which events are told again.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplayInput {
    /// The first position.
    pub from: u64,
    /// The last position.
    pub to: u64,
}

/// A webhook.
#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookBody {
    /// Its name.
    #[schema(value_type = String, format = Uuid)]
    pub webhook_id: Uuid,
    /// Where.
    pub url: String,
    /// Which events; empty: all that concerns you.
    pub events: Vec<String>,
    /// `active` or `paused`.
    #[schema(value_type = String, example = "active")]
    pub status: HookStatus,
    /// Everything up to here was told, or not wanted.
    pub position: u64,
    /// Failures in a row; at twelve it is paused.
    pub failures: u32,
    /// When the next try is, after a failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_try_at: Option<Rfc3339>,
    /// When it was set up.
    pub created_at: Rfc3339,
    /// Signs what is told; shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// What may be wrong with it; said when it is set up.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "the name of the host means nothing now")]
    pub warning: Option<String>,
}

impl WebhookBody {
    /// A hook without its secret.
    #[must_use]
    pub fn new(id: Uuid, hook: &Hook) -> Self {
        let next = (hook.failures > 0).then(|| Rfc3339(Timestamp::from_micros(hook.next_try)));
        Self {
            webhook_id: id,
            url: hook.url.clone(),
            events: hook.events.clone(),
            status: hook.status,
            position: hook.position,
            failures: hook.failures,
            next_try_at: next,
            created_at: Rfc3339(Timestamp::from_micros(hook.created_at)),
            secret: None,
            warning: None,
        }
    }

    /// With its secret, for whoever made it.
    #[must_use]
    pub fn with_secret(mut self, hook: &Hook) -> Self {
        self.secret.clone_from(&hook.secret);
        self
    }

    /// With what was found doubtful when it was set up.
    #[must_use]
    pub fn with_warning(mut self, warning: Option<String>) -> Self {
        self.warning = warning;
        self
    }
}

/// An agent's webhooks.
#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookPage {
    /// Oldest first.
    pub results: Vec<WebhookBody>,
}

/// The last tries of a webhook.
#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookLogPage {
    /// Newest first, fifty at most.
    pub results: Vec<AttemptBody>,
}

/// One try.
#[derive(Debug, Serialize, ToSchema)]
pub struct AttemptBody {
    /// `webhook-id` of the letter.
    pub id: String,
    /// What was told.
    #[schema(example = "order.placed")]
    pub event: String,
    /// Its place in the feed.
    pub position: u64,
    /// When.
    pub at: Rfc3339,
    /// The endpoint's answer, where it took it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// What went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Whether it was told again because you asked.
    pub is_replay: bool,
}

impl From<&Attempt> for AttemptBody {
    fn from(attempt: &Attempt) -> Self {
        Self {
            id: attempt.id.clone(),
            event: attempt.event.clone(),
            position: attempt.position,
            at: Rfc3339(Timestamp::from_micros(attempt.at)),
            status: attempt.status,
            error: attempt.error.clone(),
            is_replay: attempt.is_replay,
        }
    }
}

impl From<&Hook> for WebhookLogPage {
    fn from(hook: &Hook) -> Self {
        Self { results: hook.log.iter().map(AttemptBody::from).collect() }
    }
}

/// Tells events as streams tell them.
#[derive(Clone, Copy, Debug, Default)]
pub struct EventScribe;

#[async_trait]
impl Scribe for EventScribe {
    async fn write(&self, _: &TaskKey, _: &Hook, event: &SealedEvent) -> Result<Written, Error> {
        let body = serde_json::to_string(&EventBody::new(event));
        let body = body.map_err(|error| Error::Fault(error.to_string()))?;
        Ok(Written { bodies: vec![body], is_last: false })
    }
}
