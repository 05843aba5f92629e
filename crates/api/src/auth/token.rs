//! `POST /api/v1/auth/token`: a proof of identity becomes an access token.

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use marketplace_wire::{AccessTokenBody, Via, codes};

use crate::answer::ok;
use crate::failure::Failure;
use crate::incoming::Incoming;
use crate::shell::Shell;

/// Exchange a did-jwt for an access token
///
/// Send the did-jwt as `Authorization: Bearer`; it is used up. An access token cannot be exchanged
/// again: it would never end.
#[utoipa::path(
    post, path = "/api/v1/auth/token", operation_id = "createAccessToken", tag = "identity",
    responses((status = 200, description = "Good for fifteen minutes", body = AccessTokenBody)),
)]
pub(crate) async fn token(
    State(shell): State<Shell>,
    incoming: Incoming,
) -> Result<Response, Failure> {
    if incoming.caller.via != Via::Proof {
        let detail = "Send a did-jwt that you signed just now; nothing else is exchanged";
        return Err(Failure::new(&codes::PROOF_REQUIRED, detail));
    }
    incoming.expect_nothing()?;
    let now = (shell.app.clock)();
    let token = shell.app.identity.issue_access_token(&incoming.caller.did, now);
    let mut response = ok(&AccessTokenBody::from(token))?;
    let no_store = HeaderValue::from_static("no-store");
    response.headers_mut().insert(header::CACHE_CONTROL, no_store);
    Ok(response)
}
