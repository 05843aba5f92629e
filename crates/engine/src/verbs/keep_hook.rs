//! An agent's endpoint that is told of events: set up, changed, and where its reader is.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use marketplace_money::{CommandId, Timestamp};
use marketplace_ports::{Key, Subject, Task, TaskKey};
use serde_json::json;

use crate::desk::Desk;
use crate::hooks::Hook;
use crate::job::Verb;
use crate::refusal::Refusal;

/// The next state of a hook.
#[derive(Clone, Debug)]
pub struct HookWrite {
    /// What is kept from now on.
    pub hook: Hook,
    /// What its owner's feed says of it, such as `webhook.paused`.
    pub event: Option<&'static str>,
    /// Whether it may be forgotten.
    pub is_over: bool,
}

/// Makes the next state from what is kept and the time. May be asked again, until it is written.
pub type AmendHook =
    Arc<dyn Fn(Option<Hook>, Timestamp) -> Result<HookWrite, Refusal> + Send + Sync>;

/// Writes a hook.
#[derive(Clone)]
pub(crate) struct KeepHook {
    pub(crate) key: TaskKey,
    pub(crate) amend: AmendHook,
}

impl fmt::Debug for KeepHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeepHook").field("key", &self.key).finish_non_exhaustive()
    }
}

impl Verb for KeepHook {
    type Reply = Hook;

    fn keys(&self, keys: &mut HashSet<Key>) {
        keys.insert(Key::Task(self.key.clone()));
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Self::Reply, Refusal> {
        let (known, now) = (desk.task(&self.key), desk.now());
        let hook = known.as_ref().filter(|row| row.expires_at == Task::FOR_EVER);
        let HookWrite { hook, event, is_over } =
            (self.amend)(hook.and_then(|row| Hook::read(&row.body)), now)?;
        if let Some(name) = event {
            let subject = Subject::Command(CommandId::new(self.key.task));
            let data = json!({
                "webhook_id": self.key.task, "url": hook.url, "status": hook.status,
                "reason": hook.last_error(),
            });
            desk.emit(subject, name, vec![self.key.owner.clone()], data.to_string());
        }
        let task = Task {
            key: self.key.clone(),
            version: 0,
            changed_at: known.as_ref().map_or(now, |known| known.changed_at),
            expires_at: if is_over { now } else { Task::FOR_EVER },
            body: hook.body().into(),
        };
        desk.write_task(known.map_or(0, |known| known.version), task);
        Ok(hook)
    }
}
