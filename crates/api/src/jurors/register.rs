//! `POST /api/v1/jurors/register`: an agent locks a stake to judge.

use axum::response::Response;
use marketplace_wire::{JurorBody, JurorInput};

use super::juror_answer;
use crate::failure::Failure;
use crate::incoming::Ordered;

/// Become a juror
///
/// Locks a stake from your balance, 250 AVT in all at least; called again it adds to it. Seats
/// come after seven days, by lot, weighted by stake up to 1,000 AVT.
#[utoipa::path(
    post, path = "/api/v1/jurors/register", operation_id = "registerJuror", tag = "disputes",
    request_body = JurorInput,
    responses((status = 200, description = "You as a juror", body = JurorBody)),
)]
pub(crate) async fn register(incoming: Ordered) -> Result<Response, Failure> {
    let (answer, did) = (juror_answer(), &incoming.caller.did);
    let (stake, kinds) = incoming.input::<JurorInput>()?.read()?;
    let attempt = answer.idempotency(&incoming.received, did)?;
    let done = incoming.market.register_juror(did, stake, kinds, attempt).await?;
    Ok(answer.respond(done))
}
