//! The protocol's objects in their ProtoJSON form (`a2a.proto`, package `lf.a2a.v1`).
//!
//! Read as ProtoJSON is: unknown fields are passed over, `null` is an absent field, and a name may
//! be spelled as in the proto file. Written with empty fields left out, but for required ones.

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

/// `null` is an absent field.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Here `null` is a value.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// Where a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskState {
    /// Acknowledged.
    Submitted,
    /// At work.
    Working,
    /// Done.
    Completed,
    /// Ended by an error.
    Failed,
    /// Called off.
    Canceled,
    /// Somebody has to do something.
    InputRequired,
    /// Refused.
    Rejected,
    /// Somebody has to prove something.
    AuthRequired,
}

/// Each state with its number, its name, and its name in the dialects before 1.0.
const STATES: [(TaskState, u64, &str, &str); 8] = [
    (TaskState::Submitted, 1, "TASK_STATE_SUBMITTED", "submitted"),
    (TaskState::Working, 2, "TASK_STATE_WORKING", "working"),
    (TaskState::Completed, 3, "TASK_STATE_COMPLETED", "completed"),
    (TaskState::Failed, 4, "TASK_STATE_FAILED", "failed"),
    (TaskState::Canceled, 5, "TASK_STATE_CANCELED", "canceled"),
    (TaskState::InputRequired, 6, "TASK_STATE_INPUT_REQUIRED", "input-required"),
    (TaskState::Rejected, 7, "TASK_STATE_REJECTED", "rejected"),
    (TaskState::AuthRequired, 8, "TASK_STATE_AUTH_REQUIRED", "auth-required"),
];

impl TaskState {
    /// Whether nothing comes after it.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Canceled | Self::Rejected)
    }

    /// Whether the task waits for somebody.
    #[must_use]
    pub const fn is_interrupted(self) -> bool {
        matches!(self, Self::InputRequired | Self::AuthRequired)
    }

    /// Its name in the protocol.
    #[must_use]
    pub fn name(self) -> &'static str {
        STATES.iter().find(|row| row.0 == self).map_or("TASK_STATE_UNSPECIFIED", |row| row.2)
    }

    /// Its name in the dialects before 1.0.
    #[must_use]
    pub fn old_name(self) -> &'static str {
        STATES.iter().find(|row| row.0 == self).map_or("unknown", |row| row.3)
    }

    /// By any of its names.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        STATES.iter().find(|row| row.2 == name || row.3 == name).map(|row| row.0)
    }
}

impl Serialize for TaskState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for TaskState {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let found = match Value::deserialize(deserializer)? {
            Value::String(name) => Self::named(&name),
            Value::Number(number) => {
                STATES.iter().find(|row| Some(row.1) == number.as_u64()).map(|row| row.0)
            }
            _ => None,
        };
        found.ok_or_else(|| D::Error::custom("is not a state of a task"))
    }
}

/// Who speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// Nobody said.
    #[default]
    Unspecified,
    /// The client.
    User,
    /// We.
    Agent,
}

impl Serialize for Role {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Self::Unspecified => "ROLE_UNSPECIFIED",
            Self::User => "ROLE_USER",
            Self::Agent => "ROLE_AGENT",
        })
    }
}

impl<'de> Deserialize<'de> for Role {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Value::deserialize(deserializer)? {
            Value::String(name) if name == "ROLE_USER" || name == "user" => Self::User,
            Value::String(name) if name == "ROLE_AGENT" || name == "agent" => Self::Agent,
            Value::Number(number) if number.as_u64() == Some(1) => Self::User,
            Value::Number(number) if number.as_u64() == Some(2) => Self::Agent,
            Value::String(name) if name == "ROLE_UNSPECIFIED" => Self::Unspecified,
            Value::Null => Self::Unspecified,
            _ => return Err(D::Error::custom("role must be ROLE_USER or ROLE_AGENT")),
        })
    }
}

/// Bytes: either alphabet is read, with or without padding, and the standard one is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Raw(pub Vec<u8>);

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::URL_SAFE, LENIENT);

impl Serialize for Raw {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = STANDARD.decode(&text).or_else(|_| URL_SAFE.decode(&text));
        bytes.map(Self).map_err(|_| D::Error::custom("raw must be base64"))
    }
}

/// A piece of content: exactly one of text, raw, url and data.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    /// Words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Bytes of a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<Raw>,
    /// Where a file is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// JSON.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub data: Option<Value>,
    /// Anything about it.
    #[serde(default, skip_serializing_if = "Map::is_empty", deserialize_with = "or_default")]
    pub metadata: Map<String, Value>,
    /// Of a file.
    #[serde(default, skip_serializing_if = "String::is_empty", deserialize_with = "or_default")]
    pub filename: String,
    /// Of whatever it is.
    #[serde(
        default,
        alias = "media_type",
        skip_serializing_if = "String::is_empty",
        deserialize_with = "or_default"
    )]
    pub media_type: String,
}

impl Part {
    /// Words.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: Some(text.into()), ..Self::default() }
    }

    /// JSON.
    #[must_use]
    pub fn data(data: Value) -> Self {
        Self { data: Some(data), media_type: "application/json".to_owned(), ..Self::default() }
    }

    /// Whether it has exactly one content.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let contents =
            [self.text.is_some(), self.raw.is_some(), self.url.is_some(), self.data.is_some()];
        contents.into_iter().filter(|is_there| *is_there).count() == 1
    }
}

/// One unit of what is said.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// As whoever wrote it named it.
    #[serde(default, alias = "message_id", deserialize_with = "or_default")]
    pub message_id: String,
    /// Which conversation.
    #[serde(
        default,
        alias = "context_id",
        skip_serializing_if = "String::is_empty",
        deserialize_with = "or_default"
    )]
    pub context_id: String,
    /// Which task.
    #[serde(
        default,
        alias = "task_id",
        skip_serializing_if = "String::is_empty",
        deserialize_with = "or_default"
    )]
    pub task_id: String,
    /// Who speaks.
    #[serde(default)]
    pub role: Role,
    /// What.
    #[serde(default, deserialize_with = "or_default")]
    pub parts: Vec<Part>,
    /// Anything about it.
    #[serde(default, skip_serializing_if = "Map::is_empty", deserialize_with = "or_default")]
    pub metadata: Map<String, Value>,
    /// Extensions that it uses.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "or_default")]
    pub extensions: Vec<String>,
    /// Other tasks that it speaks of.
    #[serde(
        default,
        alias = "reference_task_ids",
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "or_default"
    )]
    pub reference_task_ids: Vec<String>,
}

/// Where a task is, since when, and in which words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskStatus {
    /// Where.
    pub state: TaskState,
    /// In words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Message>,
    /// Since when; RFC 3339.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub timestamp: String,
}

/// What a task brought forth.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Artifact {
    /// Unique within the task.
    pub artifact_id: String,
    /// For people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// For people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The content.
    #[serde(default)]
    pub parts: Vec<Part>,
    /// Anything about it.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub metadata: Map<String, Value>,
}

/// The core unit of action.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Task {
    /// Its name.
    pub id: String,
    /// The conversation that it belongs to.
    pub context_id: String,
    /// Where it is.
    pub status: TaskStatus,
    /// What it brought forth; nothing where it was not asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<Artifact>,
    /// What was said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<Message>,
    /// Anything about it.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub metadata: Map<String, Value>,
}

/// A task's status changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusUpdate {
    /// Of which task.
    pub task_id: String,
    /// In which conversation.
    pub context_id: String,
    /// The new one.
    pub status: TaskStatus,
    /// Anything about it.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub metadata: Map<String, Value>,
}

/// A task brought something forth.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ArtifactUpdate {
    /// Which task.
    pub task_id: String,
    /// In which conversation.
    pub context_id: String,
    /// What.
    pub artifact: Artifact,
    /// Whether it goes behind what was sent before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub append: bool,
    /// Whether nothing more comes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub last_chunk: bool,
}

/// What a stream and a notification carry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StreamResponse {
    /// The task as it is.
    Task(Box<Task>),
    /// An answer without a task.
    Message(Box<Message>),
    /// Its status changed.
    StatusUpdate(Box<StatusUpdate>),
    /// It brought something forth.
    ArtifactUpdate(Box<ArtifactUpdate>),
}

impl StreamResponse {
    /// Where the task is after it, if it says.
    #[must_use]
    pub fn state(&self) -> Option<TaskState> {
        match self {
            Self::Task(task) => Some(task.status.state),
            Self::StatusUpdate(update) => Some(update.status.state),
            Self::Message(_) | Self::ArtifactUpdate(_) => None,
        }
    }
}

/// How whoever is called proves that it is us.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PushAuthentication {
    /// Such as `Bearer`.
    #[serde(default, deserialize_with = "or_default")]
    pub scheme: String,
    /// What goes behind it.
    #[serde(default, skip_serializing_if = "String::is_empty", deserialize_with = "or_default")]
    pub credentials: String,
}

/// Whom to call when a task changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PushConfig {
    /// Its name.
    #[serde(default, deserialize_with = "or_default")]
    pub id: String,
    /// Which task.
    #[serde(
        default,
        alias = "task_id",
        skip_serializing_if = "String::is_empty",
        deserialize_with = "or_default"
    )]
    pub task_id: String,
    /// Where.
    #[serde(default, deserialize_with = "or_default")]
    pub url: String,
    /// Sent along, so that whoever is called knows what it is about.
    #[serde(default, skip_serializing_if = "String::is_empty", deserialize_with = "or_default")]
    pub token: String,
    /// How we prove that it is us.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authentication: Option<PushAuthentication>,
}

/// What a client wants of an answer.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Configuration {
    /// Media types that it takes.
    #[serde(default, alias = "accepted_output_modes", deserialize_with = "or_default")]
    pub accepted_output_modes: Vec<String>,
    /// Whom to call.
    #[serde(default, alias = "task_push_notification_config")]
    pub task_push_notification_config: Option<PushConfig>,
    /// At most so many messages.
    #[serde(default, alias = "history_length")]
    pub history_length: Option<i64>,
    /// Whether to answer while the task is at work.
    #[serde(default, alias = "return_immediately", deserialize_with = "or_default")]
    pub return_immediately: bool,
}

/// `SendMessage` and `SendStreamingMessage`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SendRequest {
    /// What is said.
    pub message: Message,
    /// What is wanted.
    #[serde(default, deserialize_with = "or_default")]
    pub configuration: Configuration,
    /// Anything about it.
    #[serde(default, deserialize_with = "or_default")]
    pub metadata: Map<String, Value>,
}

/// `GetTask`, `CancelTask` and `SubscribeToTask`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskRequest {
    /// Which task.
    #[serde(default, deserialize_with = "or_default")]
    pub id: String,
    /// At most so many messages.
    #[serde(default, alias = "history_length")]
    pub history_length: Option<i64>,
}

/// `ListTasks`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListRequest {
    /// Only of this conversation.
    #[serde(default, alias = "context_id", deserialize_with = "or_default")]
    pub context_id: String,
    /// Only those in this state; unspecified asks for nothing.
    #[serde(default, deserialize_with = "or_default")]
    pub status: Option<Value>,
    /// 1 to 100.
    #[serde(default, alias = "page_size")]
    pub page_size: Option<i64>,
    /// From the page before.
    #[serde(default, alias = "page_token", deserialize_with = "or_default")]
    pub page_token: String,
    /// At most so many messages of each.
    #[serde(default, alias = "history_length")]
    pub history_length: Option<i64>,
    /// Only those whose status is not older.
    #[serde(default, alias = "status_timestamp_after", deserialize_with = "or_default")]
    pub status_timestamp_after: String,
    /// Whether to show what they brought forth.
    #[serde(default, alias = "include_artifacts", deserialize_with = "or_default")]
    pub include_artifacts: bool,
}

/// The operations on one push configuration.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PushRequest {
    /// Which task.
    #[serde(default, alias = "task_id", deserialize_with = "or_default")]
    pub task_id: String,
    /// Which configuration.
    #[serde(default, deserialize_with = "or_default")]
    pub id: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_as_protojson() {
        let check = |json: &str| -> Message { serde_json::from_str(json).unwrap() };
        let message = check(
            r#"{"message_id":"m","role":1,"contextId":null,"parts":[{"text":"hi"},
                {"data":null},{"raw":"dGNr","mediaType":"text/plain"},{"raw":"_-8"}],"new":[1]}"#,
        );
        assert_eq!((message.message_id.as_str(), message.role), ("m", Role::User));
        assert!(message.parts.iter().all(Part::is_whole));
        assert_eq!(message.parts[1].data, Some(Value::Null));
        assert_eq!(message.parts[2].raw, Some(Raw(b"tck".to_vec())));
        assert_eq!(message.parts[3].raw, Some(Raw(vec![0xff, 0xef])));
        assert!(!Part::default().is_whole());
        let both = Part { url: Some("u".into()), ..Part::text("t") };
        assert!(!both.is_whole());
    }

    #[test]
    fn states_have_three_spellings() {
        for (state, number, name, old) in STATES {
            for json in [format!("\"{name}\""), format!("\"{old}\""), number.to_string()] {
                assert_eq!(serde_json::from_str::<TaskState>(&json).unwrap(), state, "{json}");
            }
            assert_eq!(serde_json::to_string(&state).unwrap(), format!("\"{name}\""));
        }
        for json in ["\"\"", "0", "9", "null", "\"TASK_STATE_UNSPECIFIED\""] {
            assert!(serde_json::from_str::<TaskState>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn one_member_names_what_it_is() {
        let message = Message { message_id: "m".into(), role: Role::Agent, ..Message::default() };
        let json = serde_json::to_string(&StreamResponse::Message(Box::new(message))).unwrap();
        assert_eq!(json, r#"{"message":{"messageId":"m","role":"ROLE_AGENT","parts":[]}}"#);
    }
}
