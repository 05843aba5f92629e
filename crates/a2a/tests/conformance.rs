//! Everything that conformance suites ask of their example agent, over both bindings, in process.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../examples/conformance/agent.rs"]
mod agent;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use axum::response::Response;
use marketplace_contract_kit::{FakeFetcher, FakeTeg, ManualClock, MemoryStore};
use marketplace_engine::{Config, Edges, Marketplace, RandomIds};
use marketplace_money::Did;
use marketplace_ports::Silence;
use serde_json::{Value, json};
use tower::ServiceExt as _;

/// How a client speaks.
#[derive(Clone, Copy, Debug)]
enum Binding {
    Rpc,
    Rest,
}

const BOTH: [Binding; 2] = [Binding::Rpc, Binding::Rest];

fn agent() -> Router {
    let clock = ManualClock::default();
    let did: Did = "did:example:conformance".parse().unwrap();
    let edges = Edges {
        store: Arc::new(MemoryStore::new(clock.clone())),
        teg: Arc::new(FakeTeg::new(did.clone(), clock.clone())),
        fetcher: Arc::new(FakeFetcher::default()),
        notifier: Arc::new(Silence),
        ids: Arc::new(RandomIds),
    };
    let marketplace = Marketplace::start(Config::original(did), edges);
    let following = marketplace.clone();
    tokio::spawn(async move { following.follow(std::future::pending()).await });
    let now = Arc::new(move || clock.now());
    marketplace_a2a::router(Arc::new(agent::agent(marketplace, "http://agent.example", now)))
}

impl Binding {
    async fn open(self, agent: &Router, method: &str, params: &Value) -> Response {
        let task = params["id"].as_str().unwrap_or_default();
        let (verb, path, body) = match (self, method) {
            (Self::Rpc, _) => {
                let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
                ("POST", "/a2a".to_owned(), Body::from(body.to_string()))
            }
            (_, "SendMessage") => ("POST", "/message:send".to_owned(), params.to_string().into()),
            (_, "SendStreamingMessage") => {
                ("POST", "/message:stream".to_owned(), params.to_string().into())
            }
            (_, "SubscribeToTask") => ("GET", format!("/tasks/{task}:subscribe"), Body::empty()),
            _ => ("GET", format!("/tasks/{task}"), Body::empty()),
        };
        let request = Request::builder().method(verb).uri(path);
        let request =
            request.header("a2a-version", "1.0").header("content-type", "application/json");
        agent.clone().oneshot(request.body(body).unwrap()).await.unwrap()
    }

    async fn ask(self, agent: &Router, method: &str, params: Value) -> Value {
        let answer = text(self.open(agent, method, &params).await).await;
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer.get("error"), None, "{self:?} {method} {params}: {answer}");
        match self {
            Self::Rpc => answer["result"].clone(),
            Self::Rest => answer,
        }
    }

    /// What a stream tells, to its end.
    async fn told(self, stream: Response) -> Vec<Value> {
        let text = text(stream).await;
        let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
        let data = data.map(|data| serde_json::from_str::<Value>(data).unwrap());
        data.map(|all| if let Self::Rpc = self { all["result"].clone() } else { all }).collect()
    }

    async fn send(self, agent: &Router, name: &str) -> Value {
        self.ask(agent, "SendMessage", message(name, None)).await
    }
}

async fn text(response: Response) -> String {
    let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn message(name: &str, task: Option<&str>) -> Value {
    let mut message = json!({ "messageId": format!("{name}-{}", uuid::Uuid::now_v7()),
        "role": "ROLE_USER", "parts": [{ "text": "go" }] });
    if let Some(task) = task {
        message["taskId"] = task.into();
    }
    json!({ "message": message })
}

fn state(task: &Value) -> &str {
    task["status"]["state"].as_str().unwrap_or_else(|| panic!("no task: {task}"))
}

/// What is said again in another spelling is the same.
fn shape(update: &Value) -> String {
    let status = &update["statusUpdate"]["status"]["state"];
    let artifact = &update["artifactUpdate"];
    if artifact.is_object() {
        let (append, last) = (&artifact["append"], &artifact["lastChunk"]);
        let flag = |value: &Value| value.as_bool().unwrap_or_default();
        let part = &artifact["artifact"]["parts"][0];
        return format!("{part} append {} last {}", flag(append), flag(last));
    }
    status.as_str().map_or_else(|| "task".to_owned(), str::to_owned)
}

#[tokio::test(start_paused = true)]
async fn a_message_is_answered_as_its_name_says() {
    let agent = agent();
    for binding in BOTH {
        let done = binding.send(&agent, "tck-complete-task").await["task"].clone();
        assert_eq!(state(&done), "TASK_STATE_COMPLETED");
        assert_eq!(done["status"]["message"]["parts"][0]["text"], "Hello from TCK");
        assert_eq!(done["status"]["message"]["role"], "ROLE_AGENT");
        let file = ("output.txt", "text/plain");
        let parts = [
            ("tck-artifact-text", json!({ "text": "Generated text content" })),
            (
                "tck-artifact-file-url",
                json!({ "url": "https://example.com/output.txt", "filename": file.0,
                    "mediaType": file.1 }),
            ),
            (
                "tck-artifact-file",
                json!({ "raw": "dGNr", "filename": file.0, "mediaType": file.1 }),
            ),
            (
                "tck-artifact-data",
                json!({ "data": { "key": "value", "count": 42 }, "mediaType": "application/json" }),
            ),
        ];
        for (name, part) in parts {
            let task = binding.send(&agent, name).await["task"].clone();
            assert_eq!(state(&task), "TASK_STATE_COMPLETED", "{name}");
            assert_eq!(task["artifacts"][0]["parts"], json!([part]), "{name}");
        }
        let answer = binding.send(&agent, "tck-message-response").await;
        assert_eq!(answer["message"]["parts"][0]["text"], "Direct message response");
        assert_eq!(answer.get("task"), None);
        let rejected = binding.send(&agent, "tck-reject-task").await["task"].clone();
        assert_eq!(state(&rejected), "TASK_STATE_REJECTED");
        let other = binding.send(&agent, "anything-else").await["task"].clone();
        assert_eq!(state(&other), "TASK_STATE_COMPLETED");
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_that_asks_stays_open_and_remembers_what_was_said() {
    let agent = agent();
    for binding in BOTH {
        let asked = binding.send(&agent, "tck-input-required").await["task"].clone();
        assert_eq!(state(&asked), "TASK_STATE_INPUT_REQUIRED");
        let task = asked["id"].as_str().unwrap();
        for _ in 0..2 {
            let more = message("more", Some(task));
            let open = binding.ask(&agent, "SendMessage", more).await["task"].clone();
            assert_eq!((state(&open), &open["id"]), ("TASK_STATE_INPUT_REQUIRED", &asked["id"]));
        }
        let shown = binding.ask(&agent, "GetTask", json!({ "id": task })).await;
        let said = shown["history"].as_array().unwrap().iter();
        assert_eq!(said.filter(|one| one["role"] == "ROLE_USER").count(), 3, "{shown}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_begins_with_the_task_and_tells_all_in_order() {
    let agent = agent();
    let (working, done) = ("TASK_STATE_WORKING", "TASK_STATE_COMPLETED");
    let whole = |part: &str| format!("{part} append false last true");
    let text = |text: &str| whole(&json!({ "text": text }).to_string());
    let file = json!({ "filename": "output.txt", "mediaType": "text/plain", "raw": "dGNr" });
    let scripts = [
        ("tck-stream-001", vec![text("Stream hello from TCK")]),
        ("tck-stream-003", vec![text("Stream task lifecycle")]),
        ("tck-stream-ordering-001", vec![text("Ordered output")]),
        ("tck-stream-artifact-text", vec![text("Streamed text content")]),
        ("tck-stream-artifact-file", vec![whole(&file.to_string())]),
        (
            "tck-stream-artifact-chunked",
            vec![
                format!("{} append false last false", json!({ "text": "chunk-1 " })),
                format!("{} append true last true", json!({ "text": "chunk-2" })),
            ],
        ),
    ];
    for binding in BOTH {
        for (name, brought) in &scripts {
            let stream = binding.open(&agent, "SendStreamingMessage", &message(name, None)).await;
            let told = binding.told(stream).await;
            let task = told[0]["task"]["id"].as_str().unwrap();
            let shapes: Vec<String> = told[1..].iter().map(shape).collect();
            let expect = [vec![working.to_owned()], brought.clone(), vec![done.to_owned()]];
            assert_eq!(shapes, expect.concat(), "{binding:?} {name}");
            let shown = binding.ask(&agent, "GetTask", json!({ "id": task })).await;
            assert_eq!(state(&shown), done);
            let parts = shown["artifacts"][0]["parts"].as_array().unwrap();
            assert_eq!(parts.len(), brought.len(), "put together: {shown}");
        }
        let only = message("tck-stream-002", None);
        let only = binding.open(&agent, "SendStreamingMessage", &only).await;
        let told = binding.told(only).await;
        assert!(told[0]["task"].is_object(), "{told:?}");
        assert_eq!(told[1..].iter().map(shape).collect::<Vec<_>>(), [done]);
        let direct = message("tck-message-response", None);
        let direct = binding.open(&agent, "SendStreamingMessage", &direct).await;
        let told = binding.told(direct).await;
        assert_eq!(told.len(), 1);
        assert_eq!(told[0]["message"]["parts"][0]["text"], "Direct message response");
    }
}

#[tokio::test(start_paused = true)]
async fn all_who_follow_a_task_hear_the_same_in_the_same_order() {
    let agent = agent();
    let asked = Binding::Rpc.send(&agent, "tck-input-required").await["task"].clone();
    let task = asked["id"].as_str().unwrap();
    let follow = json!({ "id": task });
    let by_rpc = Binding::Rpc.open(&agent, "SubscribeToTask", &follow).await;
    let by_rest = Binding::Rest.open(&agent, "SubscribeToTask", &follow).await;
    let go_on = message("tck-stream-artifact-chunked", Some(task));
    Binding::Rest.ask(&agent, "SendMessage", go_on).await;
    let (first, second) = (Binding::Rpc.told(by_rpc).await, Binding::Rest.told(by_rest).await);
    assert_eq!(first, second);
    let shapes: Vec<String> = first.iter().map(shape).collect();
    assert_eq!((shapes.len(), shapes[0].as_str()), (5, "task"), "{shapes:?}");
    assert_eq!(shapes[4], "TASK_STATE_COMPLETED");
}

#[tokio::test(start_paused = true)]
async fn a_long_task_can_be_followed_again() {
    let agent = agent();
    for binding in BOTH {
        let begun = tokio::time::Instant::now();
        let mut params = message("test-resubscribe-message-id", None);
        params["configuration"] = json!({ "returnImmediately": true });
        let task = binding.ask(&agent, "SendMessage", params).await["task"].clone();
        let follow = json!({ "id": task["id"] });
        // One that goes away again changes nothing for the next ones.
        drop(binding.open(&agent, "SubscribeToTask", &follow).await);
        let streams = [
            binding.open(&agent, "SubscribeToTask", &follow).await,
            binding.open(&agent, "SubscribeToTask", &follow).await,
        ];
        for stream in streams {
            let told = binding.told(stream).await;
            assert_eq!(told[0]["task"]["id"], task["id"]);
            assert_eq!(shape(told.last().unwrap()), "TASK_STATE_COMPLETED");
        }
        assert!(begun.elapsed() >= Duration::from_secs(4));
    }
}
