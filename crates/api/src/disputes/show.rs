//! `GET /api/v1/disputes/{dispute_id}`: one dispute.

use axum::extract::{Path, State};
use axum::response::Response;
use marketplace_wire::DisputeBody;

use super::visible_dispute;
use crate::answer::ok;
use crate::failure::Failure;
use crate::identity::Viewer;
use crate::shell::Shell;

/// Show a dispute
///
/// For its parties, its jurors and operators, with what each may do now.
#[utoipa::path(
    get, path = "/api/v1/disputes/{dispute_id}", operation_id = "showDispute", tag = "disputes",
    params(("dispute_id" = String, Path, format = Uuid)),
    responses((status = 200, description = "The dispute", body = DisputeBody)),
)]
pub(crate) async fn show(
    State(shell): State<Shell>,
    Path(id): Path<String>,
    Viewer(viewer): Viewer,
) -> Result<Response, Failure> {
    let view = visible_dispute(&shell, &id, &viewer).await?;
    ok(&DisputeBody::new(&view, &viewer.did))
}
