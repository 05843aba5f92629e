//! `GET /api/v1/escrow/{order_id}`: the original's escrow status, with our additions.

use axum::extract::{Path, State};
use axum::response::Response;
use marketplace_wire::OrderBody;

use crate::answer::ok;
use crate::failure::Failure;
use crate::identity::Viewer;
use crate::orders::visible_order;
use crate::shell::Shell;

/// Show an escrow
///
/// The same as the order, under the original's name.
#[utoipa::path(
    get, path = "/api/v1/escrow/{order_id}", operation_id = "showEscrow", tag = "orders",
    params(("order_id" = String, Path, format = Uuid)),
    responses((status = 200, description = "The order and its escrow", body = OrderBody)),
)]
pub(crate) async fn show(
    State(shell): State<Shell>,
    Path(order_id): Path<String>,
    Viewer(viewer): Viewer,
) -> Result<Response, Failure> {
    let view = visible_order(&shell, &order_id, &viewer).await?;
    ok(&OrderBody::new(&view, &viewer.did, shell.did()))
}
