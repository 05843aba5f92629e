//! `POST /api/v1/orders/{order_id}/start`: the seller begins.

use axum::extract::{Path, State};
use axum::response::Response;
use marketplace_escrow::Command;
use marketplace_wire::OrderBody;

use super::change;
use crate::failure::Failure;
use crate::incoming::Ordered;
use crate::shell::Shell;

/// Start the work
///
/// For the seller. From then on the buyer cannot cancel.
#[utoipa::path(
    post, path = "/api/v1/orders/{order_id}/start", operation_id = "startOrder", tag = "orders",
    params(("order_id" = String, Path, format = Uuid)),
    responses((status = 200, description = "The order afterwards", body = OrderBody)),
)]
pub(crate) async fn start(
    State(shell): State<Shell>,
    Path(order_id): Path<String>,
    incoming: Ordered,
) -> Result<Response, Failure> {
    incoming.expect_nothing()?;
    change(&shell, &order_id, &incoming, Command::Start).await
}
