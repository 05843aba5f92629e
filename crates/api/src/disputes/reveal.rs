//! `POST /api/v1/disputes/{dispute_id}/reveal`: a juror opens its vote.

use axum::extract::Path;
use axum::response::Response;
use marketplace_disputes::Command;
use marketplace_wire::{DisputeBody, RevealInput};

use super::act;
use crate::failure::Failure;
use crate::incoming::Ordered;

/// Open a vote
///
/// For the jurors of the panel, once all have voted or the time for votes is over.
#[utoipa::path(
    post, path = "/api/v1/disputes/{dispute_id}/reveal", operation_id = "revealVote",
    tag = "disputes", params(("dispute_id" = String, Path, format = Uuid)),
    request_body = RevealInput,
    responses((status = 200, description = "The dispute afterwards", body = DisputeBody)),
)]
pub(crate) async fn reveal(Path(id): Path<String>, incoming: Ordered) -> Result<Response, Failure> {
    let input: RevealInput = incoming.input()?;
    let command = Command::Reveal(input.vote()?);
    act(&id, &incoming, command).await
}
