//! Hooks: endpoints of agents that are told of events, webhooks and push notifications alike.
//!
//! A hook is a reader of the feed with a place that is kept: nothing is written for it when
//! something happens, an endpoint that sleeps loses nothing, and to replay is to read again.

mod dispatch;

use std::collections::VecDeque;
use std::sync::Arc;

use async_trait::async_trait;
use marketplace_money::{CommandId, Did, OrderId, Seconds, Timestamp};
use marketplace_ports::{FetchError, SealedEvent, Subject, Task, TaskKey};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::dispute_events::disputed_order;
use crate::job::Done;
use crate::marketplace::Marketplace;
use crate::refusal::{Error, Refusal};
use crate::verbs::{AmendHook, HookWrite, KeepHook};

pub use dispatch::Dispatcher;

/// Webhooks of one agent.
pub const MOST_WEBHOOKS: usize = 16;
/// Tries of one hook that are remembered.
const LOGGED: usize = 50;
/// Replays that wait.
const MOST_REPLAYS: usize = 4;
/// Failures in a row after which a hook is paused: a bit more than an hour.
const MOST_FAILURES: u32 = 12;
/// Between tries, at most.
const LONGEST_PAUSE: Seconds = Seconds::from_hours(1);
/// Hooks read at once.
const PAGE: u32 = 500;

/// What a hook is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum HookKind {
    /// An agent's endpoint for everything that concerns it.
    Webhook,
    /// A push notification of an agent protocol, about one task.
    Push {
        /// The task.
        task: Uuid,
        /// The name that its owner gave it.
        name: String,
    },
}

/// Whether a hook is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HookStatus {
    /// It is.
    Active,
    /// Not for now: its owner, or too many failures. Its place stays.
    Paused,
}

/// Events that are told again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replay {
    /// Everything before was told.
    pub after: u64,
    /// The last position.
    pub to: u64,
}

/// One try.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// The letter's name.
    pub id: String,
    /// The event's, such as `order.placed`, or `ping`.
    pub event: String,
    /// Its place in the feed.
    pub position: u64,
    /// When, in microseconds.
    pub at: i64,
    /// The endpoint's answer, where there was one that took it.
    pub status: Option<u16>,
    /// What went wrong.
    pub error: Option<String>,
    /// Whether it was told again on request.
    pub is_replay: bool,
}

/// An endpoint that is told of events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hook {
    /// What it is for.
    pub kind: HookKind,
    /// Where.
    pub url: String,
    /// Names of events, or their beginnings with a star: `order.*`. Empty: all.
    #[serde(default)]
    pub events: Vec<String>,
    /// Signs letters.
    #[serde(default)]
    pub secret: Option<String>,
    /// More headers of letters.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// Whether it is told.
    pub status: HookStatus,
    /// Everything up to here was told, or not wanted.
    pub position: u64,
    /// In a row.
    #[serde(default)]
    pub failures: u32,
    /// Not before, in microseconds.
    #[serde(default)]
    pub next_try: i64,
    /// What is told again.
    #[serde(default)]
    pub replays: Vec<Replay>,
    /// Whether its owner wants to see a letter.
    #[serde(default)]
    pub ping: bool,
    /// The last tries, newest first.
    #[serde(default)]
    pub log: VecDeque<Attempt>,
    /// In microseconds.
    pub created_at: i64,
}

/// What a scribe wrote about an event.
#[derive(Clone, Debug, Default)]
pub struct Written {
    /// One letter each, in order.
    pub bodies: Vec<String>,
    /// Whether nothing more will ever be said to this hook.
    pub is_last: bool,
}

/// Writes letters: each protocol has its own words.
#[async_trait]
pub trait Scribe: Send + Sync {
    /// What a hook is told of an event that is for it.
    async fn write(
        &self,
        key: &TaskKey,
        hook: &Hook,
        event: &SealedEvent,
    ) -> Result<Written, Error>;
}

impl Hook {
    /// A hook that is told of everything after a position.
    #[must_use]
    pub fn new(kind: HookKind, url: String, position: u64, now: Timestamp) -> Self {
        Self {
            kind,
            url,
            events: Vec::new(),
            secret: None,
            headers: Vec::new(),
            status: HookStatus::Active,
            position,
            failures: 0,
            next_try: 0,
            replays: Vec::new(),
            ping: false,
            log: VecDeque::new(),
            created_at: now.micros(),
        }
    }

    /// What a row says; nothing of another kind of row.
    pub(crate) fn read(body: &str) -> Option<Self> {
        serde_json::from_str::<Row>(body).ok().map(|row| row.hook)
    }

    pub(crate) fn body(&self) -> String {
        serde_json::to_string(&Row { hook: self.clone() }).unwrap_or_default()
    }

    /// Whether an event of its owner's feed is for it.
    #[must_use]
    pub fn wants(&self, event: &SealedEvent) -> bool {
        match &self.kind {
            HookKind::Push { task, .. } => {
                event.subject == Subject::Order(OrderId::new(*task))
                    || event.subject == Subject::Command(CommandId::new(*task))
                    || disputed_order(event) == Some(OrderId::new(*task))
            }
            HookKind::Webhook => {
                self.events.is_empty()
                    || self.events.iter().any(|wanted| match wanted.strip_suffix('*') {
                        Some(begin) => event.name.starts_with(begin),
                        None => event.name == *wanted,
                    })
            }
        }
    }

    /// Why the last try failed, if it did.
    #[must_use]
    pub fn last_error(&self) -> Option<&str> {
        self.log.front()?.error.as_deref()
    }

    /// Whether there is something to do that is not in the feed.
    fn has_wishes(&self) -> bool {
        self.ping || !self.replays.is_empty()
    }

    /// Notes a try; true when the hook is paused by it.
    fn note(&mut self, attempt: Attempt, after: Option<Seconds>, is_final: bool) -> bool {
        let (failed, at) = (attempt.error.is_some(), Timestamp::from_micros(attempt.at));
        self.log.push_front(attempt);
        self.log.truncate(LOGGED);
        if !failed {
            (self.failures, self.next_try) = (0, 0);
            return false;
        }
        self.failures += 1;
        let pause = Seconds(1_u32.checked_shl(self.failures - 1).unwrap_or(u32::MAX));
        let pause = pause.max(after.unwrap_or_default()).min(LONGEST_PAUSE);
        self.next_try = at.plus(pause).micros();
        if !is_final && self.failures < MOST_FAILURES {
            return false;
        }
        self.status = HookStatus::Paused;
        true
    }
}

#[derive(Serialize, Deserialize)]
struct Row {
    hook: Hook,
}

impl Marketplace {
    /// The position of the last event.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn feed_head(&self) -> Result<u64, Error> {
        Ok(self.store().feed_head().await?)
    }

    /// An agent's hooks, with their names.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn hooks(&self, owner: &Did) -> Result<Vec<(Uuid, Hook)>, Error> {
        let rows = self.store().lasting_tasks(Some(owner), None, PAGE).await?;
        let read = |row: Arc<Task>| Some((row.key.task, Hook::read(&row.body)?));
        Ok(rows.into_iter().filter_map(read).collect())
    }

    /// A hook of an agent.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn hook(&self, key: &TaskKey) -> Result<Option<Hook>, Error> {
        let row = self.store().task(key).await?;
        let row = row.filter(|row| row.expires_at == Task::FOR_EVER);
        Ok(row.and_then(|row| Hook::read(&row.body)))
    }

    /// Writes a hook, in a commit of its own.
    ///
    /// # Errors
    /// What `amend` refuses.
    pub async fn keep_hook(&self, key: TaskKey, amend: AmendHook) -> Result<Hook, Error> {
        match self.execute(KeepHook { key, amend }, None).await? {
            Done::Fresh(hook) => Ok(hook),
            Done::Repeated(_) => Err(Error::Fault("a hook has no idempotency key".to_owned())),
        }
    }

    /// Whether an agent's endpoint is one that we would call; a warning where its host's name
    /// means nothing yet. Whoever sets up a hook asks this first.
    ///
    /// # Errors
    /// When it never would be called: the wrong scheme, or no public address.
    pub async fn check_endpoint(&self, url: &str) -> Result<Option<String>, Refusal> {
        match self.inner.edges.fetcher.check(url).await {
            Ok(()) => Ok(None),
            Err(FetchError::Unavailable(reason)) => Ok(Some(reason)),
            Err(FetchError::Refused(reason)) => {
                let problem = format!("is no endpoint that we call: {reason}");
                Err(Refusal::InvalidInput { field: "url", problem })
            }
        }
    }

    /// Sets up a hook.
    ///
    /// # Errors
    /// When the agent has too many webhooks.
    pub async fn add_hook(&self, owner: &Did, hook: Hook) -> Result<(Uuid, Hook), Error> {
        let is_webhook = hook.kind == HookKind::Webhook;
        if is_webhook {
            let known = self.hooks(owner).await?;
            let count = known.iter().filter(|(_, hook)| hook.kind == HookKind::Webhook).count();
            if count >= MOST_WEBHOOKS {
                let problem = format!("is one too many: an agent has at most {MOST_WEBHOOKS}");
                return Err(Refusal::InvalidInput { field: "url", problem }.into());
            }
        }
        let key = TaskKey { task: self.fresh_id().await?, owner: owner.clone() };
        let task = key.task;
        let event = is_webhook.then_some("webhook.created");
        let amend =
            move |_: Option<Hook>, _| Ok(HookWrite { hook: hook.clone(), event, is_over: false });
        Ok((task, self.keep_hook(key, Arc::new(amend)).await?))
    }

    /// Changes a hook that stands.
    ///
    /// # Errors
    /// When there is none of this name, or `change` refuses.
    pub async fn change_hook(
        &self,
        key: TaskKey,
        event: Option<&'static str>,
        change: impl Fn(&mut Hook) -> Result<(), Refusal> + Send + Sync + 'static,
    ) -> Result<Hook, Error> {
        let amend = move |known: Option<Hook>, _| {
            let mut hook = known.ok_or(Refusal::NotFound)?;
            change(&mut hook)?;
            Ok(HookWrite { hook, event, is_over: false })
        };
        self.keep_hook(key, Arc::new(amend)).await
    }

    /// Has events told again: those after a position, up to another one.
    ///
    /// # Errors
    /// When there is no such hook, or too much is told again already.
    pub async fn replay_hook(&self, key: TaskKey, after: u64, to: u64) -> Result<Hook, Error> {
        self.change_hook(key, None, move |hook| {
            if hook.replays.len() >= MOST_REPLAYS {
                let problem = "must wait: four replays are under way".to_owned();
                return Err(Refusal::InvalidInput { field: "from", problem });
            }
            hook.replays.push(Replay { after, to });
            Ok(())
        })
        .await
    }

    /// Ends a hook.
    ///
    /// # Errors
    /// When there is none of this name.
    pub async fn end_hook(&self, key: TaskKey) -> Result<Hook, Error> {
        let amend = |known: Option<Hook>, _| {
            let hook = known.ok_or(Refusal::NotFound)?;
            let event = (hook.kind == HookKind::Webhook).then_some("webhook.removed");
            Ok(HookWrite { hook, event, is_over: true })
        };
        self.keep_hook(key, Arc::new(amend)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(error: bool) -> Attempt {
        Attempt {
            id: "1".to_owned(),
            event: "order.placed".to_owned(),
            position: 1,
            at: 0,
            status: None,
            error: error.then(|| "no".to_owned()),
            is_replay: false,
        }
    }

    #[test]
    fn tries_are_further_and_further_apart_until_it_is_paused() {
        let url = "https://a.example".to_owned();
        let mut hook = Hook::new(HookKind::Webhook, url, 0, Timestamp::from_micros(0));
        let mut pauses = Vec::new();
        while !hook.note(attempt(true), None, false) {
            pauses.push(hook.next_try / 1_000_000);
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024]);
        assert_eq!((hook.status, hook.failures), (HookStatus::Paused, MOST_FAILURES));
        assert!(!hook.note(attempt(false), None, false));
        assert_eq!((hook.failures, hook.next_try, hook.log.len()), (0, 0, 13));
        hook.note(attempt(true), Some(Seconds(90)), false);
        assert_eq!(hook.next_try, 90_000_000);
        assert!(hook.note(attempt(true), None, true), "what is final pauses at once");
        assert_eq!(Hook::read(&hook.body()), Some(hook));
    }
}
