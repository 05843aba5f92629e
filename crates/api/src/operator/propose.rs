//! `POST /api/v1/operator/motions`: an operator proposes something.

use axum::extract::State;
use axum::response::Response;
use marketplace_engine::Done;
use marketplace_wire::{MotionBody, MotionInput};

use super::{motion_answer, shown};
use crate::failure::Failure;
use crate::incoming::Ordered;
use crate::shell::Shell;

/// Propose something as an operator
///
/// It is carried out in the same commit where one operator is enough (OPERATOR_SIGNATURES), else it
/// waits seven days for the others. What the rules would refuse is refused at once. `dry_run` only
/// looks. Fees and settings change 48 hours after they were decided.
#[utoipa::path(
    post, path = "/api/v1/operator/motions", operation_id = "proposeMotion", tag = "operators",
    request_body = MotionInput,
    responses((status = 200, description = "The motion as it stands", body = MotionBody)),
)]
pub(crate) async fn propose(
    State(shell): State<Shell>,
    incoming: Ordered,
) -> Result<Response, Failure> {
    incoming.require_operator()?;
    let input: MotionInput = incoming.input()?;
    let now = shell.marketplace().now().await?;
    let proposal = input.proposal(shell.marketplace().tariff().at(now))?;
    let (answer, did) = (motion_answer(&shell, now), &incoming.caller.did);
    let attempt = answer.idempotency(&incoming.received, did)?;
    let (tried, signed_by) = (proposal.try_only, shell.app.signed_by.clone());
    let done = incoming.market.propose(did, proposal, signed_by, attempt).await?;
    match done {
        Done::Fresh(motion) if tried => shown(&shell, &motion).await,
        done => Ok(answer.respond(done)),
    }
}
