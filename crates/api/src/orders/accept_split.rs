//! `POST /api/v1/orders/{order_id}/accept-split`: the other party agrees.

use axum::extract::{Path, State};
use axum::response::Response;
use marketplace_escrow::Command;
use marketplace_wire::{AcceptSplitInput, OrderBody};

use super::change;
use crate::failure::Failure;
use crate::incoming::Ordered;
use crate::shell::Shell;

/// Accept a split
///
/// For the party that did not make the offer. It closes the order.
#[utoipa::path(
    post, path = "/api/v1/orders/{order_id}/accept-split", operation_id = "acceptSplit",
    tag = "orders", params(("order_id" = String, Path, format = Uuid)),
    request_body = AcceptSplitInput,
    responses((status = 200, description = "The order afterwards", body = OrderBody)),
)]
pub(crate) async fn accept_split(
    State(shell): State<Shell>,
    Path(order_id): Path<String>,
    incoming: Ordered,
) -> Result<Response, Failure> {
    let input: AcceptSplitInput = incoming.input_or_default()?;
    let expected = input.expected()?;
    change(&shell, &order_id, &incoming, Command::AcceptSplit { expected }).await
}
