//! `POST /api/v1/services/{id}/pause`: a provider hides its listing for a while.

use axum::extract::{Path, State};
use axum::response::Response;
use marketplace_engine::ListingChange;
use marketplace_wire::ListingBody;

use super::change;
use crate::failure::Failure;
use crate::incoming::Ordered;
use crate::shell::Shell;

/// Pause a listing
///
/// Nobody finds or buys it until it is resumed; orders already bought go on.
#[utoipa::path(
    post, path = "/api/v1/services/{id}/pause", operation_id = "pauseService", tag = "services",
    params(("id" = String, Path, format = Uuid)),
    responses((status = 200, description = "The next version", body = ListingBody)),
)]
pub(crate) async fn pause(
    State(shell): State<Shell>,
    Path(id): Path<String>,
    incoming: Ordered,
) -> Result<Response, Failure> {
    incoming.expect_nothing()?;
    change(&shell, &id, &incoming, ListingChange::Pause).await
}
