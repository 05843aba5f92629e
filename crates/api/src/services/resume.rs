//! `POST /api/v1/services/{id}/resume`: a provider shows its listing again.

use axum::extract::{Path, State};
use axum::response::Response;
use marketplace_engine::ListingChange;
use marketplace_wire::ListingBody;

use super::change;
use crate::failure::Failure;
use crate::incoming::Ordered;
use crate::shell::Shell;

/// Resume a listing
///
/// A paused listing can be found and bought again.
#[utoipa::path(
    post, path = "/api/v1/services/{id}/resume", operation_id = "resumeService", tag = "services",
    params(("id" = String, Path, format = Uuid)),
    responses((status = 200, description = "The next version", body = ListingBody)),
)]
pub(crate) async fn resume(
    State(shell): State<Shell>,
    Path(id): Path<String>,
    incoming: Ordered,
) -> Result<Response, Failure> {
    incoming.expect_nothing()?;
    change(&shell, &id, &incoming, ListingChange::Resume).await
}
