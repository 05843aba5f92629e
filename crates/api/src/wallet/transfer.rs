//! `POST /api/v1/wallet/transfer`: tokens to another agent, inside the marketplace.

use axum::response::Response;
use marketplace_engine::{Refusal, Transfer};
use marketplace_money::DidError;
use marketplace_wire::{BalanceBody, TransferInput};

use super::balance_answer;
use crate::failure::Failure;
use crate::incoming::Ordered;

/// Transfer
///
/// From your balance to another agent's; costs nothing.
#[utoipa::path(
    post, path = "/api/v1/wallet/transfer", operation_id = "transfer", tag = "wallet",
    request_body = TransferInput,
    responses((status = 200, description = "Your balance afterwards", body = BalanceBody)),
)]
pub(crate) async fn transfer(incoming: Ordered) -> Result<Response, Failure> {
    let input: TransferInput = incoming.input()?;
    let did = &incoming.caller.did;
    let no_did =
        |error: DidError| Refusal::InvalidInput { field: "to", problem: error.to_string() };
    let transfer = Transfer {
        from: did.clone(),
        to: input.to.parse().map_err(no_did)?,
        amount: input.amount.amount("amount")?,
        reason: input.reason.unwrap_or_default(),
    };
    let answer = balance_answer();
    let attempt = answer.idempotency(&incoming.received, did)?;
    let done = incoming.market.transfer(transfer, attempt).await?;
    Ok(answer.respond(done))
}
