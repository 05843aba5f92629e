//! `POST /api/v1/disputes/{dispute_id}/withdraw`: the disputer takes its claim back.

use axum::extract::Path;
use axum::response::Response;
use marketplace_disputes::Command;
use marketplace_wire::DisputeBody;

use super::act;
use crate::failure::Failure;
use crate::incoming::Ordered;

/// Withdraw a dispute
///
/// For the disputer, until anybody could know how it ends. The bond comes back, the fee does not.
#[utoipa::path(
    post, path = "/api/v1/disputes/{dispute_id}/withdraw", operation_id = "withdrawDispute",
    tag = "disputes", params(("dispute_id" = String, Path, format = Uuid)),
    responses((status = 200, description = "The dispute afterwards", body = DisputeBody)),
)]
pub(crate) async fn withdraw(
    Path(id): Path<String>,
    incoming: Ordered,
) -> Result<Response, Failure> {
    incoming.expect_nothing()?;
    let command = Command::Withdraw;
    act(&id, &incoming, command).await
}
