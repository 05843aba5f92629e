//! The embedded directory as a server: the part of the published registry that marketplaces use.
//!
//! For development and for deployments without another registry. An agent's DID is bound by a
//! request signed with the key itself, and changed only by the old key. An agent logs in with an
//! account that the operator gave it, or with a did-jwt of its own in the place of the password.

mod accounts;
mod agents;
mod cards;
mod reply;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use marketplace_money::{Did, Timestamp};
use serde_json::json;

use crate::{Credentials, EmbeddedRegistry, NoRandomness, random_key};
use accounts::Accounts;
use reply::{Refusal, Reply};

/// The largest request.
const LARGEST_BODY: usize = 256 * 1024;

/// An account that the operator gave an agent.
#[derive(Clone, Debug)]
pub struct Account {
    /// For whom its tokens speak.
    pub did: Did,
    /// What the agent logs in with.
    pub credentials: Credentials,
}

/// What the server stands on.
pub struct RegistryServer {
    directory: Arc<EmbeddedRegistry>,
    accounts: Accounts,
    /// Ours; also an audience of the did-jwt that agents log in with.
    did: Did,
    clock: crate::Clock,
}

impl RegistryServer {
    /// A server over a directory. Its tokens are good until it stops, at most for half an hour.
    ///
    /// # Errors
    /// When there is no randomness to make a key for tokens.
    pub fn new(
        directory: Arc<EmbeddedRegistry>,
        did: Did,
        accounts: Vec<Account>,
        clock: crate::Clock,
    ) -> Result<Arc<Self>, NoRandomness> {
        let accounts = Accounts::new(accounts, random_key()?);
        Ok(Arc::new(Self { directory, accounts, did, clock }))
    }

    /// For whom a token of ours speaks, for the services beside us; nobody, when it is not good.
    #[must_use]
    pub fn holder(&self, token: &str) -> Option<Did> {
        self.accounts.holder(token, self.now())
    }

    fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Every route.
    pub fn router(self: &Arc<Self>) -> Router {
        Router::new()
            .route("/api/v1/auth/agent/token", post(accounts::token))
            .route("/api/v1/agents/me", get(agents::me))
            .route("/api/v1/api/v1/agents/me", get(agents::me))
            .route("/api/v1/agents/{did}/public-key", get(agents::key).put(agents::bind))
            .route("/api/v1/agents/by-did/{did}", get(agents::profile))
            .route("/api/v1/agent-cards/", get(cards::list).post(cards::publish))
            .route("/api/v1/agent-cards/{id}", get(cards::show).put(cards::change))
            .route("/api/v1/agent-cards/id/{name}", get(cards::named))
            .layer(DefaultBodyLimit::max(LARGEST_BODY))
            .with_state(self.clone())
    }

    /// What is at no path, in this server's words.
    pub async fn not_found() -> axum::response::Response {
        axum::response::IntoResponse::into_response(Refusal::not_found("Not Found"))
    }

    /// `GET /health`, for a server that has nothing else on it.
    pub async fn health() -> Reply {
        Reply(axum::http::StatusCode::OK, json!({ "status": "healthy", "service": "registry" }))
    }
}
