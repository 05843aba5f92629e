//! `purchase_request`: a buyer buys.

use axum::http::StatusCode;
use axum::response::Response;
use marketplace_engine::{PurchaseRequest, Refusal};
use marketplace_wire::{PurchaseMessage, purchase_request, purchased_reply, quote_token};

use super::No;
use crate::answer::Answer;
use crate::failure::Failure;
use crate::incoming::Received;
use crate::shell::Shell;

const NO: No = No { reply: "purchase_response", status: "failed" };

pub(super) async fn purchase(shell: &Shell, received: &Received) -> Result<Response, Failure> {
    let message: PurchaseMessage<'_> = received.input()?;
    let did = received.sender(shell, &message.from)?.did;
    let request = match read(shell, &message) {
        Ok(request) => request,
        Err(refusal) => return Ok(NO.because(&refusal)),
    };
    let receiver = shell.did().clone();
    let answer = Answer::new(StatusCode::OK, move |view| purchased_reply(view, &receiver));
    let attempt = answer.idempotency(received, &did)?;
    match shell.marketplace().purchase(&did, request, attempt).await {
        Ok(done) => Ok(answer.respond(done)),
        Err(error) => NO.to(error),
    }
}

fn read(shell: &Shell, message: &PurchaseMessage<'_>) -> Result<PurchaseRequest, Refusal> {
    let quote = message.quote.as_deref();
    let quote = quote.map(|text| quote_token::verify(&shell.app.quote_key, text)).transpose()?;
    let policy = message.acceptance_policy.as_deref();
    let payment = message.payment.as_ref().map(|payment| &payment.0);
    let total = message.expected_total.as_ref();
    purchase_request(&message.listing_id, policy, total, quote, payment)
}
