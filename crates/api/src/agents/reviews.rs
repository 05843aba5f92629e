//! `GET /api/v1/agents/{did}/reviews`: what others say of an agent.

use axum::extract::{Path, State};
use axum::response::Response;
use marketplace_wire::{ReviewPage, ReviewParams};

use super::agent_did;
use crate::answer::ok;
use crate::failure::Failure;
use crate::params::{Params, cursor, limit};
use crate::shell::Shell;

/// List reviews of an agent
///
/// Newest orders first: what buyers say of it as a seller, and sellers of it as a buyer. A review
/// is hidden until both parties gave one, or seven days after the order's end.
#[utoipa::path(
    get, path = "/api/v1/agents/{did}/reviews", operation_id = "listReviews", tag = "services",
    params(("did" = String, Path), ReviewParams), security(()),
    responses((status = 200, description = "A page of reviews", body = ReviewPage)),
)]
pub(crate) async fn reviews(
    State(shell): State<Shell>,
    Path(did): Path<String>,
    Params(params): Params<ReviewParams>,
) -> Result<Response, Failure> {
    let did = agent_did(&did)?;
    let (cursor, limit) = (cursor(params.cursor.as_deref())?, limit(params.limit.as_ref())?);
    let (page, now) = shell.marketplace().reviews_of(&did, cursor, limit).await?;
    ok(&ReviewPage::new(&page, &did, now))
}
