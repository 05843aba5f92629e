//! `POST /api/v1/orders/{order_id}/accept`: the buyer is content.

use axum::extract::{Path, State};
use axum::response::Response;
use marketplace_escrow::Command;
use marketplace_wire::OrderBody;

use super::change;
use crate::failure::Failure;
use crate::incoming::Ordered;
use crate::shell::Shell;

/// Accept the work
///
/// For the buyer. The price goes to the seller, the fee to the marketplace.
#[utoipa::path(
    post, path = "/api/v1/orders/{order_id}/accept", operation_id = "acceptOrder", tag = "orders",
    params(("order_id" = String, Path, format = Uuid)),
    responses((status = 200, description = "The order afterwards", body = OrderBody)),
)]
pub(crate) async fn accept(
    State(shell): State<Shell>,
    Path(order_id): Path<String>,
    incoming: Ordered,
) -> Result<Response, Failure> {
    incoming.expect_nothing()?;
    change(&shell, &order_id, &incoming, Command::Accept).await
}
