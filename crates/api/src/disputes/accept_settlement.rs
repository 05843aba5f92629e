//! `POST /api/v1/disputes/{dispute_id}/accept-settlement`: a party agrees with the other.

use axum::extract::Path;
use axum::response::Response;
use marketplace_disputes::Command;
use marketplace_wire::{AcceptSettlementInput, DisputeBody};

use super::act;
use crate::failure::Failure;
use crate::incoming::Ordered;

/// Accept a settlement
///
/// Ends the dispute: the price is shared as offered, and the bonds go back.
#[utoipa::path(
    post, path = "/api/v1/disputes/{dispute_id}/accept-settlement", operation_id = "acceptSettlement",
    tag = "disputes", params(("dispute_id" = String, Path, format = Uuid)),
    request_body = Option<AcceptSettlementInput>,
    responses((status = 200, description = "The dispute afterwards", body = DisputeBody)),
)]
pub(crate) async fn accept_settlement(
    Path(id): Path<String>,
    incoming: Ordered,
) -> Result<Response, Failure> {
    let input: AcceptSettlementInput = incoming.input_or_default()?;
    let expected = input.seller.map(|seller| seller.amount("seller")).transpose()?;
    let command = Command::AcceptSettlement { expected };
    act(&id, &incoming, command).await
}
