//! What a message does: the part of an agent that is not the protocol.

use async_trait::async_trait;
use marketplace_wire::Guest;
use serde_json::{Map, Value};

use crate::dialect::Dialect;
use crate::error::A2aError;
use crate::service::A2a;
use crate::standing::Standing;
use crate::types::{Message, PushConfig};

/// A message that was understood as far as the protocol goes.
#[derive(Clone, Copy, Debug)]
pub struct Turn<'a> {
    /// Who speaks; nobody, where anybody may.
    pub guest: Option<&'a Guest>,
    /// What it says.
    pub message: &'a Message,
    /// What it says beside.
    pub metadata: &'a Map<String, Value>,
    /// The conversation.
    pub context: &'a str,
    /// The task that it is about, if that stands.
    pub task: Option<&'a Standing>,
    /// Whom to call about a new task.
    pub push: Option<&'a PushConfig>,
    /// `Idempotency-Key`.
    pub idempotency_key: Option<&'a str>,
    /// How the speaker speaks.
    pub dialect: Dialect,
}

/// What came of a message.
#[derive(Debug)]
pub enum Act {
    /// A task, new or changed.
    Task(Box<Standing>),
    /// An answer without one.
    Message(Box<Message>),
}

/// What messages do.
#[async_trait]
pub trait Behaviour: Send + Sync {
    /// Acts on a message. The task that it is about is not at its end.
    async fn act(&self, a2a: &A2a, turn: Turn<'_>) -> Result<Act, A2aError>;

    /// Calls a task off. It is not at its end.
    async fn cancel(&self, a2a: &A2a, guest: &Guest, task: &Standing)
    -> Result<Standing, A2aError>;
}
