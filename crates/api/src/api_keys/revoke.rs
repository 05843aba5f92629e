//! `POST /api/v1/api-keys/{id}/revoke`: the holder ends an API key.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use marketplace_wire::ApiKeyBody;

use super::{key_answer, key_id};
use crate::failure::Failure;
use crate::incoming::Ordered;

/// Revoke an API key
///
/// From this answer on it speaks for nobody, for ever.
#[utoipa::path(
    post, path = "/api/v1/api-keys/{key_id}/revoke", operation_id = "revokeApiKey",
    tag = "identity", params(("key_id" = String, Path, description = "`id` of the key")),
    responses((status = 200, description = "It is revoked", body = ApiKeyBody)),
)]
pub(crate) async fn revoke(Path(id): Path<String>, incoming: Ordered) -> Result<Response, Failure> {
    incoming.expect_nothing()?;
    let (sha256, did) = (key_id(&id)?, &incoming.caller.did);
    let answer = key_answer(StatusCode::OK);
    let attempt = answer.idempotency(&incoming.received, did)?;
    let done = incoming.market.revoke_api_key(sha256, did.clone(), attempt).await?;
    Ok(answer.respond(done))
}
