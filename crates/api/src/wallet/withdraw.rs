//! `POST /api/v1/wallet/withdraw`: tokens from the balance to the TEG.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use marketplace_ports::Withdrawal;
use marketplace_wire::{AmountInput, WithdrawalBody};

use crate::answer::{Answer, text};
use crate::failure::Failure;
use crate::incoming::Incoming;
use crate::shell::Shell;

/// Withdraw
///
/// The amount arrives whole: the TEG's fee (`GET /api/v1/wallet/withdrawal-fee`) is taken from
/// your balance on top. 202: the transfer follows; if the TEG refuses it, everything comes back.
#[utoipa::path(
    post, path = "/api/v1/wallet/withdraw", operation_id = "withdraw", tag = "wallet",
    request_body = AmountInput,
    responses((status = 202, description = "It is on its way", body = WithdrawalBody)),
)]
pub(crate) async fn withdraw(
    State(shell): State<Shell>,
    incoming: Incoming,
) -> Result<Response, Failure> {
    let amount = incoming.input::<AmountInput>()?.amount()?;
    let did = &incoming.caller.did;
    let answer = Answer::new(StatusCode::ACCEPTED, |withdrawal: &Arc<Withdrawal>| {
        text(&WithdrawalBody::from(withdrawal.as_ref()))
    });
    let attempt = answer.idempotency(&incoming.received, did)?;
    let done = shell.marketplace().withdraw(did, amount, attempt).await?;
    Ok(answer.respond(done))
}
