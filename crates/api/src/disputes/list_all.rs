//! `GET /api/v1/operator/disputes`: all disputes.

use axum::extract::State;
use axum::response::Response;
use marketplace_ports::DisputeFilter;
use marketplace_wire::{DisputePage, DisputeParams};

use crate::answer::ok;
use crate::failure::Failure;
use crate::identity::Operator;
use crate::params::{Params, cursor, limit};
use crate::shell::Shell;

/// List all disputes
///
/// Newest first. For operators.
#[utoipa::path(
    get, path = "/api/v1/operator/disputes", operation_id = "listAllDisputes", tag = "operators", params(DisputeParams),
    responses((status = 200, description = "A page of disputes", body = DisputePage)),
)]
pub(crate) async fn list_all(
    State(shell): State<Shell>,
    Operator(viewer): Operator,
    Params(params): Params<DisputeParams>,
) -> Result<Response, Failure> {
    let filter = DisputeFilter {
        party: None,
        open_only: params.open == Some(true),
        cursor: cursor(params.cursor.as_deref())?,
        limit: limit(params.limit.as_ref())?,
    };
    let page = shell.marketplace().disputes(&filter).await?;
    ok(&DisputePage::new(&page, &viewer.did))
}
