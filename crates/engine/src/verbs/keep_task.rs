//! What an agent protocol keeps of a task.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use marketplace_money::{CommandId, Seconds, Timestamp};
use marketplace_ports::{Key, Subject, Task, TaskKey};

use crate::desk::Desk;
use crate::job::Verb;
use crate::refusal::Refusal;

/// The event of a task that is no order's.
pub const TASK_CHANGED: &str = "task.changed";

/// The next state of a task.
#[derive(Clone, Debug, Default)]
pub struct TaskWrite {
    /// JSON text.
    pub body: String,
    /// How long it is kept from now.
    pub life: Seconds,
    /// Whether its state changed, which brings it to the front of its owner's list.
    pub is_news: bool,
    /// What those who follow it are told, in order: JSON texts. They see nothing but these, so an
    /// order's tasks, whose events are the order's, tell nothing here.
    pub events: Vec<String>,
}

/// Makes the next state from what is kept and the time. May be asked again, until it is written.
pub type Amend = Arc<dyn Fn(Option<&Task>, Timestamp) -> Result<TaskWrite, Refusal> + Send + Sync>;

/// Writes what is kept of a task.
#[derive(Clone)]
pub(crate) struct KeepTask {
    pub(crate) key: TaskKey,
    pub(crate) amend: Amend,
}

impl fmt::Debug for KeepTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeepTask").field("key", &self.key).finish_non_exhaustive()
    }
}

impl Verb for KeepTask {
    type Reply = Arc<Task>;

    fn keys(&self, keys: &mut HashSet<Key>) {
        keys.insert(Key::Task(self.key.clone()));
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Self::Reply, Refusal> {
        keep(desk, &self.key, &self.amend)
    }
}

/// Writes what is kept of a task, on whichever desk.
pub(crate) fn keep(
    desk: &mut Desk<'_>,
    key: &TaskKey,
    amend: &Amend,
) -> Result<Arc<Task>, Refusal> {
    let (known, now) = (desk.task(key), desk.now());
    let write = amend(known.as_deref(), now)?;
    for data in write.events {
        let subject = Subject::Command(CommandId::new(key.task));
        desk.emit(subject, TASK_CHANGED, vec![key.owner.clone()], data);
    }
    let changed_at = match &known {
        Some(known) if !write.is_news => known.changed_at,
        _ => now,
    };
    let task = Task {
        key: key.clone(),
        version: 0,
        changed_at,
        expires_at: now.plus(write.life),
        body: write.body.into(),
    };
    Ok(desk.write_task(known.map_or(0, |known| known.version), task))
}
