//! What is kept of a task in the store: never what the market's own state already says.

use marketplace_money::{Did, Seconds};
use marketplace_ports::TaskKey;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::dialect::Dialect;
use crate::types::{
    Artifact, ArtifactUpdate, Message, PushConfig, StatusUpdate, StreamResponse, Task, TaskStatus,
};

/// Messages of a task that are kept; older ones go first.
const MOST_MESSAGES: usize = 64;
/// Bytes of them.
const MOST_BYTES: usize = 256 * 1024;
/// A task that is no order's.
const LIFE: Seconds = Seconds::from_hours(7 * 24);
/// What is kept beside an order, from its last word.
const LIFE_OF_ORDERS: Seconds = Seconds::from_hours(90 * 24);

/// What is kept of a task.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Kept {
    /// The conversation, where the client named one or we made one up.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub context_id: String,
    /// How its maker speaks.
    #[serde(default)]
    pub dialect: Dialect,
    /// What was said, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<Message>,
    /// Whom to call.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pushes: Vec<PushConfig>,
    /// Everything else, of a task that is no order's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own: Option<Own>,
}

/// A task that is no order's.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Own {
    /// Where it is.
    pub status: TaskStatus,
    /// What it brought forth.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<Artifact>,
    /// Anything about it.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub metadata: Map<String, Value>,
}

/// A step of a task that is no order's.
#[derive(Clone, Debug)]
pub enum Step {
    /// Its status changes.
    Status(TaskStatus),
    /// It brings something forth.
    Artifact {
        /// What.
        artifact: Artifact,
        /// Whether it goes behind what is there.
        append: bool,
        /// Whether nothing more comes.
        last: bool,
    },
}

/// An event of a task that is no order's, as the feed has it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct TaskEvent {
    /// The version of the row that it made: whoever saw that row has seen the event.
    pub version: u64,
    /// What those who follow are told.
    pub update: StreamResponse,
}

impl Kept {
    /// What a row says. A row that cannot be read says nothing.
    #[must_use]
    pub(crate) fn read(body: &str) -> Self {
        serde_json::from_str(body).unwrap_or_else(|error| {
            tracing::error!(%error, "what is kept of a task cannot be read");
            Self::default()
        })
    }

    /// As a row.
    #[must_use]
    pub(crate) fn body(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// How long it is kept from now.
    #[must_use]
    pub(crate) const fn life(&self) -> Seconds {
        if self.own.is_some() { LIFE } else { LIFE_OF_ORDERS }
    }

    /// Adds what was said.
    pub(crate) fn hear(&mut self, message: Message) {
        self.history.push(message);
        let size = |message: &Message| serde_json::to_string(message).map_or(0, |text| text.len());
        let mut bytes: usize = self.history.iter().map(size).sum();
        while self.history.len() > MOST_MESSAGES || (bytes > MOST_BYTES && self.history.len() > 1) {
            bytes -= size(&self.history.remove(0));
        }
    }

    /// Whom to call from now on: a configuration of the same name is replaced.
    pub(crate) fn set_push(&mut self, config: PushConfig) {
        self.pushes.retain(|known| known.id != config.id);
        self.pushes.push(config);
    }

    /// Takes a step; says what those who follow are told of it.
    pub(crate) fn take(&mut self, key: &TaskKey, step: Step) -> StreamResponse {
        let (task_id, context_id) = (key.task.to_string(), self.context_id.clone());
        match step {
            Step::Status(status) => {
                if let Some(own) = &mut self.own {
                    // What the agent said before is part of the conversation.
                    let said = std::mem::replace(&mut own.status, status.clone()).message;
                    self.history.extend(said);
                }
                let metadata = Map::new();
                StreamResponse::StatusUpdate(Box::new(StatusUpdate {
                    task_id,
                    context_id,
                    status,
                    metadata,
                }))
            }
            Step::Artifact { artifact, append, last } => {
                if let Some(own) = &mut self.own {
                    put(&mut own.artifacts, &artifact, append);
                }
                StreamResponse::ArtifactUpdate(Box::new(ArtifactUpdate {
                    task_id,
                    context_id,
                    artifact,
                    append,
                    last_chunk: last,
                }))
            }
        }
    }

    /// The task of this row, if it is no order's.
    #[must_use]
    pub(crate) fn task(&self, id: Uuid) -> Option<Task> {
        let own = self.own.clone()?;
        Some(Task {
            id: id.to_string(),
            context_id: self.context_id.clone(),
            status: own.status,
            artifacts: own.artifacts,
            history: self.history.clone(),
            metadata: own.metadata,
        })
    }
}

fn put(artifacts: &mut Vec<Artifact>, new: &Artifact, append: bool) {
    match artifacts.iter_mut().find(|known| known.artifact_id == new.artifact_id) {
        Some(known) if append => known.parts.extend(new.parts.iter().cloned()),
        Some(known) => *known = new.clone(),
        None => artifacts.push(new.clone()),
    }
}

/// The row of a task as one agent sees it. A text that is no id names no task.
#[must_use]
pub(crate) fn key(id: &str, owner: &Did) -> Option<TaskKey> {
    let task = Uuid::try_parse(id).ok()?;
    Some(TaskKey { task, owner: owner.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Part, TaskState};

    fn status(state: TaskState) -> TaskStatus {
        TaskStatus { state, message: None, timestamp: String::new() }
    }

    #[test]
    fn chunks_are_put_together() {
        let own =
            Own { status: status(TaskState::Working), artifacts: Vec::new(), metadata: Map::new() };
        let mut kept = Kept { own: Some(own), ..Kept::default() };
        let key = key(&Uuid::nil().to_string(), &"did:a".parse().unwrap()).unwrap();
        for (at, text) in ["chunk-1 ", "chunk-2"].into_iter().enumerate() {
            let parts = vec![Part::text(text)];
            let artifact = Artifact { artifact_id: "a".into(), parts, ..Artifact::default() };
            kept.take(&key, Step::Artifact { artifact, append: at > 0, last: at == 1 });
        }
        kept.take(&key, Step::Status(status(TaskState::Completed)));
        let again = Kept::read(&kept.body()).task(key.task).unwrap();
        assert_eq!(again.status.state, TaskState::Completed);
        assert_eq!(again.artifacts.len(), 1);
        assert_eq!(again.artifacts[0].parts.len(), 2);
    }

    #[test]
    fn history_is_bounded() {
        let mut kept = Kept::default();
        for number in 0..200 {
            let parts = vec![Part::text("x".repeat(10_000))];
            kept.hear(Message { message_id: number.to_string(), parts, ..Message::default() });
        }
        assert!(kept.body().len() < MOST_BYTES + 20_000);
        assert_eq!(kept.history.last().unwrap().message_id, "199");
    }
}
