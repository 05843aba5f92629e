//! `POST /api/v1/operator/motions/{motion_id}/approve`: another operator agrees.

use axum::extract::{Path, State};
use axum::response::Response;
use marketplace_wire::{ApproveInput, MotionBody};

use super::{motion_answer, motion_id};
use crate::failure::Failure;
use crate::incoming::Ordered;
use crate::shell::Shell;

/// Approve a motion
///
/// The last approval that it takes has it carried out, in the same commit. For operators.
#[utoipa::path(
    post, path = "/api/v1/operator/motions/{motion_id}/approve", operation_id = "approveMotion",
    tag = "operators", params(("motion_id" = String, Path, format = Uuid)),
    request_body = Option<ApproveInput>,
    responses((status = 200, description = "The motion as it stands", body = MotionBody)),
)]
pub(crate) async fn approve(
    State(shell): State<Shell>,
    Path(id): Path<String>,
    incoming: Ordered,
) -> Result<Response, Failure> {
    incoming.require_operator()?;
    let signature = incoming.input_or_default::<ApproveInput>()?.read()?;
    let now = shell.marketplace().now().await?;
    let (answer, did) = (motion_answer(&shell, now), &incoming.caller.did);
    let attempt = answer.idempotency(&incoming.received, did)?;
    let (id, signed_by) = (motion_id(&id)?, shell.app.signed_by.clone());
    let done = incoming.market.approve_motion(did, id, signature, signed_by, attempt).await?;
    Ok(answer.respond(done))
}
