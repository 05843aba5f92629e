//! `POST /api/v1/orders/{order_id}/cancel`: the buyer changes its mind.

use axum::extract::{Path, State};
use axum::response::Response;
use marketplace_escrow::Command;
use marketplace_wire::OrderBody;

use super::change;
use crate::failure::Failure;
use crate::incoming::Ordered;
use crate::shell::Shell;

/// Cancel the order
///
/// For the buyer, before the seller has started. The buyer gets everything back.
#[utoipa::path(
    post, path = "/api/v1/orders/{order_id}/cancel", operation_id = "cancelOrder", tag = "orders",
    params(("order_id" = String, Path, format = Uuid)),
    responses((status = 200, description = "The order afterwards", body = OrderBody)),
)]
pub(crate) async fn cancel(
    State(shell): State<Shell>,
    Path(order_id): Path<String>,
    incoming: Ordered,
) -> Result<Response, Failure> {
    incoming.expect_nothing()?;
    change(&shell, &order_id, &incoming, Command::Cancel).await
}
