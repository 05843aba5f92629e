//! `POST /api/v1/admin/api-keys`: an operator binds a secret to an agent.

use axum::http::StatusCode;
use axum::response::Response;
use marketplace_wire::{ApiKeyBody, BindApiKeyInput};

use super::key_answer;
use crate::failure::Failure;
use crate::incoming::Ordered;

/// Bind an API key
///
/// For operators: a key that they made for an agent, or one that is in use elsewhere. Only its hash
/// is sent. The agent's events tell it.
#[utoipa::path(
    post, path = "/api/v1/admin/api-keys", operation_id = "bindApiKey", tag = "operators",
    request_body = BindApiKeyInput,
    responses((status = 201, description = "It speaks for the agent", body = ApiKeyBody)),
)]
pub(crate) async fn bind(incoming: Ordered) -> Result<Response, Failure> {
    incoming.require_operator()?;
    let (did, sha256, label) = incoming.input::<BindApiKeyInput>()?.read()?;
    let answer = key_answer(StatusCode::CREATED);
    let attempt = answer.idempotency(&incoming.received, &incoming.caller.did)?;
    let done = incoming.market.keep_api_key(&did, sha256, label, attempt).await?;
    Ok(answer.respond(done))
}
