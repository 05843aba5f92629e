//! `POST /api/v1/orders/{order_id}/deliver`: the seller hands over the work.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use marketplace_wire::{DeliveryInput, OrderBody};

use super::{order_answer, order_id};
use crate::failure::Failure;
use crate::incoming::Ordered;
use crate::shell::Shell;

/// Deliver the work
///
/// For the seller. Bytes behind a `uri` are fetched once and count as delivered when they match
/// their `sha256`. Without content only where the buyer chose `auto_on_delivery`.
#[utoipa::path(
    post, path = "/api/v1/orders/{order_id}/deliver", operation_id = "deliverOrder",
    tag = "orders", params(("order_id" = String, Path, format = Uuid)),
    request_body = DeliveryInput,
    responses((status = 200, description = "The order afterwards", body = OrderBody)),
)]
pub(crate) async fn deliver(
    State(shell): State<Shell>,
    Path(order): Path<String>,
    incoming: Ordered,
) -> Result<Response, Failure> {
    let request = incoming.input_or_default::<DeliveryInput>()?.request()?;
    let (order, did) = (order_id(&order)?, &incoming.caller.did);
    let answer = order_answer(&shell, did, StatusCode::OK);
    let attempt = answer.idempotency(&incoming.received, did)?;
    let done = incoming.market.deliver(did, order, request, attempt).await?;
    Ok(answer.respond(done))
}
