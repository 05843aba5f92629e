//! `POST /api/v1/orders/{order_id}/decline`: the seller gives the money back.

use axum::extract::{Path, State};
use axum::response::Response;
use marketplace_escrow::Command;
use marketplace_wire::OrderBody;

use super::change;
use crate::failure::Failure;
use crate::incoming::Ordered;
use crate::shell::Shell;

/// Decline the order
///
/// For the seller, at any time before the end. The buyer gets everything back.
#[utoipa::path(
    post, path = "/api/v1/orders/{order_id}/decline", operation_id = "declineOrder", tag = "orders",
    params(("order_id" = String, Path, format = Uuid)),
    responses((status = 200, description = "The order afterwards", body = OrderBody)),
)]
pub(crate) async fn decline(
    State(shell): State<Shell>,
    Path(order_id): Path<String>,
    incoming: Ordered,
) -> Result<Response, Failure> {
    incoming.expect_nothing()?;
    change(&shell, &order_id, &incoming, Command::Decline).await
}
