//! Calls a server, and says in its own words why it refuses.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow, bail};
use marketplace_money::{Seconds, Timestamp};
use marketplace_registry::{AgentKey, fresh_nonce, install_tls_provider};
use reqwest::{Method, Response, StatusCode};
use serde_json::Value;

use crate::cli::ServerArgs;
use crate::key_file;

/// A proof is used at once; this is for clocks that differ.
const PROOF_LIFE: Seconds = Seconds(300);
const TIMEOUT: Duration = Duration::from_secs(60);

/// A server, and the caller's token once there is one.
pub(crate) struct Client {
    http: reqwest::Client,
    base: String,
    audience: String,
    token: Option<String>,
}

impl Client {
    pub(crate) fn new(server: &ServerArgs) -> Result<Self> {
        install_tls_provider();
        let base = server.url.trim_end_matches('/').to_owned();
        // By default for the URL that was typed, not for the name that whoever answers there gives
        // itself: a proof must be of no use to another server.
        let audience = server.audience.clone().unwrap_or_else(|| base.clone());
        let http = reqwest::Client::builder().timeout(TIMEOUT).build()?;
        Ok(Self { http, base, audience, token: None })
    }

    /// Proves the key and keeps the access token.
    pub(crate) async fn log_in(&mut self, key: &AgentKey) -> Result<String> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH)?;
        let now = Timestamp::from_micros(i64::try_from(since.as_micros())?);
        self.token = Some(key.mint(&self.audience, now, PROOF_LIFE, &fresh_nonce()?));
        let reply = self.post("/api/v1/auth/token", None).await?;
        let token = reply["access_token"].as_str().context("the server gave no access token")?;
        self.token = Some(token.to_owned());
        Ok(token.to_owned())
    }

    /// A client that is logged in with the key of a file.
    pub(crate) async fn with_key(server: &ServerArgs, key: &Path) -> Result<Self> {
        let mut client = Self::new(server)?;
        client.log_in(&key_file::read(key)?).await?;
        Ok(client)
    }

    pub(crate) async fn get(&self, path: &str, query: &[(&str, String)]) -> Result<Value> {
        let request = self.request(Method::GET, path).query(query);
        answer(self.send(request).await?).await
    }

    pub(crate) async fn post(&self, path: &str, body: Option<&Value>) -> Result<Value> {
        let request = self.request(Method::POST, path);
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        answer(self.send(request).await?).await
    }

    /// A plain look: status and headers, whatever the server says.
    pub(crate) async fn look(&self, path: &str) -> Result<Response> {
        self.send(self.request(Method::GET, path)).await
    }

    /// The answer at a whole URL, whatever it is; nobody there learns who asks.
    pub(crate) async fn look_at(&self, url: &str) -> Result<Response> {
        self.http.get(url).send().await.with_context(|| format!("{url} does not answer"))
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Response> {
        request.send().await.with_context(|| format!("{} does not answer", self.base))
    }
}

/// The body of a success, or the problem document in one line.
async fn answer(response: Response) -> Result<Value> {
    let status = response.status();
    let text = response.text().await?;
    if status.is_success() {
        return serde_json::from_str(&text).context("the server answered with no JSON");
    }
    let problem: Value = serde_json::from_str(&text).unwrap_or_default();
    Err(refusal(status, &problem))
}

fn refusal(status: StatusCode, problem: &Value) -> anyhow::Error {
    let part = |name: &str| problem[name].as_str();
    match (part("detail").or(part("title")), part("code")) {
        (Some(detail), Some(code)) => anyhow!("{detail} ({code}, HTTP {})", status.as_u16()),
        _ => anyhow!("the server answered with HTTP {status}"),
    }
}

/// Waits until the server is ready.
pub(crate) async fn wait_until_ready(client: &Client, seconds: u64) -> Result<()> {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(seconds);
    loop {
        if client.look("/readyz").await.is_ok_and(|response| response.status().is_success()) {
            return Ok(());
        }
        if tokio::time::Instant::now() >= deadline {
            bail!("{} is not ready", client.base);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
