//! `POST /api/v1/wallet/deposit`: tokens from the TEG into the balance.

use axum::extract::State;
use axum::response::Response;
use marketplace_wire::{BalanceBody, DepositInput, DepositWay};

use super::balance_answer;
use crate::failure::Failure;
use crate::incoming::Incoming;
use crate::shell::Shell;

/// Deposit
///
/// An `amount` where the TEG lets us pull. Elsewhere transfer to our DID at the TEG: it is credited
/// to you, and the `transaction_id` here has us look at once. A transfer that you named cannot pay
/// for a purchase any more.
#[utoipa::path(
    post, path = "/api/v1/wallet/deposit", operation_id = "deposit", tag = "wallet",
    request_body = DepositInput,
    responses((status = 200, description = "The balance afterwards", body = BalanceBody)),
)]
pub(crate) async fn deposit(
    State(shell): State<Shell>,
    incoming: Incoming,
) -> Result<Response, Failure> {
    let input: DepositInput = incoming.input()?;
    let (answer, did) = (balance_answer(), &incoming.caller.did);
    let attempt = answer.idempotency(&incoming.received, did)?;
    let market = shell.marketplace();
    let done = match input.deposit()? {
        DepositWay::Pull(amount) => market.deposit(did, amount, attempt).await?,
        DepositWay::Claim(transaction) => market.claim_transfer(did, transaction, attempt).await?,
    };
    Ok(answer.respond(done))
}
