//! `order_complete`: the provider delivers, the buyer accepts.

use axum::http::StatusCode;
use axum::response::Response;
use marketplace_engine::{DeliveryRequest, Refusal};
use marketplace_escrow::OrderRefusal;
use marketplace_money::OrderId;
use marketplace_wire::{Object, OrderCompleteMessage, completed_reply};

use super::No;
use crate::answer::Answer;
use crate::failure::Failure;
use crate::incoming::Received;
use crate::shell::Shell;

const NO: No = No { reply: "order_complete_response", status: "failed" };

pub(super) async fn complete_order(
    shell: &Shell,
    received: &Received,
) -> Result<Response, Failure> {
    let message: OrderCompleteMessage<'_> = received.input()?;
    let did = received.sender(shell, &message.from)?.did;
    let (order, delivery) = match read(message) {
        Ok(read) => read,
        Err(refusal) => return Ok(NO.because(&refusal)),
    };
    let answer = Answer::new(StatusCode::OK, completed_reply);
    let attempt = answer.idempotency(received, &did)?;
    match shell.marketplace().complete(&did, order, delivery, attempt).await {
        Ok(done) => Ok(answer.respond(done)),
        Err(error) => NO.to(error),
    }
}

fn read(message: OrderCompleteMessage<'_>) -> Result<(OrderId, DeliveryRequest), Refusal> {
    let order = message.order_id.parse().map_err(|_| OrderRefusal::NotFound)?;
    let delivery = match message.delivery {
        Some(Object(delivery)) => delivery.request()?,
        None => DeliveryRequest::default(),
    };
    Ok((order, delivery))
}
