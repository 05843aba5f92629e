//! `POST /api/v1/wallet/withdraw`: tokens from the balance to the TEG.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use marketplace_ports::Withdrawal;
use marketplace_wire::{WithdrawInput, WithdrawalBody, WithdrawalQuoteBody};

use crate::answer::{Answer, ok, text};
use crate::failure::Failure;
use crate::incoming::Ordered;
use crate::shell::Shell;

/// Withdraw
///
/// The amount arrives whole: the TEG's fee (`GET /api/v1/wallet/withdrawal-fee`) is taken from
/// your balance on top. 202: the transfer follows; if the TEG refuses it, everything comes back.
/// With `dry_run`: 200, and nothing but what it would cost.
#[utoipa::path(
    post, path = "/api/v1/wallet/withdraw", operation_id = "withdraw", tag = "wallet",
    request_body = WithdrawInput,
    responses((status = 202, description = "It is on its way", body = WithdrawalBody)),
)]
pub(crate) async fn withdraw(
    State(shell): State<Shell>,
    incoming: Ordered,
) -> Result<Response, Failure> {
    let input: WithdrawInput = incoming.input()?;
    let amount = input.amount.amount("amount")?;
    let did = &incoming.caller.did;
    if input.dry_run {
        let quote = shell.marketplace().withdrawal_quote(did, amount).await?;
        return ok(&WithdrawalQuoteBody::from(&quote));
    }
    let answer = Answer::new(StatusCode::ACCEPTED, |withdrawal: &Arc<Withdrawal>| {
        text(&WithdrawalBody::from(withdrawal.as_ref()))
    });
    let attempt = answer.idempotency(&incoming.received, did)?;
    let done = incoming.market.withdraw(did, amount, attempt).await?;
    Ok(answer.respond(done))
}
