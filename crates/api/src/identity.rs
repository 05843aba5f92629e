//! Who calls (DESIGN section 6).

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use marketplace_engine::{Error, Refusal};
use marketplace_money::{Did, Timestamp};
use marketplace_ports::Nonce;
use marketplace_wire::{Caller, Doorkeeper as _, Knock, Via, codes};

use crate::failure::Failure;
use crate::shell::{Inner, Shell};

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
    parts: &Parts,
    body: &[u8],
    purpose: Use,
) -> Result<Option<Caller>, Failure> {
    let Some((caller, proof)) = prove(shell, parts, body, purpose).await? else { return Ok(None) };
    if let (Some((nonce, until)), Use::Command) = (proof, purpose) {
        // In a commit of its own, for requests that are not one command of the engine: the proof is
        // worth nothing afterwards, whatever becomes of them.
        shell.marketplace().use_nonce(nonce, until).await.map_err(replayed)?;
    }
    Ok(Some(caller))
}

/// The caller with a proof that is still to be used up, if it brought one.
pub(crate) async fn prove(
    shell: &Inner,
    parts: &Parts,
    body: &[u8],
    purpose: Use,
) -> Result<Option<(Caller, Option<Unused>)>, Failure> {
    let Some(guest) = shell.app.who(&Knock::of(parts, body)).await? else { return Ok(None) };
    Ok(Some((admitted(shell, guest.caller, purpose)?, guest.proof)))
}

/// A proof that is good for one command, and until when it must be remembered.
pub(crate) type Unused = (Nonce, Timestamp);

/// A frozen agent may still prove who it is and look at what is its own. Its access tokens are
/// worth nothing, and it commands nothing.
pub(crate) fn admitted(shell: &Inner, caller: Caller, purpose: Use) -> Result<Caller, Failure> {
    let looks = purpose == Use::Read && caller.via != Via::AccessToken;
    if looks || !shell.marketplace().is_frozen(&caller.did) {
        return Ok(caller);
    }
    Err(marketplace_wire::frozen().into())
}

pub(crate) fn operators_only() -> Failure {
    let detail = "Only operators may do this (OPERATOR_DIDS names them)";
    Failure::new(&codes::OPERATORS_ONLY, detail)
}

pub(crate) fn caller(shell: &Inner, did: Did, via: Via) -> Caller {
    shell.app.caller(did, via)
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
        let caller = identify(shell, parts, &[], Use::Read).await?;
        caller.map(Self).ok_or_else(missing)
    }
}

/// The caller of a read that anybody may do.
pub(crate) struct Visitor(pub(crate) Option<Caller>);

impl FromRequestParts<Shell> for Visitor {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, shell: &Shell) -> Result<Self, Failure> {
        identify(shell, parts, &[], Use::Read).await.map(Self)
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
