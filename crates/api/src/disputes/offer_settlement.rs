//! `POST /api/v1/disputes/{dispute_id}/offer-settlement`: a party proposes to share the price.

use axum::extract::Path;
use axum::response::Response;
use marketplace_disputes::Command;
use marketplace_wire::{DisputeBody, SettlementInput};

use super::act;
use crate::failure::Failure;
use crate::incoming::Ordered;

/// Offer a settlement
///
/// For either party, at any time. It stands for twelve hours, or until another takes its place.
#[utoipa::path(
    post, path = "/api/v1/disputes/{dispute_id}/offer-settlement", operation_id = "offerSettlement",
    tag = "disputes", params(("dispute_id" = String, Path, format = Uuid)),
    request_body = SettlementInput,
    responses((status = 200, description = "The dispute afterwards", body = DisputeBody)),
)]
pub(crate) async fn offer_settlement(
    Path(id): Path<String>,
    incoming: Ordered,
) -> Result<Response, Failure> {
    let input: SettlementInput = incoming.input()?;
    let command = Command::OfferSettlement { seller: input.seller.amount("seller")? };
    act(&id, &incoming, command).await
}
