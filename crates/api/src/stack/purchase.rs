//! `POST /api/v1/marketplace/purchase`: a buyer buys.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use marketplace_engine::OrderView;
use marketplace_listings::AcceptancePolicy;
use marketplace_wire::{StackPurchaseInput, stack_order};
use serde_json::json;

use super::{is_open, speaker};
use crate::answer::{Answer, text};
use crate::failure::Failure;
use crate::incoming::Received;
use crate::shell::Shell;

/// Buy a service, as clients of the original stack do
///
/// Answers `{"order":{"id":…}}`. With `prepaid_escrow` and `escrow_tx_id` it is paid by a transfer
/// that was made before. New clients use `POST /api/v1/orders/create`.
#[utoipa::path(
    post, path = "/api/v1/marketplace/purchase", operation_id = "purchaseOnStack", tag = "stack",
    request_body = StackPurchaseInput,
    responses((status = 200, description = "The order", body = Object)),
)]
pub(crate) async fn purchase(
    State(shell): State<Shell>,
    received: Received,
) -> Result<Response, Failure> {
    received.require_caller(&shell)?;
    let input: StackPurchaseInput = received.input()?;
    let did = speaker(&shell, &received, "buyer_did", input.buyer_did.as_deref())?.did;
    let policy = if is_open(&shell) {
        AcceptancePolicy::AutoOnDelivery
    } else {
        AcceptancePolicy::BuyerConfirms
    };
    let request = input.request(policy)?;
    let (viewer, receiver) = (did.clone(), shell.did().clone());
    let answer = Answer::new(StatusCode::OK, move |view: &OrderView| {
        text(&json!({ "order": stack_order(view, &viewer, &receiver) }))
    });
    let attempt = answer.idempotency(&received, &did)?;
    let done = shell.marketplace().purchase(&did, request, attempt).await?;
    Ok(answer.respond(done))
}
