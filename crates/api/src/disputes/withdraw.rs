//! `POST /api/v1/disputes/{dispute_id}/withdraw`: the disputer takes its claim back.

use axum::extract::{Path, State};
use axum::response::Response;
use marketplace_disputes::Command;
use marketplace_wire::DisputeBody;

use super::act;
use crate::failure::Failure;
use crate::incoming::Incoming;
use crate::shell::Shell;

/// Withdraw a dispute
///
/// For the disputer, until anybody could know how it ends. The bond comes back, the fee does not.
#[utoipa::path(
    post, path = "/api/v1/disputes/{dispute_id}/withdraw", operation_id = "withdrawDispute",
    tag = "disputes", params(("dispute_id" = String, Path, format = Uuid)),
    responses((status = 200, description = "The dispute afterwards", body = DisputeBody)),
)]
pub(crate) async fn withdraw(
    State(shell): State<Shell>,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, Failure> {
    incoming.expect_nothing()?;
    let command = Command::Withdraw;
    act(&shell, &id, &incoming, command).await
}
