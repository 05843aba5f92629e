//! `POST /api/v1/admin/outbox/{id}/retry`: tries a dead letter again.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use marketplace_engine::Refusal;

use crate::answer::json;
use crate::failure::Failure;
use crate::incoming::Incoming;
use crate::shell::Shell;

/// Retry a dead letter
///
/// It is tried again as if it were new. For operators.
#[utoipa::path(
    post, path = "/api/v1/admin/outbox/{letter_id}/retry", operation_id = "retryDeadLetter",
    tag = "operators", params(("letter_id" = String, Path, format = Uuid)),
    responses((status = 202, description = "It will be tried", body = Object)),
)]
pub(crate) async fn retry_dead_letter(
    State(shell): State<Shell>,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, Failure> {
    incoming.require_operator()?;
    incoming.expect_nothing()?;
    let id = id.parse().map_err(|_| Refusal::NotFound)?;
    shell.marketplace().revive(id).await?;
    Ok(json(StatusCode::ACCEPTED, format!(r#"{{"id":"{id}"}}"#)))
}
