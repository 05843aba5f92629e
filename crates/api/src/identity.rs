//! Who calls (DESIGN section 6).

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, header};
use marketplace_engine::{Error, Refusal};
use marketplace_money::Did;
use marketplace_ports::Nonce;
use marketplace_wire::{Caller, Via, codes};
use sha2::{Digest, Sha256};

use crate::app::AuthMode;
use crate::failure::Failure;
use crate::shell::{Inner, Shell};

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// Whether the request changes something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// No: a proof may be shown again while it is young.
    Read,
    /// Yes: a proof is used up.
    Command,
}

/// The caller, if the request names one. A wrong token is a failure even where none is needed.
pub(crate) async fn identify(
    shell: &Inner,
    headers: &HeaderMap,
    purpose: Use,
) -> Result<Option<Caller>, Failure> {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        let holder = by_api_key(shell, headers).await?;
        return holder.map(|holder| admitted(shell, holder, purpose)).transpose();
    };
    let token = value.to_str().ok().and_then(bearer).ok_or_else(|| {
        let detail = "The Authorization header must be `Bearer` and a token";
        Failure::new(&codes::TOKEN_MALFORMED, detail)
    })?;
    let app = &shell.app;
    let now = (app.clock)();
    let (did, via) = if app.identity.is_access_token(token) {
        (app.identity.verify_access_token(token, now)?, Via::AccessToken)
    } else if let Some(did) = believed(app.settings.auth_mode, token) {
        (did, Via::Open)
    } else if app.identity.is_agent_token(token) {
        (app.identity.verify_agent_token(token).await?, Via::Registry)
    } else {
        let proof = app.identity.verify_proof(token, now).await?;
        if purpose == Use::Command {
            let nonce = Nonce { signer: proof.did.clone(), value: proof.nonce };
            // In a commit of its own: the proof is worth nothing afterwards, whatever becomes of
            // the command.
            shell.marketplace().use_nonce(nonce, proof.expires_at).await.map_err(replayed)?;
        }
        (proof.did, Via::Proof)
    };
    admitted(shell, caller(shell, did, via), purpose).map(Some)
}

/// A frozen agent may still prove who it is and look at what is its own. Its access tokens are
/// worth nothing, and it commands nothing.
pub(crate) fn admitted(shell: &Inner, caller: Caller, purpose: Use) -> Result<Caller, Failure> {
    let looks = purpose == Use::Read && caller.via != Via::AccessToken;
    if looks || !shell.marketplace().is_frozen(&caller.did) {
        return Ok(caller);
    }
    let detail = "The operators froze this agent: it can look at what is its own with a did-jwt, and \
                  do nothing";
    Err(Failure::new(&codes::FROZEN, detail))
}

/// The holder of the API key, if the request brings one. Only its hash is known here, and looked
/// up: no comparison tells by its time how much of a guess was right.
async fn by_api_key(shell: &Inner, headers: &HeaderMap) -> Result<Option<Caller>, Failure> {
    let Some(secret) = headers.get(API_KEY) else { return Ok(None) };
    let sha256 = Sha256::digest(secret.as_bytes()).into();
    match shell.marketplace().api_key(&sha256).await? {
        Some(key) if key.revoked_at.is_none() => {
            Ok(Some(caller(shell, key.agent.clone(), Via::ApiKey)))
        }
        Some(_) => {
            let detail = "This API key was revoked, make a new one";
            Err(Failure::new(&codes::API_KEY_REVOKED, detail))
        }
        None => {
            let detail = "This API key is not known here: make one with POST /api/v1/api-keys, or \
                          have the operator import it";
            Err(Failure::new(&codes::API_KEY_UNKNOWN, detail))
        }
    }
}

pub(crate) fn operators_only() -> Failure {
    let detail = "Only operators may do this (OPERATOR_DIDS names them)";
    Failure::new(&codes::OPERATORS_ONLY, detail)
}

pub(crate) fn caller(shell: &Inner, did: Did, via: Via) -> Caller {
    let is_operator = shell.marketplace().config().operators.includes(&did);
    Caller { did, is_operator, via }
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// `AUTH_MODE=open` takes a bare DID for the truth.
fn believed(mode: AuthMode, token: &str) -> Option<Did> {
    match mode {
        AuthMode::Open => token.parse().ok(),
        AuthMode::Required => None,
    }
}

fn replayed(error: Error) -> Failure {
    match error {
        Error::Refused(Refusal::NonceUsed) => {
            Failure::new(&codes::TOKEN_REPLAYED, Refusal::NonceUsed.to_string())
        }
        error => error.into(),
    }
}

pub(crate) fn missing() -> Failure {
    let detail = "Send `Authorization: Bearer` with an access token (POST /api/v1/auth/token) or \
                  with a did-jwt that you signed";
    Failure::new(&codes::TOKEN_MISSING, detail)
}

/// The caller of a read; there must be one.
pub(crate) struct Viewer(pub(crate) Caller);

impl FromRequestParts<Shell> for Viewer {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, shell: &Shell) -> Result<Self, Failure> {
        let caller = identify(shell, &parts.headers, Use::Read).await?;
        caller.map(Self).ok_or_else(missing)
    }
}

/// The caller of a read that anybody may do.
pub(crate) struct Visitor(pub(crate) Option<Caller>);

impl FromRequestParts<Shell> for Visitor {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, shell: &Shell) -> Result<Self, Failure> {
        identify(shell, &parts.headers, Use::Read).await.map(Self)
    }
}

/// The caller of a read that only operators may do.
pub(crate) struct Operator(pub(crate) Caller);

impl FromRequestParts<Shell> for Operator {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, shell: &Shell) -> Result<Self, Failure> {
        let Viewer(caller) = Viewer::from_request_parts(parts, shell).await?;
        if caller.is_operator {
            return Ok(Self(caller));
        }
        Err(operators_only())
    }
}
