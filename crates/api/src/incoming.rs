//! Commands as they come in. Checked in this order: size, media type, caller, text, JSON, shape.

use std::ops::Deref;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use marketplace_engine::{Beside, Marketplace};
use marketplace_money::Did;
use marketplace_wire::{Caller, Object, Via, codes, holds_escaped_nul};
use serde::Deserialize;
use serde_json::error::Category;

use crate::app::AuthMode;
use crate::body;
use crate::failure::Failure;
use crate::identity::{self, Unused, Use, caller, identify, prove};
use crate::shell::{Inner, Shell};

/// Characters of a parser's words that are shown: they quote the caller's own field names.
const LONGEST_DETAIL: usize = 300;

/// A request whose body has been read.
pub(crate) struct Received {
    /// Whom the token names; nobody, where the request brings none.
    caller: Option<Caller>,
    pub(crate) body: Bytes,
    pub(crate) parts: Parts,
}

/// A request of an authenticated caller.
pub(crate) struct Incoming {
    pub(crate) caller: Caller,
    pub(crate) received: Received,
}

/// A request of an authenticated caller for one command of the engine. Its proof is used up in the
/// commit of that command, and not by a refusal: such a refusal leaves no trace, as always.
pub(crate) struct Ordered {
    incoming: Incoming,
    /// For the command.
    pub(crate) market: Marketplace,
}

impl Deref for Ordered {
    type Target = Incoming;

    fn deref(&self) -> &Incoming {
        &self.incoming
    }
}

impl FromRequest<Shell> for Ordered {
    type Rejection = Failure;

    async fn from_request(request: Request, shell: &Shell) -> Result<Self, Failure> {
        let (mut received, proof) = Received::read(request, shell, Consumed::ByItsCommand).await?;
        let caller = received.caller.take().ok_or_else(identity::missing)?;
        let market = shell.marketplace().beside(Beside { proof, ..Beside::default() });
        Ok(Self { incoming: Incoming { caller, received }, market })
    }
}

/// When a proof is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Consumed {
    AtOnce,
    ByItsCommand,
}

impl FromRequest<Shell> for Received {
    type Rejection = Failure;

    async fn from_request(request: Request, shell: &Shell) -> Result<Self, Failure> {
        Self::read(request, shell, Consumed::AtOnce).await.map(|(received, _)| received)
    }
}

impl Received {
    async fn read(
        request: Request,
        shell: &Shell,
        consumed: Consumed,
    ) -> Result<(Self, Option<Unused>), Failure> {
        let (parts, body) = request.into_parts();
        let within = shell.app.settings.request_timeout;
        let body = body::read(&parts.headers, body, within).await?;
        if !body.is_empty() && !is_json(&parts.headers) {
            let detail = "Send the body as `Content-Type: application/json`";
            return Err(Failure::new(&codes::UNSUPPORTED_MEDIA_TYPE, detail));
        }
        let (caller, proof) = match consumed {
            Consumed::AtOnce => (identify(shell, &parts, &body, Use::Command).await?, None),
            Consumed::ByItsCommand => prove(shell, &parts, &body, Use::Command)
                .await?
                .map_or((None, None), |(caller, proof)| (Some(caller), proof)),
        };
        if holds_escaped_nul(&body) {
            let detail = "The body holds the character U+0000, which no text may have";
            return Err(Failure::new(&codes::INVALID_TEXT, detail));
        }
        Ok((Self { caller, body, parts }, proof))
    }
}

impl FromRequest<Shell> for Incoming {
    type Rejection = Failure;

    async fn from_request(request: Request, shell: &Shell) -> Result<Self, Failure> {
        let mut received = Received::from_request(request, shell).await?;
        let caller = received.caller.take().ok_or_else(identity::missing)?;
        Ok(Self { caller, received })
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = value.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

fn unreadable(error: &serde_json::Error) -> Failure {
    let detail: String = error.to_string().chars().take(LONGEST_DETAIL).collect();
    match error.classify() {
        Category::Data => Failure::new(&codes::INVALID_BODY, detail),
        Category::Syntax | Category::Eof | Category::Io => {
            Failure::new(&codes::MALFORMED_JSON, detail)
        }
    }
}

impl Received {
    /// The body as a JSON object of this shape.
    pub(crate) fn input<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Failure> {
        match serde_json::from_slice::<Object<T>>(&self.body) {
            Ok(Object(input)) => Ok(input),
            Err(error) => Err(unreadable(&error)),
        }
    }

    /// Method and path, as idempotency records know them. The path and not its pattern: an answer
    /// belongs to the order that it was given for.
    pub(crate) fn route(&self) -> String {
        format!("{} {}", self.parts.method, self.parts.uri.path())
    }

    /// Whether the request may go on: it names its caller, or nobody has to.
    pub(crate) fn require_caller(&self, shell: &Inner) -> Result<(), Failure> {
        match (&self.caller, shell.app.settings.auth_mode) {
            (Some(_), _) | (None, AuthMode::Open) => Ok(()),
            (None, AuthMode::Required) => Err(identity::missing()),
        }
    }

    /// Whom a message that says `from` speaks for.
    pub(crate) fn sender(&self, shell: &Inner, from: &str) -> Result<Caller, Failure> {
        self.speaker(shell, "from", from)
    }

    /// Whom the token names, if there is one.
    pub(crate) fn known(&self) -> Option<&Caller> {
        self.caller.as_ref()
    }

    /// Whom a request speaks for that names an agent in `field`.
    pub(crate) fn speaker(
        &self,
        shell: &Inner,
        field: &str,
        named: &str,
    ) -> Result<Caller, Failure> {
        match &self.caller {
            Some(known) if known.did.as_str() == named => Ok(known.clone()),
            Some(known) => {
                let detail = format!("`{field}` must be {}, for whom the token speaks", known.did);
                Err(Failure::new(&codes::FORGED_FROM, detail))
            }
            None => {
                self.require_caller(shell)?;
                let did: Did = named.parse().map_err(|error| {
                    Failure::new(&codes::INVALID_BODY, format!("`{field}` {error}"))
                })?;
                identity::admitted(shell, caller(shell, did, Via::Open), Use::Command)
            }
        }
    }
}

/// The body of a command that takes none.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

impl Incoming {
    /// Only operators may do this.
    pub(crate) fn require_operator(&self) -> Result<(), Failure> {
        if self.caller.is_operator { Ok(()) } else { Err(identity::operators_only()) }
    }

    /// The body as a JSON object of this shape.
    pub(crate) fn input<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Failure> {
        self.received.input()
    }

    /// The body as a JSON object of this shape, or what stands for none.
    pub(crate) fn input_or_default<'a, T: Deserialize<'a> + Default>(
        &'a self,
    ) -> Result<T, Failure> {
        if self.received.body.is_empty() { Ok(T::default()) } else { self.input() }
    }

    /// There must be no body, or an empty object: a field that nobody reads was meant for
    /// something.
    pub(crate) fn expect_nothing(&self) -> Result<(), Failure> {
        if self.received.body.is_empty() {
            return Ok(());
        }
        self.input::<Nothing>().map(|Nothing {}| ())
    }
}
