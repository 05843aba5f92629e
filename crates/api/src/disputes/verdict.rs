//! `GET /api/v1/disputes/{dispute_id}/verdict`: everything that it takes to repeat a dispute.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use marketplace_engine::Refusal;

use super::visible_dispute;
use crate::answer::json;
use crate::failure::Failure;
use crate::identity::Viewer;
use crate::shell::Shell;

/// Fetch a verdict packet
///
/// Of a dispute that is over: its log, what the rules saw, the pools, the votes, the postings and
/// the batches of the chain of hashes. `marketplace-admin verify-verdict FILE` repeats it without
/// us. For its parties, its jurors and operators.
#[utoipa::path(
    get, path = "/api/v1/disputes/{dispute_id}/verdict", operation_id = "fetchVerdict",
    tag = "disputes", params(("dispute_id" = String, Path, format = Uuid)),
    responses((status = 200, description = "The packet", body = Object)),
)]
pub(crate) async fn verdict(
    State(shell): State<Shell>,
    Path(id): Path<String>,
    Viewer(viewer): Viewer,
) -> Result<Response, Failure> {
    let view = visible_dispute(&shell, &id, &viewer).await?;
    let packet = shell.marketplace().verdict_packet(view.dispute().id).await?;
    let packet = packet.ok_or(Refusal::NotFound)?;
    Ok(json(StatusCode::OK, (shell.app.packet_text)(&packet)))
}
