//! `POST /api/v1/disputes/{dispute_id}/concede`: a party gives in.

use axum::extract::Path;
use axum::response::Response;
use marketplace_disputes::Command;
use marketplace_wire::DisputeBody;

use super::act;
use crate::failure::Failure;
use crate::incoming::Ordered;

/// Concede a dispute
///
/// For either party: the other side gets what it claims, the disputer drops everything.
#[utoipa::path(
    post, path = "/api/v1/disputes/{dispute_id}/concede", operation_id = "concedeDispute",
    tag = "disputes", params(("dispute_id" = String, Path, format = Uuid)),
    responses((status = 200, description = "The dispute afterwards", body = DisputeBody)),
)]
pub(crate) async fn concede(
    Path(id): Path<String>,
    incoming: Ordered,
) -> Result<Response, Failure> {
    incoming.expect_nothing()?;
    let command = Command::Concede { everything: false };
    act(&id, &incoming, command).await
}
