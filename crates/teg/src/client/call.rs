//! One call of the TEG, and calls that may be repeated. Everything that guards a call is here:
//! budget, circuit, token, time-outs, the size of an answer.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use marketplace_money::{Seconds, Timestamp};
use marketplace_ports::TegError;
use reqwest::header::RETRY_AFTER;
use reqwest::{Client, Method, Response, StatusCode, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use super::breaker::Breaker;
use super::budget::Budget;
use super::error::{Answer, CallError};
use super::settings::{HttpTegError, HttpTegSettings, Rail, TegAuth, is_loopback};

/// No answer of the TEG is larger; a thousand transactions have 500 KB.
const LARGEST_ANSWER: usize = 8 << 20;

/// What goes out.
pub(super) struct Call<'a> {
    method: Method,
    base: &'a str,
    path: &'a str,
    query: Vec<(&'static str, String)>,
    body: Option<Value>,
    key: Option<Uuid>,
    /// Counted against the transfers of the hour.
    transfer: bool,
    auth: Auth,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Auth {
    Nobody,
    Ourselves,
    Service,
}

impl<'a> Call<'a> {
    pub(super) fn get(path: &'a str) -> Self {
        Self {
            method: Method::GET,
            base: "",
            path,
            query: Vec::new(),
            body: None,
            key: None,
            transfer: false,
            auth: Auth::Ourselves,
        }
    }

    pub(super) fn post(path: &'a str, body: &impl Serialize) -> Self {
        // A body of ours has text keys and plain values: it is always JSON.
        let body = serde_json::to_value(body).unwrap_or_default();
        Self { method: Method::POST, body: Some(body), ..Self::get(path) }
    }

    pub(super) fn key(self, key: Uuid) -> Self {
        Self { key: Some(key), ..self }
    }

    pub(super) fn query(mut self, name: &'static str, value: &impl ToString) -> Self {
        self.query.push((name, value.to_string()));
        self
    }

    pub(super) fn of_anybody(self) -> Self {
        Self { auth: Auth::Nobody, ..self }
    }

    pub(super) fn of_the_service(self) -> Self {
        Self { auth: Auth::Service, ..self }
    }

    /// Tokens move by it.
    pub(super) fn transfer(self) -> Self {
        Self { transfer: true, ..self }
    }

    /// At another server than the TEG's.
    pub(super) fn at(self, base: &'a str) -> Self {
        Self { base, ..self }
    }
}

/// Calls the TEG.
#[derive(Debug)]
pub(super) struct Caller {
    pub(super) settings: HttpTegSettings,
    client: Client,
    breaker: Breaker,
    budget: Budget,
}

impl Caller {
    pub(super) fn new(settings: HttpTegSettings) -> Result<Self, HttpTegError> {
        let elsewhere = match &settings.rail {
            Rail::Send(url) => Some(url),
            Rail::Transfer => None,
        };
        for url in [Some(&settings.url), elsewhere].into_iter().flatten() {
            let parsed = Url::parse(url).ok();
            if !parsed.is_some_and(|url| matches!(url.scheme(), "http" | "https")) {
                return Err(HttpTegError::Url(url.clone()));
            }
            if matches!(settings.auth, TegAuth::Did) && !is_loopback(url) {
                return Err(HttpTegError::DidAbroad(url.clone()));
            }
        }
        // The error only says that this process has a TLS provider.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .user_agent("agentvault-marketplace")
            // A redirect would take our token to another server.
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(settings.connect_timeout)
            .timeout(settings.call_timeout)
            .build()
            .map_err(HttpTegError::Client)?;
        let (breaker, budget) =
            (Breaker::new(settings.breaker), Budget::new(settings.limits, settings.shared.clone()));
        Ok(Self { settings, client, breaker, budget })
    }

    /// A call that only reads, repeated while it fails.
    pub(super) async fn read<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<T, CallError> {
        let mut pauses = self.pauses();
        loop {
            let error = match self.once(&call).await {
                Err(CallError::Refused(answer)) => return Err(CallError::Refused(answer)),
                Err(error) => error,
                done => return done,
            };
            match self.next_pause(&mut pauses, &error) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return Err(error),
            }
        }
    }

    /// As [`Self::read`]; what the TEG does not know is no error.
    pub(super) async fn find<T: DeserializeOwned>(
        &self,
        call: Call<'_>,
    ) -> Result<Option<T>, TegError> {
        match self.read(call).await {
            Ok(found) => Ok(Some(found)),
            Err(CallError::Refused(answer)) if answer.status == StatusCode::NOT_FOUND => Ok(None),
            Err(error) => Err(error.of_reading()),
        }
    }

    pub(super) fn pauses(&self) -> ExponentialBackoff {
        ExponentialBuilder::new()
            .with_min_delay(self.settings.first_pause)
            .with_max_delay(self.settings.longest_pause)
            .with_max_times(self.settings.attempts.saturating_sub(1))
            .with_jitter()
            .build()
    }

    /// How long to wait before the next attempt; nothing when it is not worth it.
    pub(super) fn next_pause(
        &self,
        pauses: &mut ExponentialBackoff,
        error: &CallError,
    ) -> Option<Duration> {
        let pause = pauses.next()?;
        let CallError::NotMade { retry_after: Some(wait), .. } = error else { return Some(pause) };
        let wait = Duration::from_secs(wait.0.into());
        (wait <= self.settings.longest_pause).then(|| pause.max(wait))
    }

    /// One call; with a token that is refused, a second one with a new token.
    pub(super) async fn once<T: DeserializeOwned>(&self, call: &Call<'_>) -> Result<T, CallError> {
        let token = self.token(call).await?;
        let answer = match (self.exchange(call, token.as_deref()).await, &self.settings.auth) {
            (Err(CallError::Refused(answer)), TegAuth::Registry(tokens))
                if answer.status == StatusCode::UNAUTHORIZED && call.auth == Auth::Ourselves =>
            {
                let renewed = tokens.renew(token.as_deref().unwrap_or_default()).await;
                let renewed = renewed.map_err(|error| CallError::not_made(error.to_string()))?;
                self.exchange(call, Some(&renewed)).await
            }
            (answer, _) => answer,
        };
        let body = match answer {
            // With a good token or none to renew: not this request's fault, nothing was read.
            Err(CallError::Refused(answer)) if answer.status == StatusCode::UNAUTHORIZED => {
                let reason = format!("the TEG does not know us: {}", answer.detail);
                return Err(CallError::not_made(reason));
            }
            answer => answer?,
        };
        serde_json::from_slice(&body)
            .map_err(|error| CallError::lost(format!("{} answered nonsense: {error}", call.path)))
    }

    async fn token(&self, call: &Call<'_>) -> Result<Option<String>, CallError> {
        match (call.auth, &self.settings.auth) {
            (Auth::Nobody | Auth::Service, _) => Ok(None),
            (Auth::Ourselves, TegAuth::Static(token)) => Ok(Some(token.clone())),
            (Auth::Ourselves, TegAuth::Did) => Ok(Some(self.settings.owner.to_string())),
            (Auth::Ourselves, TegAuth::Registry(tokens)) => {
                let token = tokens.token().await;
                Ok(Some(token.map_err(|error| CallError::not_made(error.to_string()))?))
            }
        }
    }

    async fn exchange(&self, call: &Call<'_>, token: Option<&str>) -> Result<Vec<u8>, CallError> {
        let now = self.now();
        self.budget.take(call.transfer, now).await.map_err(|spent| CallError::NotMade {
            reason: spent.what,
            retry_after: Some(spent.wait),
        })?;
        if let Err(wait) = self.breaker.may_call(now) {
            self.budget.give_back(call.transfer).await;
            let reason = "the TEG has not answered for a while and is left alone".to_owned();
            return Err(CallError::NotMade { reason, retry_after: Some(wait) });
        }
        let result = self.send(call, token).await;
        let failed = match &result {
            Err(CallError::NotMade { retry_after, .. }) => retry_after.is_none(),
            Err(CallError::Lost { .. }) => true,
            Ok(_) | Err(CallError::Refused(_)) => false,
        };
        self.breaker.tell(!failed, self.now());
        result
    }

    async fn send(&self, call: &Call<'_>, token: Option<&str>) -> Result<Vec<u8>, CallError> {
        let base = if call.base.is_empty() { &self.settings.url } else { call.base };
        let mut url = Url::parse(&format!("{base}/api/v1{}", call.path))
            .map_err(|error| CallError::not_made(error.to_string()))?;
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&call.query);
        }
        let mut request = self.client.request(call.method.clone(), url);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let (Auth::Service, Some(token)) = (call.auth, &self.settings.service_token) {
            request = request.header("X-Service-Token", token);
        }
        if let Some(key) = call.key {
            request = request.header("Idempotency-Key", key.to_string());
        }
        if let Some(body) = &call.body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(|error| failure(&error, call.path))?;
        let status = response.status();
        let wait = retry_after(&response);
        match status.as_u16() {
            // The answer was on its way: what it says about is done.
            200..=299 => read(response, call.path).await,
            429 => {
                let wait = wait.unwrap_or(Seconds(1));
                self.budget.be_quiet(wait, self.now());
                let reason = "the TEG answered 429: too many calls".to_owned();
                Err(CallError::NotMade { reason, retry_after: Some(wait) })
            }
            // Whoever answered may not be the TEG, and what is behind it may have done it.
            300..=399 | 408 | 425 | 500.. => {
                Err(CallError::lost(format!("{} answered {status}", call.path)))
            }
            _ => {
                let body = read(response, call.path).await.unwrap_or_default();
                let answer = Answer::of(status, &body);
                // Without a reason it says that the same key is being worked on.
                if status == StatusCode::CONFLICT && !answer.has_known_code() {
                    return Err(CallError::lost(format!("{}: {}", call.path, answer.detail)));
                }
                Err(CallError::Refused(answer))
            }
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        (self.settings.clock)()
    }
}

async fn read(mut response: Response, path: &str) -> Result<Vec<u8>, CallError> {
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(|error| failure(&error, path))? {
        if body.len() + piece.len() > LARGEST_ANSWER {
            return Err(CallError::lost(format!("{path} answered with more than 8 MiB")));
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

/// Without a connection nothing was sent; after that, anything may have happened.
fn failure(error: &reqwest::Error, path: &str) -> CallError {
    let mut text = format!("{path}: {}", error.to_string().split(" for url").next().unwrap_or(""));
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    if error.is_connect() || error.is_builder() {
        CallError::not_made(text)
    } else {
        CallError::lost(text)
    }
}

/// In seconds; a date is not worth a parser, its absence means a second.
fn retry_after(response: &Response) -> Option<Seconds> {
    let text = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    text.trim().parse().ok().filter(|wait| *wait <= 86_400).map(Seconds)
}
