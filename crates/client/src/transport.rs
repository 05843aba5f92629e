//! Signed requests, sent again while nobody knows what became of them.

use std::sync::Arc;
use std::time::Duration;

use marketplace_money::{Seconds, Timestamp};
use marketplace_registry::{AgentKey, fresh_nonce, install_tls_provider};
use reqwest::header::RETRY_AFTER;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::body::Problem;

/// Tells the time, for the age of proofs.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Life of a proof.
const PROOF_LIFE: Seconds = Seconds(60);
/// Tries of one request.
const ATTEMPTS: u32 = 5;
/// Before the second one; doubles.
const PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// For one try.
const PATIENCE: Duration = Duration::from_secs(40);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The marketplace said no.
    #[error("refused: {0}")]
    Refused(Problem),
    /// Nothing came back, in several tries. A command may have been done: it is known under its
    /// idempotency key.
    #[error("the marketplace cannot be reached")]
    Unreachable(#[source] reqwest::Error),
    /// What came back makes no sense.
    #[error("the answer cannot be read: {0}")]
    Unreadable(String),
    /// There is no randomness to sign with.
    #[error("no randomness")]
    NoRandomness,
}

/// One agent's way to one marketplace.
#[derive(Clone)]
pub(crate) struct Transport {
    http: reqwest::Client,
    base: String,
    audience: String,
    key: Arc<AgentKey>,
    clock: Clock,
}

impl Transport {
    pub(crate) fn new(url: &str, key: AgentKey, clock: Clock) -> Result<Self, ClientError> {
        install_tls_provider();
        let http = reqwest::Client::builder().build().map_err(ClientError::Unreachable)?;
        let base = url.trim_end_matches('/').to_owned();
        Ok(Self { http, audience: base.clone(), base, key: Arc::new(key), clock })
    }

    /// Proofs are for this marketplace, wherever it is reached.
    pub(crate) fn set_audience(&mut self, audience: &str) {
        audience.clone_into(&mut self.audience);
    }

    pub(crate) fn key(&self) -> &AgentKey {
        &self.key
    }

    /// A request with a proof of its own: none is good for two.
    pub(crate) fn request(
        &self,
        method: Method,
        path: &str,
    ) -> Result<RequestBuilder, ClientError> {
        let nonce = fresh_nonce().map_err(|_| ClientError::NoRandomness)?;
        let proof = self.key.mint(&self.audience, (self.clock)(), PROOF_LIFE, &nonce);
        Ok(self.http.request(method, format!("{}{path}", self.base)).bearer_auth(proof))
    }

    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.send(|| Ok(self.request(Method::GET, path)?.timeout(PATIENCE))).await
    }

    /// What is no JSON.
    pub(crate) async fn get_bytes(&self, path: &str) -> Result<Vec<u8>, ClientError> {
        let response =
            self.answer(|| Ok(self.request(Method::GET, path)?.timeout(PATIENCE))).await?;
        bytes(response).await
    }

    /// A command under a key of its own, in all its tries.
    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &Value,
    ) -> Result<T, ClientError> {
        let key = uuid::Uuid::now_v7().to_string();
        let make = || {
            let request = self.request(Method::POST, path)?.header("Idempotency-Key", &key);
            Ok(request.json(body).timeout(PATIENCE))
        };
        self.send(make).await
    }

    async fn send<T: DeserializeOwned>(
        &self,
        make: impl Fn() -> Result<RequestBuilder, ClientError>,
    ) -> Result<T, ClientError> {
        read(self.answer(make).await?).await
    }

    async fn answer(
        &self,
        make: impl Fn() -> Result<RequestBuilder, ClientError>,
    ) -> Result<Response, ClientError> {
        let mut pause = PAUSE;
        for attempt in 1.. {
            let is_last = attempt >= ATTEMPTS;
            let mut wanted = None;
            match make()?.send().await {
                Ok(response) if is_last || !may_pass(response.status()) => {
                    return Ok(response);
                }
                Ok(response) => wanted = retry_after(&response),
                Err(error) if is_last => return Err(ClientError::Unreachable(error)),
                Err(_) => {}
            }
            tokio::time::sleep(wanted.unwrap_or(pause).min(LONGEST_PAUSE)).await;
            pause *= 2;
        }
        Err(ClientError::Unreadable("no try was made".to_owned()))
    }
}

/// Whether the same request may be answered otherwise in a while.
fn may_pass(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    )
}

fn retry_after(response: &Response) -> Option<Duration> {
    let text = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    text.trim().parse().ok().map(Duration::from_secs)
}

/// The answer, or the problem.
pub(crate) async fn read<T: DeserializeOwned>(response: Response) -> Result<T, ClientError> {
    let read = serde_json::from_slice(&bytes(response).await?);
    read.map_err(|error| ClientError::Unreadable(error.to_string()))
}

async fn bytes(response: Response) -> Result<Vec<u8>, ClientError> {
    let status = response.status();
    let bytes = response.bytes().await.map_err(ClientError::Unreachable)?;
    if status.is_success() {
        return Ok(bytes.into());
    }
    let problem = serde_json::from_slice(&bytes).unwrap_or_default();
    Err(ClientError::Refused(Problem { status: status.as_u16(), ..problem }))
}
