//! Tasks of agent protocols (A2A): what cannot be derived from the market's own state.

use std::fmt;
use std::sync::Arc;

use marketplace_money::{Did, Timestamp};
use uuid::Uuid;

/// A task as one agent sees it. The parties of an order have a row each: what one of them wrote is
/// not the other's to read.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskKey {
    /// The task's name; an order's tasks have the order's.
    pub task: Uuid,
    /// Whose.
    pub owner: Did,
}

impl fmt::Display for TaskKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.task.as_simple(), self.owner)
    }
}

/// What is kept of a task. One that is kept for ever is no task's: an agent's standing wish, such
/// as a hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Which, and whose.
    pub key: TaskKey,
    /// From 1.
    pub version: u64,
    /// When its state changed last.
    pub changed_at: Timestamp,
    /// May be forgotten after.
    pub expires_at: Timestamp,
    /// JSON text; its meaning belongs to the protocol's binding.
    pub body: Arc<str>,
}

impl Task {
    /// The end of what is kept until its owner ends it.
    pub const FOR_EVER: Timestamp = Timestamp::from_micros(i64::MAX);
}
