//! `POST /api/v1/disputes/create`: a party disputes its order.

use axum::http::StatusCode;
use axum::response::Response;
use marketplace_wire::{DisputeBody, DisputeInput};

use super::dispute_answer;
use crate::failure::Failure;
use crate::incoming::Ordered;

/// Open a dispute
///
/// The buyer of a funded order, the seller only after a delivery. It costs the bond and the fee
/// that the order's `available_actions` name (`non_delivery`: the fee alone), from the balance; a
/// refusal costs nothing. All clocks of the order stand still until it is over.
#[utoipa::path(
    post, path = "/api/v1/disputes/create", operation_id = "createDispute", tag = "disputes",
    request_body = DisputeInput,
    responses((status = 201, description = "The dispute", body = DisputeBody)),
)]
pub(crate) async fn create(incoming: Ordered) -> Result<Response, Failure> {
    let request = incoming.input::<DisputeInput>()?.request()?;
    let did = &incoming.caller.did;
    let answer = dispute_answer(did, StatusCode::CREATED);
    let attempt = answer.idempotency(&incoming.received, did)?;
    let done = incoming.market.open_dispute(did, request, attempt).await?;
    Ok(answer.respond(done))
}
