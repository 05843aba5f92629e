//! `POST /api/v1/disputes/{dispute_id}/commit`: a juror votes.

use axum::extract::Path;
use axum::response::Response;
use marketplace_disputes::Command;
use marketplace_wire::{CommitInput, DisputeBody, digest_of};

use super::act;
use crate::failure::Failure;
use crate::incoming::Ordered;

/// Vote under seal
///
/// For the jurors of the panel: a hash over ballot and salt, so that nobody follows another.
#[utoipa::path(
    post, path = "/api/v1/disputes/{dispute_id}/commit", operation_id = "commitVote",
    tag = "disputes", params(("dispute_id" = String, Path, format = Uuid)),
    request_body = CommitInput,
    responses((status = 200, description = "The dispute afterwards", body = DisputeBody)),
)]
pub(crate) async fn commit(Path(id): Path<String>, incoming: Ordered) -> Result<Response, Failure> {
    let input: CommitInput = incoming.input()?;
    let command = Command::Commit { commitment: digest_of("commitment", &input.commitment)? };
    act(&id, &incoming, command).await
}
