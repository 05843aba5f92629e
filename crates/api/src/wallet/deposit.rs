//! `POST /api/v1/wallet/deposit`: tokens from the TEG into the balance.

use axum::extract::State;
use axum::response::Response;
use marketplace_wire::{AmountInput, BalanceBody};

use super::balance_answer;
use crate::failure::Failure;
use crate::incoming::Incoming;
use crate::shell::Shell;

/// Deposit
///
/// Where the TEG lets us pull. Elsewhere transfer to our DID at the TEG: it is credited to you.
#[utoipa::path(
    post, path = "/api/v1/wallet/deposit", operation_id = "deposit", tag = "wallet",
    request_body = AmountInput,
    responses((status = 200, description = "The balance afterwards", body = BalanceBody)),
)]
pub(crate) async fn deposit(
    State(shell): State<Shell>,
    incoming: Incoming,
) -> Result<Response, Failure> {
    let amount = incoming.input::<AmountInput>()?.amount()?;
    let (answer, did) = (balance_answer(), &incoming.caller.did);
    let attempt = answer.idempotency(&incoming.received, did)?;
    let done = shell.marketplace().deposit(did, amount, attempt).await?;
    Ok(answer.respond(done))
}
