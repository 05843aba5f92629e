//! Messages to agents' endpoints: signed, bounded, and never to a place that we do not mean.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::response::Response;
use marketplace_money::{Did, Seconds};
use marketplace_ports::AgentRecord;
use marketplace_ports::{
    Identity, Notice, Notification, Notifier, NotifyError, Registration, Registry, RegistryError,
};
use marketplace_registry::{
    EmbeddedRegistry, FetchSettings, HttpNotifier, KeySource, LocalIdentity, OwnKeys,
};
use serde_json::{Value, json};

use crate::common::{NOW, clock, did, key, reply, scripted};

const US: &str = "did:agentvault:marketplace-v1";
const SELLER: &str = "did:agentvault:seller";

fn notification() -> Notification {
    Notification {
        id: "0197f3a2-7c1e-7aaa-8b1b-0242ac120002".parse().unwrap(),
        agent: did(SELLER),
        order: "0197f3a2-7c1e-7aaa-8b1b-0242ac120003".parse().unwrap(),
        notice: Notice::OrderReceived,
        body: json!({ "type": "order_received", "amount": "5" }).to_string(),
    }
}

/// A notifier, and the directory in which the seller's endpoint is `endpoint`.
async fn notifier(
    endpoint: Option<String>,
    allow_private: bool,
) -> (HttpNotifier, Arc<dyn Registry>) {
    let directory = Arc::new(EmbeddedRegistry::open_in_memory(did(US)).unwrap());
    let keys = Arc::new(OwnKeys::open(did(US), KeySource::Fixed([7; 32]), NOW).await.unwrap());
    keys.announce(directory.as_ref(), "http://market.example/", NOW).await.unwrap();
    directory.register(&key(1, SELLER).claim(endpoint, 1, None)).await.unwrap();
    let settings = FetchSettings {
        allow_private,
        connect_timeout: Duration::from_millis(500),
        total_timeout: Duration::from_millis(800),
    };
    let notifier = HttpNotifier::new(settings, directory.clone(), keys, clock()).unwrap();
    (notifier, directory)
}

fn is_refused(told: &Result<(), NotifyError>) -> bool {
    matches!(told, Err(NotifyError::Refused(_)))
}

fn comes_back(told: &Result<(), NotifyError>) -> bool {
    matches!(told, Err(NotifyError::Unavailable { .. }))
}

#[tokio::test]
async fn a_message_arrives_signed_for_its_reader() {
    let (address, log) =
        scripted(async |_| reply(200, r#"{"jsonrpc":"2.0","result":{"id":"t"}}"#)).await;
    let (notifier, directory) = notifier(Some(format!("http://{address}/a2a")), true).await;
    assert!(notifier.may_reach(&did(SELLER)));
    assert!(!notifier.may_reach(&did("did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK")));
    notifier.notify(&notification()).await.unwrap();
    let [arrived] = &log.all()[..] else { panic!("{:?}", log.all()) };
    assert_eq!((arrived.method.as_str(), arrived.path.as_str()), ("POST", "/a2a"));
    let body: Value = serde_json::from_slice(&arrived.body).unwrap();
    assert_eq!(body["method"], "tasks/send");
    assert_eq!(body["params"]["message"]["parts"][0]["content"]["type"], "order_received");
    assert_eq!(body["params"]["message"]["messageId"], notification().id.to_string());
    let token = arrived.headers["authorization"].to_str().unwrap().strip_prefix("Bearer ").unwrap();
    let seller = LocalIdentity::new(did(SELLER), None, &[1; 32], directory.clone());
    assert_eq!(seller.verify_proof(token, NOW).await.unwrap().did, did(US));
    // For nobody else.
    let other = LocalIdentity::new(did("did:a:other"), None, &[1; 32], directory);
    assert!(other.verify_proof(token, NOW).await.is_err());
}

#[tokio::test]
async fn other_dialects_are_tried() {
    for (method, tries) in [("message/send", 2), ("SendMessage", 3)] {
        let (address, log) = scripted(move |arrived: crate::common::Arrived| async move {
            let call: Value = serde_json::from_slice(&arrived.body).unwrap();
            if call["method"] == method {
                return reply(200, r#"{"jsonrpc":"2.0","result":{}}"#);
            }
            reply(200, r#"{"jsonrpc":"2.0","error":{"code":-32601,"message":"Method not found"}}"#)
        })
        .await;
        let (notifier, _) = notifier(Some(format!("http://{address}/")), true).await;
        notifier.notify(&notification()).await.unwrap();
        assert_eq!(log.all().len(), tries);
    }
}

#[tokio::test]
async fn answers_and_what_they_mean() {
    let check = async |status: u16, body: &'static str, expect: &str| {
        let (address, _) = scripted(move |_| async move { reply(status, body) }).await;
        let (notifier, _) = notifier(Some(format!("http://{address}/")), true).await;
        let told = notifier.notify(&notification()).await;
        let means = match &told {
            Ok(()) => "told",
            Err(NotifyError::NoEndpoint) => "nobody",
            Err(NotifyError::Refused(_)) => "refused",
            Err(NotifyError::Unavailable { .. }) => "later",
        };
        assert_eq!(means, expect, "{status} {body}: {told:?}");
        assert_eq!(notifier.may_reach(&did(SELLER)), expect != "refused");
    };
    for (status, body) in [(200, ""), (200, "ok"), (202, "{}"), (204, ""), (200, "null")] {
        check(status, body, "told").await;
    }
    check(200, r#"{"error":{"code":-32000,"message":"busy"}}"#, "later").await;
    check(200, r#"{"error":{"code":-32601}}"#, "later").await;
    for status in [400, 401, 403, 404, 405, 408, 422, 429, 500, 502, 503] {
        check(status, "{}", "later").await;
    }
    for status in [402, 410] {
        check(status, "{}", "refused").await;
    }
}

#[tokio::test]
async fn an_endpoint_says_when_to_come_back() {
    let (address, _) = scripted(async |_| {
        Response::builder().status(503).header("retry-after", "17").body(Body::empty()).unwrap()
    })
    .await;
    let (notifier, _) = notifier(Some(format!("http://{address}/")), true).await;
    let told = notifier.notify(&notification()).await;
    let Err(NotifyError::Unavailable { retry_after, .. }) = told else { panic!("{told:?}") };
    assert_eq!(retry_after, Some(Seconds(17)));
}

#[tokio::test]
async fn our_own_network_is_out_of_reach() {
    let (address, log) = scripted(async |_| reply(200, "{}")).await;
    let port = address.port();
    let hostile = [
        format!("http://127.0.0.1:{port}/"),
        format!("http://localhost:{port}/"),
        format!("http://2130706433:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "http://10.0.0.1/".to_owned(),
        "http://[fd00::1]/".to_owned(),
        "https://user:password@seller.example/".to_owned(),
    ];
    for endpoint in hostile {
        let (notifier, _) = notifier(Some(endpoint.clone()), false).await;
        let told = notifier.notify(&notification()).await;
        assert!(is_refused(&told), "{endpoint}: {told:?}");
        assert!(!notifier.may_reach(&did(SELLER)), "it is not tried for every order");
    }
    assert!(log.all().is_empty());
}

#[tokio::test]
async fn redirects_stay_at_home_and_keep_the_message() {
    let (elsewhere, stolen) = scripted(async |_| reply(200, "{}")).await;
    let redirect = |status: u16, to: String| {
        Response::builder().status(status).header("location", to).body(Body::empty()).unwrap()
    };
    for status in [301, 302, 303, 307, 308] {
        let to = format!("http://{elsewhere}/a2a/");
        let (address, _) = scripted(move |_| {
            let to = to.clone();
            async move { redirect(status, to) }
        })
        .await;
        let (notifier, _) = notifier(Some(format!("http://{address}/a2a")), true).await;
        assert!(is_refused(&notifier.notify(&notification()).await), "{status}");
    }
    assert!(stolen.all().is_empty(), "our proof went to another server");
    let (address, log) = scripted(move |arrived: crate::common::Arrived| async move {
        if arrived.path == "/a2a" { redirect(307, "/a2a/".to_owned()) } else { reply(200, "{}") }
    })
    .await;
    let (notifier, _) = notifier(Some(format!("http://{address}/a2a")), true).await;
    notifier.notify(&notification()).await.unwrap();
    let last = log.all().pop().unwrap();
    assert_eq!((last.method.as_str(), last.path.as_str()), ("POST", "/a2a/"));
    assert!(!last.body.is_empty());
}

#[tokio::test]
async fn slow_and_endless_replies_hold_us_up_for_a_moment_only() {
    let (slow, _) = scripted(async |_| {
        tokio::time::sleep(Duration::from_secs(60)).await;
        reply(200, "{}")
    })
    .await;
    let (notifier_of_slow, _) = notifier(Some(format!("http://{slow}/")), true).await;
    let began = Instant::now();
    assert!(comes_back(&notifier_of_slow.notify(&notification()).await));
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    let (endless, _) = scripted(async |_| {
        let pieces =
            std::iter::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; 4_096])));
        Response::new(Body::from_stream(futures::stream::iter(pieces)))
    })
    .await;
    let (notifier, _) = notifier(Some(format!("http://{endless}/")), true).await;
    assert_eq!(notifier.notify(&notification()).await, Ok(()), "it has taken the message");
}

#[tokio::test]
async fn nobody_listens_or_nobody_is_there() {
    let (notifier_of_none, _) = notifier(None, true).await;
    assert!(!notifier_of_none.may_reach(&did(SELLER)));
    assert_eq!(notifier_of_none.notify(&notification()).await, Err(NotifyError::NoEndpoint));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let (notifier, _) = notifier(Some(format!("http://{address}/")), true).await;
    assert!(comes_back(&notifier.notify(&notification()).await));
}

/// A registry that is down.
struct Down;

#[async_trait::async_trait]
impl Registry for Down {
    async fn resolve(&self, _: &Did) -> Result<Option<AgentRecord>, RegistryError> {
        Err(RegistryError::Unavailable("down".to_owned()))
    }

    async fn register(&self, _: &Registration) -> Result<(), RegistryError> {
        Err(RegistryError::Unavailable("down".to_owned()))
    }

    async fn register_ourselves(&self, _: &Registration) -> Result<(), RegistryError> {
        Err(RegistryError::Unavailable("down".to_owned()))
    }

    fn knows_endpoint(&self, _: &Did) -> Option<bool> {
        None
    }

    async fn verify_token(&self, _: &str) -> Result<Option<Did>, RegistryError> {
        Err(RegistryError::Unavailable("down".to_owned()))
    }

    fn issues_tokens(&self) -> bool {
        true
    }
}

#[tokio::test]
async fn a_message_waits_for_a_registry_that_is_down() {
    let keys = Arc::new(OwnKeys::open(did(US), KeySource::Fixed([7; 32]), NOW).await.unwrap());
    let notifier =
        HttpNotifier::new(FetchSettings::default(), Arc::new(Down), keys, clock()).unwrap();
    assert!(notifier.may_reach(&did(SELLER)), "who is not known may have an endpoint");
    assert!(comes_back(&notifier.notify(&notification()).await));
}
