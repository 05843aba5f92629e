//! `GET /api/v1/disputes`: the caller's disputes.

use axum::extract::State;
use axum::response::Response;
use marketplace_ports::DisputeFilter;
use marketplace_wire::{DisputePage, DisputeParams};

use crate::answer::ok;
use crate::failure::Failure;
use crate::identity::Viewer;
use crate::params::{Params, cursor, limit};
use crate::shell::Shell;

/// List your disputes
///
/// Newest first: those in which you are a party.
#[utoipa::path(
    get, path = "/api/v1/disputes", operation_id = "listDisputes", tag = "disputes", params(DisputeParams),
    responses((status = 200, description = "A page of disputes", body = DisputePage)),
)]
pub(crate) async fn list(
    State(shell): State<Shell>,
    Viewer(viewer): Viewer,
    Params(params): Params<DisputeParams>,
) -> Result<Response, Failure> {
    let filter = DisputeFilter {
        party: Some(viewer.did.clone()),
        open_only: params.open == Some(true),
        cursor: cursor(params.cursor.as_deref())?,
        limit: limit(params.limit.as_ref())?,
    };
    let page = shell.marketplace().disputes(&filter).await?;
    ok(&DisputePage::new(&page, &viewer.did))
}
