//! Who stands at the door of a binding.

use async_trait::async_trait;
use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderName, HeaderValue};
use marketplace_money::Timestamp;
use marketplace_ports::Nonce;

use crate::{Caller, Problem, codes};

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// What a request shows of its caller, and what it is about: a body-bound proof names both.
#[derive(Clone, Debug, Default)]
pub struct Knock<'a> {
    /// Such as `POST`.
    pub method: &'a str,
    /// As it was sent, without query.
    pub path: &'a str,
    /// Values of `Authorization`, one for each such header.
    pub authorization: Vec<&'a [u8]>,
    /// The value of `X-API-Key`.
    pub api_key: Option<&'a [u8]>,
    /// Every byte of it.
    pub body: &'a [u8],
}

impl<'a> Knock<'a> {
    /// What a request shows, whichever binding it is for.
    #[must_use]
    pub fn of(parts: &'a Parts, body: &'a [u8]) -> Self {
        let headers = &parts.headers;
        Self {
            method: parts.method.as_str(),
            path: parts.uri.path(),
            authorization: headers
                .get_all(AUTHORIZATION)
                .iter()
                .map(HeaderValue::as_bytes)
                .collect(),
            api_key: headers.get(API_KEY).map(HeaderValue::as_bytes),
            body,
        }
    }
}

/// A caller who proved itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guest {
    /// Who.
    pub caller: Caller,
    /// What a command of this request has to use up, and until when that is remembered.
    pub proof: Option<(Nonce, Timestamp)>,
    /// When what it showed is worth nothing any more, where that is known.
    pub until: Option<Timestamp>,
}

/// What a frozen agent is told that commands something.
#[must_use]
pub fn frozen() -> Problem {
    let detail = "The operators froze this agent: it can look at what is its own with a did-jwt, and \
                  do nothing";
    Problem::new(&codes::FROZEN, detail)
}

/// Tells who calls: one for all bindings, so that nobody is somebody else elsewhere.
#[async_trait]
pub trait Doorkeeper: Send + Sync {
    /// The caller, if the request names one. A wrong token is a problem even where none is needed.
    async fn who(&self, knock: &Knock<'_>) -> Result<Option<Guest>, Problem>;
}
