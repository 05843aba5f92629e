//! `POST /api/v1/admin/outbox/retry`: tries dead letters again.

use axum::extract::State;
use axum::response::Response;
use marketplace_wire::{MotionBody, RetryInput};

use crate::failure::Failure;
use crate::incoming::Incoming;
use crate::operator::motion_answer;
use crate::shell::Shell;

/// Retry dead letters
///
/// They are tried again as if they were new, all or none. One operator is enough; its act is kept
/// among the motions. `dry_run` only looks. For operators.
#[utoipa::path(
    post, path = "/api/v1/admin/outbox/retry", operation_id = "retryDeadLetters",
    tag = "operators", request_body = RetryInput,
    responses((status = 200, description = "The act as it is kept", body = MotionBody)),
)]
pub(crate) async fn retry_dead_letters(
    State(shell): State<Shell>,
    incoming: Incoming,
) -> Result<Response, Failure> {
    incoming.require_operator()?;
    let (letters, act) = incoming.input::<RetryInput>()?.read(incoming.caller.did.clone())?;
    let answer = motion_answer(&shell, shell.marketplace().now().await?);
    let attempt = answer.idempotency(&incoming.received, &incoming.caller.did)?;
    let done = shell.marketplace().retry_letters(act, &letters, attempt).await?;
    Ok(answer.respond(done))
}
