//! A registry over HTTP: who is who, who can be reached where, and our own standing there.
//!
//! Everything is asked at most once at a time for each name and remembered for a while; when the
//! registry is down, the last good answer is given.

mod cache;
mod card;
mod http;
mod read;
mod standing;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use marketplace_money::Did;
use marketplace_ports::{AgentRecord, AgentTokens, Registration, Registry, RegistryError};
use reqwest::{Method, StatusCode, Url};
use sha2::{Digest, Sha256};
use tokio::sync::{Mutex, MutexGuard};

use crate::FetcherError;
use crate::claim::ClaimText;
use crate::did_jwt::LONGEST_TOKEN;
use crate::did_key;
pub(crate) use cache::Cache;
use http::{Answer, Content, Http, Proof, percent_encode};
use standing::Standing;

pub use standing::Credentials;

/// How long answers are good, and how many are kept.
#[derive(Clone, Copy, Debug)]
pub struct RegistryMemory {
    /// A key. Its agent may change it, so it is asked for again before long.
    pub key: Duration,
    /// An endpoint.
    pub endpoint: Duration,
    /// That there is no key, or no endpoint.
    pub nothing: Duration,
    /// That a token is good, or not.
    pub token: Duration,
    /// When the registry is down, keys and endpoints up to this age are better than nothing.
    pub oldest: Duration,
    /// When the registry is down, tokens up to this age are believed.
    pub oldest_token: Duration,
    /// Answers kept, of each kind.
    pub most: usize,
}

impl Default for RegistryMemory {
    fn default() -> Self {
        Self {
            key: Duration::from_secs(60),
            endpoint: Duration::from_secs(300),
            nothing: Duration::from_secs(30),
            token: Duration::from_secs(5),
            oldest: Duration::from_secs(24 * 3_600),
            oldest_token: Duration::from_secs(60),
            most: 10_000,
        }
    }
}

/// Where the registry is, and who we are there.
#[derive(Clone, Debug)]
pub struct RegistrySettings {
    /// Its address, with or without `/api/v1`.
    pub url: Url,
    /// Our account as an agent; without, we have no token and ask as anybody.
    pub credentials: Option<Credentials>,
    /// `avreg_…`: the developer's key that publishes our card.
    pub developer_key: Option<String>,
    /// For one request.
    pub timeout: Duration,
    /// How long answers are good.
    pub memory: RegistryMemory,
}

impl RegistrySettings {
    /// A registry that we only read from.
    #[must_use]
    pub fn at(url: Url) -> Self {
        Self {
            url,
            credentials: None,
            developer_key: None,
            timeout: Duration::from_secs(5),
            memory: RegistryMemory::default(),
        }
    }
}

/// Somebody who counts what the registry is asked, and what need not be asked.
pub trait RegistryObserver: Send + Sync {
    /// The registry was asked, and answered so.
    fn asked(&self, verb: &'static str, outcome: &'static str);

    /// An answer was looked for in memory.
    fn looked(&self, knew: bool);
}

/// Requests about different names go beside each other, as many as there are turns; requests about
/// one name go one after the other, and the later ones find the answer of the first.
const TURNS: usize = 16;
/// Cards that are looked into for one name: a tag is anybody's to claim.
const CARDS: usize = 3;

/// The registry behind a URL.
pub struct HttpRegistry {
    http: Http,
    standing: Standing,
    developer_key: Option<String>,
    memory: RegistryMemory,
    keys: Cache<Did, Option<[u8; 32]>>,
    endpoints: Cache<Did, Option<String>>,
    tokens: Cache<[u8; 32], Option<Did>>,
    turns: [Mutex<()>; TURNS],
    observer: OnceLock<Arc<dyn RegistryObserver>>,
}

impl std::fmt::Debug for HttpRegistry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpRegistry").field("http", &self.http).finish_non_exhaustive()
    }
}

impl HttpRegistry {
    /// Makes the client; asks nothing yet.
    ///
    /// # Errors
    /// When no HTTPS client can be built.
    pub fn new(settings: RegistrySettings) -> Result<Self, FetcherError> {
        let memory = settings.memory;
        Ok(Self {
            http: Http::new(&settings.url, settings.timeout)?,
            standing: Standing::new(settings.credentials),
            developer_key: settings.developer_key,
            memory,
            keys: Cache::new(memory.most),
            endpoints: Cache::new(memory.most),
            tokens: Cache::new(memory.most),
            turns: std::array::from_fn(|_| Mutex::new(())),
            observer: OnceLock::new(),
        })
    }

    /// Tells `observer` of every call from now on; only the first one is told.
    pub fn observe(&self, observer: Arc<dyn RegistryObserver>) {
        // A second one would count the same calls again.
        let _ = self.observer.set(observer);
    }

    fn knew<T>(&self, known: Option<T>) -> Option<T> {
        if let Some(observer) = self.observer.get() {
            observer.looked(known.is_some());
        }
        known
    }

    fn counted<T>(
        &self,
        verb: &'static str,
        answer: Result<T, RegistryError>,
    ) -> Result<T, RegistryError> {
        if let Some(observer) = self.observer.get() {
            let outcome = match &answer {
                Ok(_) => "ok",
                Err(RegistryError::Refused(_)) => "refused",
                Err(RegistryError::Unavailable(_)) => "unavailable",
            };
            observer.asked(verb, outcome);
        }
        answer
    }

    async fn turn(&self, name: impl Hash) -> MutexGuard<'_, ()> {
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        // The remainder is below 16.
        let index = usize::try_from(hasher.finish() % TURNS as u64).unwrap_or(0);
        self.turns[index].lock().await
    }

    async fn ask_key(&self, did: &Did) -> Result<Option<[u8; 32]>, RegistryError> {
        let path = format!("/api/v1/agents/{}/public-key", percent_encode(did.as_str()));
        let answer = self.http.get(&path, Proof::Nothing).await?;
        match answer.status {
            StatusCode::OK => {
                let key = read::ed25519_key(&answer.body);
                Ok(key.filter(|key| did_key::usable(key).is_some()))
            }
            StatusCode::NOT_FOUND | StatusCode::GONE | StatusCode::UNPROCESSABLE_ENTITY => Ok(None),
            _ => Err(RegistryError::Unavailable(answer.words())),
        }
    }

    /// The profile of the DID; else a card that claims the DID among its tags, if there is exactly
    /// one; else the card whose name the DID is built from.
    async fn ask_endpoint(&self, did: &Did) -> Result<Option<String>, RegistryError> {
        let path = format!("/api/v1/agents/by-did/{}", percent_encode(did.as_str()));
        let profile = found(self.http.get(&path, Proof::Nothing).await?)?;
        if let Some(endpoint) = profile.as_ref().and_then(read::endpoint) {
            return Ok(Some(endpoint));
        }
        if let Some(endpoint) = self.ask_tagged_card(did).await? {
            return Ok(Some(endpoint));
        }
        let Some(name) = did.as_str().strip_prefix("did:agentvault:") else { return Ok(None) };
        let path = format!("/api/v1/agent-cards/id/{}", percent_encode(name));
        let card = found(self.http.get(&path, Proof::Nothing).await?)?;
        let card = card.filter(|card| is_active(card) && !names_another(&card["card_data"], did));
        Ok(card.as_ref().and_then(read::endpoint))
    }

    async fn ask_tagged_card(&self, did: &Did) -> Result<Option<String>, RegistryError> {
        let tag = percent_encode(did.as_str());
        let path = format!("/api/v1/agent-cards/?limit={CARDS}&active_only=true&tags={tag}");
        let list = found(self.http.get(&path, Proof::Nothing).await?)?.unwrap_or_default();
        let items = list["items"].as_array().cloned().unwrap_or_default();
        let mut endpoints = Vec::new();
        for item in items.iter().take(CARDS) {
            let Some(id) = item["id"].as_str() else { continue };
            let path = format!("/api/v1/agent-cards/{}", percent_encode(id));
            let card = found(self.http.get(&path, Proof::Nothing).await?)?;
            let card = card.filter(|c| is_active(c) && read::card_names(&c["card_data"], did));
            endpoints.extend(card.as_ref().and_then(read::endpoint));
        }
        // With two that claim the name, nobody can tell who lies.
        Ok(if endpoints.len() == 1 { endpoints.pop() } else { None })
    }

    async fn ask_token(&self, token: &str) -> Result<Option<Did>, RegistryError> {
        let proof = Proof::Bearer(token);
        let mut answer = self.http.get("/api/v1/agents/me", proof).await?;
        if answer.status == StatusCode::NOT_FOUND {
            // Registries of 2025 mount the route twice.
            answer = self.http.get("/api/v1/api/v1/agents/me", proof).await?;
        }
        match answer.status {
            StatusCode::OK => {
                let active = answer.body["status"]
                    .as_str()
                    .is_none_or(|status| status.eq_ignore_ascii_case("active"));
                let did = answer.body["did"].as_str().and_then(|text| text.parse().ok());
                Ok(did.filter(|_| active))
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Ok(None),
            _ => Err(RegistryError::Unavailable(answer.words())),
        }
    }
}

/// The body of what was found. What a registry does not know, or has no route for, is not there.
fn found(answer: Answer) -> Result<Option<serde_json::Value>, RegistryError> {
    match answer.status {
        StatusCode::OK => Ok(Some(answer.body)),
        status if status.is_client_error() => Ok(None),
        _ => Err(RegistryError::Unavailable(answer.words())),
    }
}

fn is_active(card: &serde_json::Value) -> bool {
    card["is_active"].as_bool().unwrap_or(true)
}

fn names_another(card: &serde_json::Value, did: &Did) -> bool {
    card["did"].as_str().is_some_and(|named| named != did.as_str())
}

#[async_trait]
impl Registry for HttpRegistry {
    async fn resolve(&self, did: &Did) -> Result<Option<AgentRecord>, RegistryError> {
        let Some(public_key) = self.public_key(did).await? else { return Ok(None) };
        let endpoint = self.endpoint(did).await?;
        Ok(Some(AgentRecord { did: did.clone(), public_key, endpoint }))
    }

    /// Agents register at the registry itself.
    async fn register(&self, _registration: &Registration) -> Result<(), RegistryError> {
        Err(RegistryError::Refused("agents of this marketplace are registered at its registry"))
    }

    /// A registry that has no such route cannot be told by us; its operators can.
    async fn register_ourselves(&self, registration: &Registration) -> Result<(), RegistryError> {
        let did = percent_encode(registration.record.did.as_str());
        let path = format!("/api/v1/agents/{did}/public-key");
        let body = serde_json::to_value(ClaimText::new(registration)).unwrap_or_default();
        let token = self.standing.held(&self.http).await;
        let proof = token.as_deref().map_or(Proof::Nothing, Proof::Bearer);
        let answer = self.http.ask(Method::PUT, &path, Content::Json(body), proof).await?;
        match answer.status {
            status if status.is_success() => Ok(()),
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => {
                Err(RegistryError::Refused("it has no way to be told a key, its operator has"))
            }
            _ => Err(RegistryError::Refused("it does not accept our key")),
        }
    }

    async fn public_key(&self, did: &Did) -> Result<Option<[u8; 32]>, RegistryError> {
        match did_key::verifying_key(did) {
            Ok(key) => return Ok(Some(key.to_bytes())),
            Err(did_key::DidKeyError::OtherMethod) => {}
            Err(_) => return Ok(None),
        }
        if let Some(known) = self.knew(self.keys.fresh(did)) {
            return Ok(known);
        }
        let _turn = self.turn(did).await;
        if let Some(known) = self.keys.fresh(did) {
            return Ok(known);
        }
        match self.counted("public_key", self.ask_key(did).await) {
            Ok(key) => {
                let good_for = if key.is_some() { self.memory.key } else { self.memory.nothing };
                self.keys.put(did.clone(), key, good_for);
                Ok(key)
            }
            Err(error) => self.keys.last(did, self.memory.oldest).ok_or(error),
        }
    }

    async fn endpoint(&self, did: &Did) -> Result<Option<String>, RegistryError> {
        if let Some(known) = self.knew(self.endpoints.fresh(did)) {
            return Ok(known);
        }
        let _turn = self.turn(did).await;
        if let Some(known) = self.endpoints.fresh(did) {
            return Ok(known);
        }
        match self.counted("endpoint", self.ask_endpoint(did).await) {
            Ok(endpoint) => {
                let memory = &self.memory;
                let good_for = if endpoint.is_some() { memory.endpoint } else { memory.nothing };
                self.endpoints.put(did.clone(), endpoint.clone(), good_for);
                Ok(endpoint)
            }
            Err(error) => self.endpoints.last(did, self.memory.oldest).ok_or(error),
        }
    }

    fn knows_endpoint(&self, did: &Did) -> Option<bool> {
        match self.endpoints.last(did, self.memory.oldest)? {
            Some(_) => Some(true),
            None => self.endpoints.fresh(did).map(|_| false),
        }
    }

    async fn verify_token(&self, token: &str) -> Result<Option<Did>, RegistryError> {
        let visible = token.bytes().all(|byte| byte.is_ascii_graphic());
        if token.len() > LONGEST_TOKEN || !visible {
            return Ok(None);
        }
        let name: [u8; 32] = Sha256::digest(token).into();
        if let Some(known) = self.knew(self.tokens.fresh(&name)) {
            return Ok(known);
        }
        let _turn = self.turn(name).await;
        if let Some(known) = self.tokens.fresh(&name) {
            return Ok(known);
        }
        match self.counted("verify_token", self.ask_token(token).await) {
            Ok(did) => {
                self.tokens.put(name, did.clone(), self.memory.token);
                Ok(did)
            }
            Err(error) => self.tokens.last(&name, self.memory.oldest_token).ok_or(error),
        }
    }

    fn issues_tokens(&self) -> bool {
        true
    }
}

#[async_trait]
impl AgentTokens for HttpRegistry {
    async fn token(&self) -> Result<String, RegistryError> {
        self.standing.token(&self.http).await
    }

    async fn renew(&self, refused: &str) -> Result<String, RegistryError> {
        self.standing.renew(&self.http, refused).await
    }
}
