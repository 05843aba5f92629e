//! Who is calling: a token is somebody's, or nobody's.

use std::collections::HashMap;

use async_trait::async_trait;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use marketplace_money::Did;

use super::Shared;
use super::reply::Refusal;

/// Why it is not known who is calling.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallerError {
    /// The token is nobody's, or not any more.
    #[error("this token is not good: {0}")]
    NotGood(&'static str),
    /// Ask again later.
    #[error("tokens cannot be checked now: {0}")]
    Unavailable(String),
}

/// Knows agents by their tokens.
#[async_trait]
pub trait Callers: Send + Sync {
    /// Whose token this is.
    async fn caller(&self, token: &str) -> Result<Did, CallerError>;
}

/// Takes the DID itself for a token: for development on one machine, it believes everybody.
#[derive(Clone, Copy, Debug, Default)]
pub struct BareDids;

#[async_trait]
impl Callers for BareDids {
    async fn caller(&self, token: &str) -> Result<Did, CallerError> {
        token.parse().map_err(|_| CallerError::NotGood("it must be the DID of the caller"))
    }
}

/// Tokens that an operator gave to agents.
#[derive(Clone, Default)]
pub struct KnownTokens(pub HashMap<String, Did>);

#[async_trait]
impl Callers for KnownTokens {
    async fn caller(&self, token: &str) -> Result<Did, CallerError> {
        self.0.get(token).cloned().ok_or(CallerError::NotGood("nobody has it"))
    }
}

impl Shared {
    /// The agent that calls.
    pub(super) async fn caller(&self, headers: &HeaderMap) -> Result<Did, Refusal> {
        let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = header.and_then(|value| value.split_once(' '));
        let token = token.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let (_, token) = token.ok_or_else(|| Refusal::unauthorized("a bearer token is needed"))?;
        self.server.callers.caller(token.trim()).await.map_err(|error| match error {
            CallerError::NotGood(_) => Refusal::unauthorized(&error.to_string()),
            CallerError::Unavailable(_) => Refusal::unavailable(&error.to_string()),
        })
    }
}
