//! Our own account at the registry: the token by which the services around it know us.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use marketplace_ports::RegistryError;
use reqwest::{Method, StatusCode};
use serde_json::json;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::http::{Content, Http, Proof, percent_encode};
use super::read::expiry;

const PATH: &str = "/api/v1/auth/agent/token";
/// A token is renewed so long before its end.
const MARGIN: i64 = 60;
/// A token that does not say when it ends is used so long.
const UNTOLD: Duration = Duration::from_secs(10 * 60);

/// An agent's account at the registry.
#[derive(Clone)]
pub struct Credentials {
    /// As the registry gave it at onboarding.
    pub client_id: String,
    /// As the registry gave it at onboarding.
    pub client_secret: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

struct Held {
    token: String,
    until: Instant,
}

/// The account and the token that we hold.
pub(crate) struct Standing {
    credentials: Option<Credentials>,
    // Held while asking: who needs a token meanwhile waits for the one that is coming.
    held: Mutex<Option<Held>>,
}

impl Standing {
    pub(crate) fn new(credentials: Option<Credentials>) -> Self {
        Self { credentials, held: Mutex::new(None) }
    }

    pub(crate) async fn token(&self, http: &Http) -> Result<String, RegistryError> {
        let mut held = self.held.lock().await;
        if let Some(held) = held.as_ref().filter(|held| Instant::now() < held.until) {
            return Ok(held.token.clone());
        }
        self.log_in(http, &mut held).await
    }

    /// A token where we have an account and it works; for requests that may go without.
    pub(crate) async fn held(&self, http: &Http) -> Option<String> {
        self.credentials.as_ref()?;
        self.token(http).await.ok()
    }

    pub(crate) async fn renew(&self, http: &Http, refused: &str) -> Result<String, RegistryError> {
        let mut held = self.held.lock().await;
        if let Some(held) = held.as_ref().filter(|held| held.token != refused) {
            return Ok(held.token.clone());
        }
        self.log_in(http, &mut held).await
    }

    async fn log_in(&self, http: &Http, held: &mut Option<Held>) -> Result<String, RegistryError> {
        let account = self.credentials.as_ref();
        let account = account.ok_or(RegistryError::Refused("we have no account there"))?;
        let (id, secret) = (&account.client_id, &account.client_secret);
        let form = format!(
            "grant_type=password&username={}&password={}",
            percent_encode(id),
            percent_encode(secret)
        );
        let mut answer = http.ask(Method::POST, PATH, Content::Form(form), Proof::Nothing).await?;
        let wants_json = [StatusCode::UNSUPPORTED_MEDIA_TYPE, StatusCode::UNPROCESSABLE_ENTITY];
        if wants_json.contains(&answer.status) {
            let body = json!({ "client_id": id, "client_secret": secret });
            answer = http.ask(Method::POST, PATH, Content::Json(body), Proof::Nothing).await?;
        }
        let token = answer.body["access_token"].as_str();
        match (answer.status, token) {
            (status, Some(token)) if status.is_success() => {
                *held = Some(Held { token: token.to_owned(), until: until(token) });
                Ok(token.to_owned())
            }
            (status, _) if status.is_client_error() => {
                tracing::error!(reason = answer.words(), "the registry does not let us log in");
                Err(RegistryError::Refused("it does not accept our account"))
            }
            _ => Err(RegistryError::Unavailable(answer.words())),
        }
    }
}

fn until(token: &str) -> Instant {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let life = expiry(token).map_or(UNTOLD, |exp| {
        let left =
            exp.saturating_sub(i64::try_from(now).unwrap_or(i64::MAX)).saturating_sub(MARGIN);
        // A clock that differs from the registry's must not make us log in for every request.
        Duration::from_secs(u64::try_from(left).unwrap_or(0).clamp(5, 24 * 3_600))
    });
    Instant::now() + life
}
