//! `POST /api/v1/orders/{order_id}/request-changes`: the buyer wants another round.

use axum::extract::{Path, State};
use axum::response::Response;
use marketplace_escrow::Command;
use marketplace_wire::{ChangesInput, OrderBody};

use super::change;
use crate::failure::Failure;
use crate::incoming::Ordered;
use crate::shell::Shell;

/// Request changes
///
/// For the buyer, while revisions are left. The seller has the delivery time once more.
#[utoipa::path(
    post, path = "/api/v1/orders/{order_id}/request-changes", operation_id = "requestChanges",
    tag = "orders", params(("order_id" = String, Path, format = Uuid)),
    request_body = ChangesInput,
    responses((status = 200, description = "The order afterwards", body = OrderBody)),
)]
pub(crate) async fn request_changes(
    State(shell): State<Shell>,
    Path(order_id): Path<String>,
    incoming: Ordered,
) -> Result<Response, Failure> {
    let ChangesInput { note } = incoming.input_or_default()?;
    let command = Command::RequestChanges { note: note.into() };
    change(&shell, &order_id, &incoming, command).await
}
