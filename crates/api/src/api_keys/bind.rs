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
/// is sent. The agent's events tell it. One operator is enough; its act is kept among the motions.
/// `dry_run` only looks.
#[utoipa::path(
    post, path = "/api/v1/admin/api-keys", operation_id = "bindApiKey", tag = "operators",
    request_body = BindApiKeyInput,
    responses((status = 201, description = "It speaks for the agent", body = ApiKeyBody)),
)]
pub(crate) async fn bind(incoming: Ordered) -> Result<Response, Failure> {
    incoming.require_operator()?;
    let input: BindApiKeyInput = incoming.input()?;
    let (key, act) = (input.read()?, input.act(incoming.caller.did.clone()));
    let answer = key_answer(StatusCode::CREATED);
    let attempt = answer.idempotency(&incoming.received, &incoming.caller.did)?;
    let done = incoming.market.bind_api_key(act, key, attempt).await?;
    Ok(answer.respond(done))
}
