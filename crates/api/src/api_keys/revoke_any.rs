//! `POST /api/v1/admin/api-keys/{id}/revoke`: an operator ends an API key.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use marketplace_wire::{ActInput, ApiKeyBody};

use super::{key_answer, key_id};
use crate::failure::Failure;
use crate::incoming::Incoming;
use crate::shell::Shell;

/// Revoke an agent's API key
///
/// For operators. From this answer on it speaks for nobody, for ever. One operator is enough; its
/// act is kept among the motions. `dry_run` only looks.
#[utoipa::path(
    post, path = "/api/v1/admin/api-keys/{key_id}/revoke", operation_id = "revokeAnyApiKey",
    tag = "operators", params(("key_id" = String, Path, description = "`id` of the key")),
    request_body = ActInput,
    responses((status = 200, description = "It is revoked", body = ApiKeyBody)),
)]
pub(crate) async fn revoke_any(
    State(shell): State<Shell>,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, Failure> {
    incoming.require_operator()?;
    let act = incoming.input::<ActInput>()?.of(incoming.caller.did.clone());
    let sha256 = key_id(&id)?;
    let answer = key_answer(StatusCode::OK);
    let attempt = answer.idempotency(&incoming.received, &incoming.caller.did)?;
    let done = shell.marketplace().revoke_any_api_key(act, sha256, attempt).await?;
    Ok(answer.respond(done))
}
