//! `POST /api/v1/orders/create`: a buyer buys.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use marketplace_engine::PurchaseRequest;
use marketplace_wire::{OrderBody, PurchaseInput, purchase_request, quote_token};

use super::order_answer;
use crate::failure::Failure;
use crate::incoming::Ordered;
use crate::shell::Shell;

/// Buy a service
///
/// The total goes into escrow in the same commit, from your balance (or pulled from the TEG). With
/// `payment: {"method":"transfer"}` the order waits an hour for your transfer.
#[utoipa::path(
    post, path = "/api/v1/orders/create", operation_id = "createOrder", tag = "orders",
    request_body = PurchaseInput,
    responses((status = 201, description = "The order", body = OrderBody)),
)]
pub(crate) async fn create(
    State(shell): State<Shell>,
    incoming: Ordered,
) -> Result<Response, Failure> {
    let request = read(&shell, &incoming.input()?)?;
    let did = &incoming.caller.did;
    let answer = order_answer(&shell, did, StatusCode::CREATED);
    let attempt = answer.idempotency(&incoming.received, did)?;
    let done = incoming.market.purchase(did, request, attempt).await?;
    Ok(answer.respond(done))
}

fn read(shell: &Shell, input: &PurchaseInput) -> Result<PurchaseRequest, Failure> {
    let quote = input.quote.as_deref();
    let quote = quote.map(|text| quote_token::verify(&shell.app.quote_key, text)).transpose()?;
    let policy = input.acceptance_policy.as_deref();
    let payment = input.payment.as_ref().map(|payment| &payment.0);
    let total = input.expected_total.as_ref();
    Ok(purchase_request(&input.listing_id, policy, total, quote, payment)?)
}
