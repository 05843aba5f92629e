//! A task as it stands, wherever its truth is.

use std::sync::Arc;

use marketplace_engine::{OrderView, Refusal, TaskWrite};
use marketplace_money::{Did, DisputeId, OrderId, Timestamp};
use marketplace_ports::TaskKey;
use marketplace_wire::Rfc3339;
use serde_json::Map;
use uuid::Uuid;

use crate::dialect::Dialect;
use crate::error::A2aError;
use crate::kept::{Kept, Own, Step, TaskEvent, key};
use crate::service::A2a;
use crate::types::{Message, PushConfig, StreamResponse, Task, TaskState, TaskStatus};
use crate::whole::{Us, Whole};

/// A task as one agent sees it.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Which, and whose.
    pub key: TaskKey,
    /// As it is shown, with everything.
    pub task: Task,
    /// The order that it is, if it is one.
    pub order: Option<OrderId>,
    /// How its maker speaks.
    pub dialect: Dialect,
    /// Whom to call.
    pub pushes: Vec<PushConfig>,
    /// Of the row or of the order: events that made it, or came before, are in it.
    pub version: u64,
    /// The versions of the order's disputes that are in it: the same.
    pub disputes: Vec<(DisputeId, u64)>,
    /// Its place in lists.
    pub changed_at: Timestamp,
}

impl Standing {
    /// Where it is.
    #[must_use]
    pub const fn state(&self) -> TaskState {
        self.task.status.state
    }

    pub(crate) fn own(row: &marketplace_ports::Task, kept: Kept) -> Option<Self> {
        Some(Self {
            task: kept.task(row.key.task)?,
            key: row.key.clone(),
            order: None,
            dialect: kept.dialect,
            pushes: kept.pushes,
            version: row.version,
            disputes: Vec::new(),
            changed_at: row.changed_at,
        })
    }
}

/// A new task that is no order's.
#[derive(Clone, Debug)]
pub struct NewTask {
    /// Whose.
    pub owner: Did,
    /// The conversation.
    pub context: String,
    /// How its maker speaks.
    pub dialect: Dialect,
    /// What was said.
    pub message: Message,
    /// Whom to call.
    pub push: Option<PushConfig>,
}

impl A2a {
    /// A task of an agent.
    ///
    /// # Errors
    /// When it has none of this name, or no name is given.
    pub async fn standing(&self, owner: &Did, id: &str) -> Result<Standing, A2aError> {
        A2aError::expect_name("id", id)?;
        let key = key(id, owner).ok_or_else(|| A2aError::no_task(id))?;
        let row = self.marketplace.task(&key).await?;
        let kept = row.as_ref().map(|row| Kept::read(&row.body));
        if let (Some(row), Some(kept)) = (&row, &kept)
            && let Some(own) = Standing::own(row, kept.clone())
        {
            return Ok(own);
        }
        let view = self.marketplace.order(OrderId::new(key.task)).await?;
        let view = view.filter(|view| view.order.role_of(owner).is_some());
        let view = view.ok_or_else(|| A2aError::no_task(id))?;
        self.of_order(&view, owner, kept).await
    }

    /// An order as its party's task.
    pub(crate) async fn of_order(
        &self,
        view: &OrderView,
        owner: &Did,
        kept: Option<Kept>,
    ) -> Result<Standing, A2aError> {
        let whole = Whole::of(&self.marketplace, view.clone(), kept).await?;
        Ok(whole.standing(owner, self.us()))
    }

    pub(crate) fn us(&self) -> Us<'_> {
        Us { did: self.marketplace.did(), url: &self.settings.public_url }
    }

    /// Makes a task that is no order's.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn make(&self, new: NewTask, steps: Vec<Step>) -> Result<Standing, A2aError> {
        let task = Uuid::now_v7();
        let key = TaskKey { task, owner: new.owner.clone() };
        let named = key.clone();
        let amend = move |_: Option<&marketplace_ports::Task>, now: Timestamp| {
            let status = TaskStatus {
                state: TaskState::Submitted,
                message: None,
                timestamp: Rfc3339(now).to_string(),
            };
            let own = Own { status, artifacts: Vec::new(), metadata: Map::new() };
            let mut kept = Kept {
                context_id: new.context.clone(),
                dialect: new.dialect,
                pushes: new.push.iter().cloned().map(|push| named_push(push, task)).collect(),
                own: Some(own),
                ..Kept::default()
            };
            kept.hear(addressed(new.message.clone(), &named, &kept.context_id));
            Ok(taken(&mut kept, &named, 1, now, &steps))
        };
        self.written(key, Arc::new(amend)).await
    }

    /// Takes steps with a task that is no order's; `said` is what its owner said before.
    ///
    /// # Errors
    /// When the task is at its end.
    pub async fn step(
        &self,
        key: &TaskKey,
        said: Option<Message>,
        steps: Vec<Step>,
    ) -> Result<Standing, A2aError> {
        let named = key.clone();
        let amend = move |row: Option<&marketplace_ports::Task>, now: Timestamp| {
            let row = row.ok_or(Refusal::NotFound)?;
            let mut kept = Kept::read(&row.body);
            let state = kept.own.as_ref().map(|own| own.status.state);
            if state.is_none_or(TaskState::is_terminal) {
                return Err(Refusal::AlreadyDone);
            }
            if let Some(message) = said.clone() {
                let context = kept.context_id.clone();
                kept.hear(addressed(message, &named, &context));
            }
            Ok(taken(&mut kept, &named, row.version + 1, now, &steps))
        };
        self.written(key.clone(), Arc::new(amend)).await
    }

    async fn written(
        &self,
        key: TaskKey,
        amend: marketplace_engine::Amend,
    ) -> Result<Standing, A2aError> {
        let id = key.task.to_string();
        let row = self.marketplace.keep_task(key, amend).await?;
        Standing::own(&row, Kept::read(&row.body)).ok_or_else(|| A2aError::no_task(&id))
    }
}

/// Takes the steps, in order, at one time.
fn taken(
    kept: &mut Kept,
    key: &TaskKey,
    version: u64,
    now: Timestamp,
    steps: &[Step],
) -> TaskWrite {
    let mut events = Vec::with_capacity(steps.len());
    for step in steps {
        let mut step = step.clone();
        if let Step::Status(status) = &mut step {
            status.timestamp = Rfc3339(now).to_string();
            if let Some(message) = &mut status.message {
                *message = addressed(message.clone(), key, &kept.context_id);
            }
        }
        let update: StreamResponse = kept.take(key, step);
        events.push(serde_json::to_string(&TaskEvent { version, update }).unwrap_or_default());
    }
    TaskWrite { body: kept.body(), life: kept.life(), is_news: true, events }
}

/// A message with the task and the conversation that it belongs to.
pub(crate) fn addressed(mut message: Message, key: &TaskKey, context: &str) -> Message {
    message.task_id = key.task.to_string();
    context.clone_into(&mut message.context_id);
    message
}

/// A configuration with names.
pub(crate) fn named_push(mut push: PushConfig, task: Uuid) -> PushConfig {
    push.task_id = task.to_string();
    if push.id.is_empty() {
        push.id = Uuid::now_v7().to_string();
    }
    push
}
