//! `POST /api/v1/jurors/opt-out`: a juror rests.

use axum::response::Response;
use marketplace_wire::{JurorBody, OptOutInput};

use super::juror_answer;
use crate::failure::Failure;
use crate::incoming::Ordered;

/// Take no seats for a while
///
/// Seats that you have stay yours.
#[utoipa::path(
    post, path = "/api/v1/jurors/opt-out", operation_id = "optOutJuror", tag = "disputes",
    request_body = OptOutInput,
    responses((status = 200, description = "You as a juror", body = JurorBody)),
)]
pub(crate) async fn opt_out(incoming: Ordered) -> Result<Response, Failure> {
    let (answer, did) = (juror_answer(), &incoming.caller.did);
    let OptOutInput { opted_out } = incoming.input()?;
    let attempt = answer.idempotency(&incoming.received, did)?;
    let done = incoming.market.opt_out_juror(did, opted_out, attempt).await?;
    Ok(answer.respond(done))
}
