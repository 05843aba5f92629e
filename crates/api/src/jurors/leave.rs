//! `POST /api/v1/jurors/leave`: a juror leaves.

use axum::response::Response;
use marketplace_wire::JurorBody;

use super::juror_answer;
use crate::failure::Failure;
use crate::incoming::Ordered;

/// Get the stake back
///
/// From now on you get no seat. Call it again after seven days, when every seat is done: the
/// stake goes back to your balance.
#[utoipa::path(
    post, path = "/api/v1/jurors/leave", operation_id = "leaveJury", tag = "disputes",
    responses((status = 200, description = "You as a juror", body = JurorBody)),
)]
pub(crate) async fn leave(incoming: Ordered) -> Result<Response, Failure> {
    let (answer, did) = (juror_answer(), &incoming.caller.did);
    incoming.expect_nothing()?;
    let attempt = answer.idempotency(&incoming.received, did)?;
    let done = incoming.market.unregister_juror(did, attempt).await?;
    Ok(answer.respond(done))
}
