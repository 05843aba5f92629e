//! `POST /api/v1/marketplace/orders/{id}/complete`: the provider delivers, the buyer accepts.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use marketplace_engine::{DeliveryRequest, OrderView, Refusal};
use marketplace_escrow::OrderRefusal;
use marketplace_money::{Did, OrderId};
use marketplace_wire::{StackCompleteInput, stack_order};
use serde_json::json;

use super::{is_open, speaker};
use crate::answer::{Answer, text};
use crate::failure::Failure;
use crate::incoming::Received;
use crate::orders::order_id;
use crate::shell::Shell;

/// Complete an order, as clients of the original stack do
///
/// The provider delivers, the buyer accepts. Answers `{"order":{"id":…,"status":"completed"}}`
/// where that ends the order.
#[utoipa::path(
    post, path = "/api/v1/marketplace/orders/{order_id}/complete",
    operation_id = "completeOnStack", tag = "stack",
    params(("order_id" = String, Path, format = Uuid)), request_body = StackCompleteInput,
    responses((status = 200, description = "The order", body = Object)),
)]
pub(crate) async fn complete(
    State(shell): State<Shell>,
    Path(id): Path<String>,
    received: Received,
) -> Result<Response, Failure> {
    received.require_caller(&shell)?;
    let input: StackCompleteInput =
        if received.body.is_empty() { StackCompleteInput::default() } else { received.input()? };
    let order = order_id(&id)?;
    let did = completer(&shell, &received, order, input.provider_did.as_deref()).await?;
    let delivery = match input.delivery {
        Some(delivery) => delivery.0.request()?,
        None => DeliveryRequest::default(),
    };
    let (viewer, receiver) = (did.clone(), shell.did().clone());
    let answer = Answer::new(StatusCode::OK, move |view: &OrderView| {
        text(&json!({ "order": stack_order(view, &viewer, &receiver) }))
    });
    let attempt = answer.idempotency(&received, &did)?;
    let done = shell.marketplace().complete(&did, order, delivery, attempt).await?;
    Ok(answer.respond(done))
}

/// Who completes it. The original asked nobody: in the open mode, where the request names nobody
/// either, it is the provider.
async fn completer(
    shell: &Shell,
    received: &Received,
    order: OrderId,
    named: Option<&str>,
) -> Result<Did, Failure> {
    if named.is_none() && received.known().is_none() && is_open(shell) {
        let order = shell.marketplace().order(order).await?;
        let order = order.ok_or(Refusal::from(OrderRefusal::NotFound))?.order;
        return Ok(order.seller.clone());
    }
    Ok(speaker(shell, received, "provider_did", named)?.did)
}
