//! `POST /api/v1/disputes/{dispute_id}/appeal`: a party wants a larger panel.

use axum::extract::Path;
use axum::response::Response;
use marketplace_disputes::Command;
use marketplace_wire::DisputeBody;

use super::act;
use crate::failure::Failure;
use crate::incoming::Ordered;

/// Appeal a ruling
///
/// For a party that the ruling does not give everything, with the bond that `available_actions`
/// names; at most two rounds.
#[utoipa::path(
    post, path = "/api/v1/disputes/{dispute_id}/appeal", operation_id = "appealDispute",
    tag = "disputes", params(("dispute_id" = String, Path, format = Uuid)),
    responses((status = 200, description = "The dispute afterwards", body = DisputeBody)),
)]
pub(crate) async fn appeal(Path(id): Path<String>, incoming: Ordered) -> Result<Response, Failure> {
    incoming.expect_nothing()?;
    let command = Command::Appeal;
    act(&id, &incoming, command).await
}
