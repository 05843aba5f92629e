//! Talking to a registry: time-outs, repetitions, bounded replies, and its several ways to say no.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use marketplace_ports::RegistryError;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Method, Response, StatusCode, Url};
use serde_json::Value;
use tokio::time::Instant;

use crate::{FetcherError, install_tls_provider};

/// The largest reply that is read.
const LARGEST: usize = 1024 * 1024;
/// Characters of a registry's words that are repeated.
const LONGEST_WORDS: usize = 200;
/// Tries of a request that changes nothing.
const TRIES: u32 = 3;
/// After so many failures in a row nobody is made to wait for the next one.
const FAILURES: u32 = 3;
/// For how long.
const REST: Duration = Duration::from_secs(2);
/// A registry that wants us back later than this is not waited for.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// What a request carries to prove who sends it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Proof<'a> {
    Nothing,
    Bearer(&'a str),
    ApiKey(&'a str),
}

/// What a request carries.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    Nothing,
    Form(String),
    Json(Value),
}

/// An answer that came through, good or not.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// Null where there was no JSON.
    pub(crate) body: Value,
}

impl Answer {
    /// In the registry's words. It is third-party text: short, and without control characters.
    pub(crate) fn words(&self) -> String {
        let words = words(&self.body).unwrap_or_default();
        let words: String =
            words.chars().filter(|char| !char.is_control()).take(LONGEST_WORDS).collect();
        format!("HTTP {} {words}", self.status.as_u16()).trim_end().to_owned()
    }
}

/// `{"error":{"detail":…}}` of the real registry, `{"detail":…}` of FastAPI (a text, or a list with
/// `msg`), `{"message":…}` of its documentation.
fn words(body: &Value) -> Option<String> {
    let error = &body["error"];
    let detail = [&error["detail"], &error["message"], &body["detail"], &body["message"], error]
        .into_iter()
        .find(|value| !value.is_null())?;
    match detail {
        Value::String(text) => Some(text.clone()),
        Value::Array(items) => items.first().and_then(|item| item["msg"].as_str()).map(Into::into),
        other => Some(other.to_string()),
    }
}

#[derive(Debug, Default)]
struct Health {
    failures: u32,
    rests_until: Option<Instant>,
}

/// The connection to one registry.
#[derive(Debug)]
pub(crate) struct Http {
    client: Client,
    base: String,
    health: Mutex<Health>,
}

impl Http {
    pub(crate) fn new(base: &Url, timeout: Duration) -> Result<Self, FetcherError> {
        install_tls_provider();
        let client = Client::builder()
            .user_agent("agentvault-marketplace")
            // Our credentials go where the operator said, and nowhere else.
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .connect_timeout(timeout)
            .timeout(timeout)
            .build()
            .map_err(FetcherError::Client)?;
        let base = base.as_str().trim_end_matches('/').trim_end_matches("/api/v1").to_owned();
        Ok(Self { client, base, health: Mutex::default() })
    }

    /// Asks, and asks again when that can do no harm and may help. `path` begins after the host.
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        content: Content,
        proof: Proof<'_>,
    ) -> Result<Answer, RegistryError> {
        if self.rests() {
            return Err(unavailable("it did not answer a moment ago"));
        }
        let repeatable = method == Method::GET || matches!(content, Content::Form(_));
        let mut tried = 0;
        loop {
            tried += 1;
            let (error, wait) = match self.once(&method, path, &content, proof).await {
                Ok(Sent::Answer(answer)) => {
                    self.went(true);
                    return Ok(answer);
                }
                Ok(Sent::NotNow { words, wait }) => (unavailable(words), wait),
                Err(reason) => (unavailable(reason), None),
            };
            self.went(false);
            let wait = wait.unwrap_or_else(|| backoff(tried));
            if !repeatable || tried >= TRIES || wait > LONGEST_WAIT || self.rests() {
                return Err(error);
            }
            tokio::time::sleep(wait).await;
        }
    }

    pub(crate) async fn get(&self, path: &str, proof: Proof<'_>) -> Result<Answer, RegistryError> {
        self.ask(Method::GET, path, Content::Nothing, proof).await
    }

    async fn once(
        &self,
        method: &Method,
        path: &str,
        content: &Content,
        proof: Proof<'_>,
    ) -> Result<Sent, String> {
        let mut request = self.client.request(method.clone(), format!("{}{path}", self.base));
        request = match content {
            Content::Nothing => request,
            Content::Json(body) => request.json(body),
            Content::Form(body) => {
                request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body.clone())
            }
        };
        request = match proof {
            Proof::Nothing => request,
            Proof::Bearer(token) => {
                request.header(AUTHORIZATION, secret(&format!("Bearer {token}"))?)
            }
            Proof::ApiKey(key) => request.header("X-Api-Key", secret(key)?),
        };
        let response = request.send().await.map_err(|error| said(&error))?;
        let status = response.status();
        let wait = retry_after(&response);
        let body = read(response).await?;
        let body = serde_json::from_slice(&body).unwrap_or_default();
        let answer = Answer { status, body };
        if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            return Ok(Sent::NotNow { words: answer.words(), wait });
        }
        Ok(Sent::Answer(answer))
    }

    fn health(&self) -> std::sync::MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn rests(&self) -> bool {
        self.health().rests_until.is_some_and(|until| Instant::now() < until)
    }

    fn went(&self, well: bool) {
        let mut health = self.health();
        if well {
            *health = Health::default();
            return;
        }
        health.failures += 1;
        if health.failures >= FAILURES {
            health.rests_until = Some(Instant::now() + REST);
        }
    }
}

enum Sent {
    Answer(Answer),
    NotNow { words: String, wait: Option<Duration> },
}

fn unavailable(reason: impl Into<String>) -> RegistryError {
    RegistryError::Unavailable(reason.into())
}

/// Kept out of logs.
fn secret(text: &str) -> Result<HeaderValue, String> {
    let mut value = HeaderValue::from_str(text).map_err(|_| "a token cannot be sent".to_owned())?;
    value.set_sensitive(true);
    Ok(value)
}

fn said(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "it took too long".to_owned();
    }
    let mut cause: &(dyn std::error::Error + 'static) = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// A tenth of a second, then more; with a share of chance, so that servers that failed together do
/// not come back together.
fn backoff(tried: u32) -> Duration {
    let mut byte = [0; 1];
    // Without chance they come back together, which does no harm that a time-out would not do.
    let _ = getrandom::fill(&mut byte);
    let base = 100 << (tried - 1);
    Duration::from_millis(base + base * u64::from(byte[0]) / 255)
}

fn retry_after(response: &Response) -> Option<Duration> {
    let text = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    text.trim().parse().ok().map(Duration::from_secs)
}

async fn read(mut response: Response) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| said(&error))? {
        if bytes.len() + chunk.len() > LARGEST {
            return Err("its reply is larger than 1 MiB".to_owned());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// A text as one part of a path, or of a form: DIDs have colons, names may have slashes.
pub(crate) fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len() * 3);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
            encoded.push('%');
            encoded.push(char::from(DIGITS[usize::from(byte >> 4)]));
            encoded.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn words_of_all_envelopes() {
        let check = |body: Value, expect: &str| {
            let answer = Answer { status: StatusCode::NOT_FOUND, body };
            assert_eq!(answer.words(), expect);
        };
        check(json!({"error": {"detail": "no agent", "code": "NOT_FOUND"}}), "HTTP 404 no agent");
        check(json!({"detail": "Not Found"}), "HTTP 404 Not Found");
        check(json!({"detail": [{"loc": ["body"], "msg": "too short"}]}), "HTTP 404 too short");
        check(json!({"error": "gone", "message": "it is gone"}), "HTTP 404 it is gone");
        check(json!({"error": "gone"}), "HTTP 404 gone");
        check(json!({"detail": {"why": 1}}), "HTTP 404 {\"why\":1}");
        check(Value::Null, "HTTP 404");
        check(json!({"detail": "a\u{1b}[31m\nb"}), "HTTP 404 a[31mb");
    }

    #[test]
    fn names_in_paths() {
        assert_eq!(percent_encode("did:cos:1-2"), "did%3Acos%3A1-2");
        assert_eq!(percent_encode("org/agent é?#%"), "org%2Fagent%20%C3%A9%3F%23%25");
    }
}
