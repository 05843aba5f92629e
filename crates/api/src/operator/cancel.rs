//! `POST /api/v1/operator/motions/{motion_id}/cancel`: an operator takes back what waits.

use axum::extract::{Path, State};
use axum::response::Response;
use marketplace_wire::{MotionBody, ReasonInput};

use super::{motion_answer, motion_id};
use crate::failure::Failure;
use crate::incoming::Ordered;
use crate::shell::Shell;

/// Cancel a motion
///
/// One that waits for approvals, or a change of fees whose time has not come. Any one operator may.
#[utoipa::path(
    post, path = "/api/v1/operator/motions/{motion_id}/cancel", operation_id = "cancelMotion",
    tag = "operators", params(("motion_id" = String, Path, format = Uuid)),
    request_body = ReasonInput,
    responses((status = 200, description = "The motion as it stands", body = MotionBody)),
)]
pub(crate) async fn cancel(
    State(shell): State<Shell>,
    Path(id): Path<String>,
    incoming: Ordered,
) -> Result<Response, Failure> {
    incoming.require_operator()?;
    let ReasonInput { reason } = incoming.input()?;
    let now = shell.marketplace().now().await?;
    let (answer, did) = (motion_answer(&shell, now), &incoming.caller.did);
    let attempt = answer.idempotency(&incoming.received, did)?;
    let done = incoming.market.cancel_motion(did, motion_id(&id)?, reason, attempt).await?;
    Ok(answer.respond(done))
}
