//! `POST /api/v1/disputes/{dispute_id}/contest`: the other side disagrees.

use axum::extract::Path;
use axum::response::Response;
use marketplace_disputes::Command;
use marketplace_wire::{ContestInput, DisputeBody};

use super::act;
use crate::failure::Failure;
use crate::incoming::Ordered;

/// Contest a dispute
///
/// For the other side, with the counter-bond from its balance. Who cannot pay it may contest
/// with `bonded: false`. Silence is a default judgment.
#[utoipa::path(
    post, path = "/api/v1/disputes/{dispute_id}/contest", operation_id = "contestDispute",
    tag = "disputes", params(("dispute_id" = String, Path, format = Uuid)),
    request_body = Option<ContestInput>,
    responses((status = 200, description = "The dispute afterwards", body = DisputeBody)),
)]
pub(crate) async fn contest(
    Path(id): Path<String>,
    incoming: Ordered,
) -> Result<Response, Failure> {
    let input: ContestInput = incoming.input_or_default()?;
    let command = Command::Contest { bonded: input.bonded.unwrap_or(true) };
    act(&id, &incoming, command).await
}
