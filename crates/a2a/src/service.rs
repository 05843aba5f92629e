//! The operations, whatever the binding.

use std::sync::Arc;
use std::time::Duration;

use marketplace_engine::{Beside, Marketplace, Refusal, Scope, TaskWrite};
use marketplace_money::{CommandId, Did, OrderId, Timestamp};
use marketplace_ports::{Nonce, TaskKey};
use marketplace_wire::{Doorkeeper, Guest};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::behaviour::{Act, Behaviour, Turn};
use crate::card::Cards;
use crate::dialect::Dialect;
use crate::error::{A2aError, TASK_NOT_CANCELABLE, UNAVAILABLE, UNSUPPORTED_OPERATION};
use crate::follow::{Follower, Until};
use crate::kept::Kept;
use crate::pushes::MOST_PUSHES;
use crate::standing::{Standing, addressed};
use crate::types::{Configuration, Message, Role, SendRequest, Task, TaskRequest};

/// Conversations and names that clients choose.
const LONGEST_NAME: usize = 256;

/// What the operator decides.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How others reach us, without a slash at its end.
    pub public_url: String,
    /// Whether tasks are told to whom their owners name.
    pub pushes: bool,
    /// A blocking answer is given after so long whatever the task does.
    pub longest_wait: Duration,
}

/// The protocol over a marketplace; clones share everything.
#[derive(Clone)]
pub struct A2a {
    /// The engine.
    pub marketplace: Marketplace,
    /// Who calls.
    pub door: Arc<dyn Doorkeeper>,
    /// What messages do.
    pub behaviour: Arc<dyn Behaviour>,
    /// Who we are.
    pub cards: Arc<Cards>,
    /// What the operator decides.
    pub settings: Settings,
    /// Tells the time, for the age of tokens.
    pub clock: Clock,
}

/// Tells the time.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// What a message was answered with.
#[derive(Debug)]
pub(crate) enum Answer {
    Task(Box<Standing>),
    Message(Box<Message>),
}

/// A request, and who makes it how.
#[derive(Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) guest: Option<&'a Guest>,
    pub(crate) dialect: Dialect,
    pub(crate) idempotency_key: Option<&'a str>,
}

impl Call<'_> {
    /// What a command of this request uses up.
    pub(crate) fn proof(&self) -> Option<(Nonce, Timestamp)> {
        self.guest.and_then(|guest| guest.proof.clone())
    }

    pub(crate) fn did(&self) -> Result<&Did, A2aError> {
        self.guest.map(|guest| &guest.caller.did).ok_or_else(A2aError::nobody)
    }
}

pub(crate) fn fits(name: &str, field: &str) -> Result<(), A2aError> {
    if name.len() <= LONGEST_NAME && !name.chars().any(char::is_control) {
        return Ok(());
    }
    Err(A2aError::invalid(field, "must have at most 256 characters, and no control characters"))
}

/// What the protocol demands of a message.
fn check(message: &Message) -> Result<(), A2aError> {
    if message.message_id.is_empty() {
        return Err(A2aError::invalid("message.messageId", "must be there"));
    }
    fits(&message.message_id, "message.messageId")?;
    fits(&message.context_id, "message.contextId")?;
    if message.role != Role::User {
        return Err(A2aError::invalid("message.role", "must be ROLE_USER"));
    }
    if message.parts.is_empty() {
        return Err(A2aError::invalid("message.parts", "must have at least one part"));
    }
    for (at, part) in message.parts.iter().enumerate() {
        if !part.is_whole() {
            let field = format!("message.parts[{at}]");
            return Err(A2aError::invalid(&field, "must have one of text, raw, url and data"));
        }
    }
    Ok(())
}

impl A2a {
    /// `SendMessage`.
    pub(crate) async fn send(
        &self,
        call: Call<'_>,
        request: SendRequest,
    ) -> Result<Answer, A2aError> {
        let configuration = request.configuration.clone();
        let answer = self.act(call, request).await?;
        let Answer::Task(standing) = answer else { return Ok(answer) };
        let state = standing.state();
        let is_over = state.is_terminal() || state.is_interrupted();
        if is_over || configuration.return_immediately || standing.order.is_some() {
            return Ok(Answer::Task(standing));
        }
        let key = standing.key;
        Ok(Answer::Task(Box::new(self.wait(&key).await?)))
    }

    /// Waits until a task is over, or waits itself.
    async fn wait(&self, key: &TaskKey) -> Result<Standing, A2aError> {
        let scope = Scope::Task { task: CommandId::new(key.task), owner: key.owner.clone() };
        let deadline = tokio::time::Instant::now() + self.settings.longest_wait;
        let mut reader = self.read(&key.owner, scope, None).await?;
        loop {
            let standing = self.standing(&key.owner, &key.task.to_string()).await?;
            let state = standing.state();
            if state.is_terminal() || state.is_interrupted() {
                return Ok(standing);
            }
            match tokio::time::timeout_at(deadline, reader.next()).await {
                Ok(Ok(Some(_))) => {}
                Ok(Err(error)) => return Err(error.into()),
                Ok(Ok(None)) | Err(_) => return Ok(standing),
            }
        }
    }

    /// A reader of the feed.
    pub(crate) async fn read(
        &self,
        viewer: &Did,
        scope: Scope,
        after: Option<u64>,
    ) -> Result<marketplace_engine::FeedReader, A2aError> {
        let reader = self.marketplace.read_feed(viewer, scope, after).await?;
        reader.ok_or_else(|| {
            A2aError::new(UNAVAILABLE, "Too many streams are open: close one, or come back later")
        })
    }

    /// `SendStreamingMessage`: what those who follow are told, beginning with the task.
    pub(crate) async fn send_streaming(
        &self,
        call: Call<'_>,
        request: SendRequest,
    ) -> Result<Result<Follower, Message>, A2aError> {
        // Before the message does anything, so that nothing of it is missed.
        let reader = match call.guest {
            Some(guest) => {
                let did = &guest.caller.did;
                Some(self.read(did, Scope::Agent(did.clone()), None).await?)
            }
            None => None,
        };
        match self.act(call, request).await? {
            Answer::Message(message) => Ok(Err(*message)),
            Answer::Task(standing) => Ok(Ok(Follower::new(*standing, reader, Until::Interrupted))),
        }
    }

    async fn act(&self, call: Call<'_>, request: SendRequest) -> Result<Answer, A2aError> {
        let SendRequest { mut message, configuration, metadata } = request;
        check(&message)?;
        let mut push = configuration.task_push_notification_config.clone();
        let mut position = 0;
        if let Some(push) = &mut push {
            self.check_push(push).await?;
            // Named now: the configuration and its hook have the same name.
            if push.id.is_empty() {
                push.id = Uuid::now_v7().to_string();
            }
            // Before the message does anything, so that nothing of it is missed.
            position = self.marketplace.feed_head().await?;
        }
        let push = push.as_ref();
        let task = match message.task_id.is_empty() {
            true => None,
            false => Some(self.addressee(call, &message).await?),
        };
        let context = match &task {
            Some(task) => task.task.context_id.clone(),
            None if message.context_id.is_empty() => Uuid::now_v7().to_string(),
            None => message.context_id.clone(),
        };
        context.clone_into(&mut message.context_id);
        let turn = Turn {
            guest: call.guest,
            message: &message,
            metadata: &metadata,
            context: &context,
            task: task.as_ref(),
            push,
            idempotency_key: call.idempotency_key,
            dialect: call.dialect,
        };
        let answer = match self.behaviour.act(self, turn).await? {
            Act::Task(standing) => {
                if let (None, Some(push), Some(_)) = (&task, push, call.guest) {
                    self.hook_push(&standing.key, push, position).await?;
                }
                Answer::Task(standing)
            }
            Act::Message(message) => Answer::Message(message),
        };
        // Behind the command, whose proof may be worth nothing; its events are behind `position`.
        if let (Some(task), Some(push)) = (&task, push) {
            self.set_push(&task.key, push.clone(), position, None).await?;
        }
        Ok(answer)
    }

    /// The task that a message is for.
    async fn addressee(&self, call: Call<'_>, message: &Message) -> Result<Standing, A2aError> {
        let standing = self.standing(call.did()?, &message.task_id).await?;
        if !message.context_id.is_empty() && message.context_id != standing.task.context_id {
            return Err(A2aError::invalid("message.contextId", "is not that of the task"));
        }
        if standing.state().is_terminal() {
            let detail = "The task is at its end and takes no more messages: begin a new one";
            return Err(A2aError::new(UNSUPPORTED_OPERATION, detail));
        }
        Ok(standing)
    }

    /// `GetTask`.
    pub(crate) async fn get(
        &self,
        call: Call<'_>,
        request: &TaskRequest,
    ) -> Result<Standing, A2aError> {
        self.standing(call.did()?, &request.id).await
    }

    /// `CancelTask`.
    pub(crate) async fn cancel(
        &self,
        call: Call<'_>,
        request: &TaskRequest,
    ) -> Result<Standing, A2aError> {
        let guest = call.guest.ok_or_else(A2aError::nobody)?;
        let standing = self.standing(&guest.caller.did, &request.id).await?;
        if standing.state().is_terminal() {
            return Err(A2aError::new(TASK_NOT_CANCELABLE, "The task is at its end"));
        }
        self.behaviour.cancel(self, guest, &standing).await
    }

    /// `SubscribeToTask`; `after` is where a reader that was cut off goes on.
    pub(crate) async fn subscribe(
        &self,
        call: Call<'_>,
        request: &TaskRequest,
        after: Option<u64>,
    ) -> Result<Follower, A2aError> {
        let did = call.did()?;
        let standing = self.standing(did, &request.id).await?;
        if standing.state().is_terminal() {
            let detail = "The task is at its end: nothing more comes of it";
            return Err(A2aError::new(UNSUPPORTED_OPERATION, detail));
        }
        let scope = match standing.order {
            Some(order) => Scope::Order { order, party: did.clone() },
            None => {
                let task = CommandId::new(standing.key.task);
                Scope::Task { task, owner: did.clone() }
            }
        };
        let reader = self.read(did, scope, after).await?;
        // Looked at again, now that nothing is missed any more.
        let standing = self.standing(did, &request.id).await?;
        let mut follower = Follower::new(standing, Some(reader), Until::End);
        if after.is_some() {
            follower.tell_everything();
        }
        Ok(follower)
    }

    /// Changes what is kept of a task, without news for anybody; uses the proof up.
    pub(crate) async fn amend(
        &self,
        key: &TaskKey,
        proof: Option<(Nonce, Timestamp)>,
        change: impl Fn(&mut Kept) -> bool + Send + Sync + 'static,
    ) -> Result<(), A2aError> {
        let amend = move |row: Option<&marketplace_ports::Task>, _: Timestamp| {
            let mut kept = row.map(|row| Kept::read(&row.body)).unwrap_or_default();
            if !change(&mut kept) {
                return Err(Refusal::InvalidInput {
                    field: "pushNotificationConfig",
                    problem: format!("is one too many, {MOST_PUSHES} are kept"),
                });
            }
            let (body, life) = (kept.body(), kept.life());
            Ok(TaskWrite { body, life, is_news: false, events: Vec::new() })
        };
        let marketplace = self.marketplace.beside(Beside { proof, ..Beside::default() });
        marketplace.keep_task(key.clone(), Arc::new(amend)).await?;
        Ok(())
    }
}

/// At most so many messages, the newest; none when 0 are wanted.
pub(crate) fn shorten(task: &mut Task, length: Option<i64>) -> Result<(), A2aError> {
    let Some(length) = length else { return Ok(()) };
    let length = usize::try_from(length)
        .map_err(|_| A2aError::invalid("historyLength", "must not be below 0"))?;
    let surplus = task.history.len().saturating_sub(length);
    task.history.drain(..surplus);
    Ok(())
}

/// Notes a message, and what its maker wants, beside the order that it makes or is for.
pub(crate) fn note(turn: &Turn<'_>) -> marketplace_engine::Amend {
    let message = turn.message.clone();
    let (context, dialect) = (turn.context.to_owned(), turn.dialect);
    let push = turn.task.is_none().then(|| turn.push.cloned()).flatten();
    let key = turn.task.map(|task| task.key.clone());
    Arc::new(move |row, _| {
        let mut kept = row.map(|row| Kept::read(&row.body)).unwrap_or_default();
        if row.is_none() {
            kept.context_id.clone_from(&context);
            kept.dialect = dialect;
        }
        let mut message = message.clone();
        if let Some(key) = &key {
            message = addressed(message, key, &context);
        }
        kept.hear(message);
        if let Some(push) = &push {
            let mut push = push.clone();
            if push.id.is_empty() {
                push.id = "default".to_owned();
            }
            kept.set_push(push);
        }
        let (body, life) = (kept.body(), kept.life());
        Ok(TaskWrite { body, life, is_news: false, events: Vec::new() })
    })
}

/// What a client says of the answer that it wants; for dialects.
pub(crate) fn blocking(blocking: bool) -> Configuration {
    Configuration { return_immediately: !blocking, ..Configuration::default() }
}

/// An empty `metadata`.
pub(crate) fn no_metadata() -> Map<String, Value> {
    Map::new()
}

/// The order of a task, if its name could be one's.
pub(crate) fn order_named(standing: Option<&Standing>) -> Option<OrderId> {
    standing.and_then(|standing| standing.order)
}
