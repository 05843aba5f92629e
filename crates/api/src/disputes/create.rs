//! `POST /api/v1/disputes/create`: answers that disputes do not exist yet.

use axum::response::Response;
use marketplace_wire::codes;

use super::NOT_AVAILABLE;
use crate::failure::Failure;
use crate::incoming::Incoming;

/// Open a dispute
///
/// Not yet: it always answers 501 `disputes_not_available`, and takes no bond.
#[utoipa::path(
    post, path = "/api/v1/disputes/create", operation_id = "createDispute", tag = "orders",
    responses((status = 501, description = "Disputes do not exist yet",
        body = marketplace_wire::Problem, content_type = "application/problem+json")),
)]
pub(crate) async fn create(_: Incoming) -> Result<Response, Failure> {
    Err(Failure::new(&codes::DISPUTES_NOT_AVAILABLE, NOT_AVAILABLE))
}
