//! `POST /api/v1/services/{id}/renew`: a provider gives its listing another thirty days.

use axum::extract::{Path, State};
use axum::response::Response;
use marketplace_engine::ListingChange;
use marketplace_wire::ListingBody;

use super::change;
use crate::failure::Failure;
use crate::incoming::Ordered;
use crate::shell::Shell;

/// Renew a listing
///
/// Thirty days from now; brings an expired listing back.
#[utoipa::path(
    post, path = "/api/v1/services/{id}/renew", operation_id = "renewService", tag = "services",
    params(("id" = String, Path, format = Uuid)),
    responses((status = 200, description = "The next version", body = ListingBody)),
)]
pub(crate) async fn renew(
    State(shell): State<Shell>,
    Path(id): Path<String>,
    incoming: Ordered,
) -> Result<Response, Failure> {
    incoming.expect_nothing()?;
    change(&shell, &id, &incoming, ListingChange::Renew).await
}
