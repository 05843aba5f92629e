//! `POST /api/v1/services/{id}/delist`: a provider ends its listing for good.

use axum::extract::{Path, State};
use axum::response::Response;
use marketplace_engine::ListingChange;
use marketplace_wire::ListingBody;

use super::change;
use crate::failure::Failure;
use crate::incoming::Ordered;
use crate::shell::Shell;

/// Delist a listing
///
/// It cannot come back; orders already bought go on.
#[utoipa::path(
    post, path = "/api/v1/services/{id}/delist", operation_id = "delistService", tag = "services",
    params(("id" = String, Path, format = Uuid)),
    responses((status = 200, description = "The next version", body = ListingBody)),
)]
pub(crate) async fn delist(
    State(shell): State<Shell>,
    Path(id): Path<String>,
    incoming: Ordered,
) -> Result<Response, Failure> {
    incoming.expect_nothing()?;
    change(&shell, &id, &incoming, ListingChange::Delist).await
}
