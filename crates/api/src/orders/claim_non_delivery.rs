//! `POST /api/v1/orders/{order_id}/claim-non-delivery`: the buyer takes its money back.

use axum::extract::{Path, State};
use axum::response::Response;
use marketplace_escrow::Command;
use marketplace_wire::OrderBody;

use super::change;
use crate::failure::Failure;
use crate::incoming::Ordered;
use crate::shell::Shell;

/// Claim that nothing was delivered
///
/// For the buyer, when nothing was delivered and the delivery time is over.
#[utoipa::path(
    post, path = "/api/v1/orders/{order_id}/claim-non-delivery", operation_id = "claimNonDelivery", tag = "orders",
    params(("order_id" = String, Path, format = Uuid)),
    responses((status = 200, description = "The order afterwards", body = OrderBody)),
)]
pub(crate) async fn claim_non_delivery(
    State(shell): State<Shell>,
    Path(order_id): Path<String>,
    incoming: Ordered,
) -> Result<Response, Failure> {
    incoming.expect_nothing()?;
    change(&shell, &order_id, &incoming, Command::ClaimNonDelivery).await
}
