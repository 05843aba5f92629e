//! `POST /api/v1/orders/{order_id}/offer-split`: a party proposes to share the price.

use axum::extract::{Path, State};
use axum::response::Response;
use marketplace_escrow::Command;
use marketplace_wire::{OrderBody, SplitInput};

use super::change;
use crate::failure::Failure;
use crate::incoming::Ordered;
use crate::shell::Shell;

/// Offer a split
///
/// For either party. It stands for twelve hours, or until another offer takes its place.
#[utoipa::path(
    post, path = "/api/v1/orders/{order_id}/offer-split", operation_id = "offerSplit",
    tag = "orders", params(("order_id" = String, Path, format = Uuid)),
    request_body = SplitInput,
    responses((status = 200, description = "The order afterwards", body = OrderBody)),
)]
pub(crate) async fn offer_split(
    State(shell): State<Shell>,
    Path(order_id): Path<String>,
    incoming: Ordered,
) -> Result<Response, Failure> {
    let input: SplitInput = incoming.input()?;
    let command = Command::OfferSplit { seller: input.seller()? };
    change(&shell, &order_id, &incoming, command).await
}
