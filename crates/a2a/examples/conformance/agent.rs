//! What the conformance agent does: named by the beginning of a `messageId`.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ed25519_dalek::{Signer as _, SigningKey};
use marketplace_a2a::types::{Artifact, Message, Part, Raw, Role, TaskState, TaskStatus};
use marketplace_a2a::{
    A2a, A2aError, Act, Behaviour, Cards, Clock, NewTask, Settings, Standing, Step, Turn,
};
use marketplace_engine::Marketplace;
use marketplace_money::Did;
use marketplace_ports::{Signed, Signer, TaskKey};
use marketplace_wire::{Caller, Doorkeeper, Guest, Knock, Problem, Via};
use serde_json::json;

/// The agent over a marketplace that is open and followed, reached at this URL.
pub(crate) fn agent(marketplace: Marketplace, url: &str, clock: Clock) -> A2a {
    let did = marketplace.did().clone();
    let signer = Arc::new(Key(did, SigningKey::from_bytes(&[7; 32])));
    A2a {
        marketplace,
        door: Arc::new(Open("did:example:anybody".parse().expect("a DID"))),
        behaviour: Arc::new(Scripted),
        cards: Arc::new(Cards::of(card(url, true), signer)),
        settings: Settings {
            public_url: url.to_owned(),
            pushes: true,
            longest_wait: Duration::from_secs(60),
        },
        clock,
    }
}

/// Everybody is the same agent.
struct Open(Did);

#[async_trait]
impl Doorkeeper for Open {
    async fn who(&self, _: &Knock<'_>) -> Result<Option<Guest>, Problem> {
        let caller = Caller { did: self.0.clone(), is_operator: false, via: Via::Open };
        Ok(Some(Guest { caller, proof: None, until: None }))
    }
}

struct Key(Did, SigningKey);

impl Signer for Key {
    fn did(&self) -> &Did {
        &self.0
    }

    fn sign(&self, message: &[u8]) -> Signed {
        let public_key = self.1.verifying_key().to_bytes();
        Signed { public_key, signature: self.1.sign(message).to_bytes() }
    }
}

struct Scripted;

/// What an agent does, one after the other.
enum Line {
    Take(Step),
    Sleep(Duration),
}

fn status(state: TaskState) -> Line {
    Line::Take(Step::Status(TaskStatus { state, message: None, timestamp: String::new() }))
}

fn says(state: TaskState, text: &str) -> Line {
    let message = Message {
        message_id: uuid::Uuid::now_v7().to_string(),
        role: Role::Agent,
        parts: vec![Part::text(text)],
        ..Message::default()
    };
    let message = Some(message);
    Line::Take(Step::Status(TaskStatus { state, message, timestamp: String::new() }))
}

fn chunk(part: Part, append: bool, last: bool) -> Line {
    let artifact = Artifact {
        artifact_id: "output".to_owned(),
        name: "output".to_owned(),
        parts: vec![part],
        ..Artifact::default()
    };
    Line::Take(Step::Artifact { artifact, append, last })
}

fn whole(part: Part) -> Line {
    chunk(part, false, true)
}

fn file() -> Part {
    Part {
        raw: Some(Raw(b"tck".to_vec())),
        filename: "output.txt".to_owned(),
        media_type: "text/plain".to_owned(),
        ..Part::default()
    }
}

fn linked() -> Part {
    Part {
        url: Some("https://example.com/output.txt".to_owned()),
        filename: "output.txt".to_owned(),
        media_type: "text/plain".to_owned(),
        ..Part::default()
    }
}

/// What the beginning of a name stands for; longer ones first.
fn script(name: &str) -> Vec<Line> {
    use TaskState::{Completed, InputRequired, Rejected, Working};
    let done = || status(Completed);
    let streamed = |part| vec![status(Working), whole(part), done()];
    let is = |prefix: &str| name.starts_with(prefix);
    if is("tck-stream-artifact-chunked") {
        let first = chunk(Part::text("chunk-1 "), false, false);
        vec![status(Working), first, chunk(Part::text("chunk-2"), true, true), done()]
    } else if is("tck-stream-artifact-text") {
        streamed(Part::text("Streamed text content"))
    } else if is("tck-stream-artifact-file") {
        streamed(file())
    } else if is("tck-stream-ordering-001") {
        streamed(Part::text("Ordered output"))
    } else if is("tck-stream-001") {
        streamed(Part::text("Stream hello from TCK"))
    } else if is("tck-stream-002") {
        vec![done()]
    } else if is("tck-stream-003") {
        streamed(Part::text("Stream task lifecycle"))
    } else if is("test-resubscribe-message-id") {
        vec![status(Working), Line::Sleep(Duration::from_millis(4_500)), done()]
    } else if is("tck-artifact-file-url") {
        vec![whole(linked()), done()]
    } else if is("tck-artifact-file") {
        vec![whole(file()), done()]
    } else if is("tck-artifact-text") {
        vec![whole(Part::text("Generated text content")), done()]
    } else if is("tck-artifact-data") {
        vec![whole(Part::data(json!({ "key": "value", "count": 42 }))), done()]
    } else if is("tck-input-required") {
        vec![status(InputRequired)]
    } else if is("tck-reject-task") {
        vec![says(Rejected, "rejected")]
    } else if is("tck-complete-task") {
        vec![says(Completed, "Hello from TCK")]
    } else {
        vec![says(Completed, "Done")]
    }
}

/// Whether a task was made to ask: it stays open over whatever is added to it.
fn asked(task: &Standing) -> bool {
    let first = task.task.history.first();
    first.is_some_and(|message| message.message_id.starts_with("tck-input-required"))
}

/// Plays the rest of a script. A task that was called off meanwhile stays so.
async fn play(a2a: A2a, key: TaskKey, lines: Vec<Line>) {
    for line in lines {
        match line {
            Line::Sleep(time) => tokio::time::sleep(time).await,
            Line::Take(step) => {
                if a2a.step(&key, None, vec![step]).await.is_err() {
                    return;
                }
            }
        }
    }
}

#[async_trait]
impl Behaviour for Scripted {
    async fn act(&self, a2a: &A2a, turn: Turn<'_>) -> Result<Act, A2aError> {
        let name = turn.message.message_id.as_str();
        if name.starts_with("tck-message-response") {
            let message = Message {
                message_id: uuid::Uuid::now_v7().to_string(),
                context_id: turn.context.to_owned(),
                role: Role::Agent,
                parts: vec![Part::text("Direct message response")],
                ..Message::default()
            };
            return Ok(Act::Message(Box::new(message)));
        }
        let lines = match turn.task {
            Some(task) if asked(task) && !name.starts_with("tck-") => {
                vec![status(TaskState::InputRequired)]
            }
            _ => script(name),
        };
        let standing = match turn.task {
            Some(task) => a2a.step(&task.key, Some(turn.message.clone()), Vec::new()).await?,
            None => {
                let guest = turn.guest.ok_or_else(A2aError::nobody)?;
                let new = NewTask {
                    owner: guest.caller.did.clone(),
                    context: turn.context.to_owned(),
                    dialect: turn.dialect,
                    message: turn.message.clone(),
                    push: turn.push.cloned(),
                };
                a2a.make(new, Vec::new()).await?
            }
        };
        tokio::spawn(play(a2a.clone(), standing.key.clone(), lines));
        Ok(Act::Task(Box::new(standing)))
    }

    async fn cancel(&self, a2a: &A2a, _: &Guest, task: &Standing) -> Result<Standing, A2aError> {
        let state = TaskState::Canceled;
        let status = TaskStatus { state, message: None, timestamp: String::new() };
        a2a.step(&task.key, None, vec![Step::Status(status)]).await
    }
}

fn card(url: &str, pushes: bool) -> serde_json::Value {
    json!({
        "name": "Conformance agent",
        "description": "Behaves as the messageId says, for conformance suites",
        "version": "1.0.0",
        "supportedInterfaces": [
            { "url": format!("{url}/a2a"), "protocolBinding": "JSONRPC", "protocolVersion": "1.0" },
            { "url": url, "protocolBinding": "HTTP+JSON", "protocolVersion": "1.0" },
        ],
        "capabilities": {
            "streaming": true, "pushNotifications": pushes, "extendedAgentCard": true,
        },
        "defaultInputModes": ["text/plain", "application/json"],
        "defaultOutputModes": ["text/plain", "application/json"],
        "skills": [{
            "id": "conformance", "name": "Conformance", "tags": ["test"],
            "description": "Keys on the beginning of the messageId",
        }],
    })
}
