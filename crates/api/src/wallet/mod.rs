//! The wallet.

pub(crate) mod deposit;
pub(crate) mod entries;
pub(crate) mod faucet;
pub(crate) mod lock_collateral;
pub(crate) mod release_collateral;
pub(crate) mod set_payout;
pub(crate) mod show;
pub(crate) mod show_payout;
pub(crate) mod transfer;
pub(crate) mod withdraw;
pub(crate) mod withdrawal_fee;

use axum::http::StatusCode;
use axum::response::Response;
use marketplace_engine::{Balance, MoveCollateral};
use marketplace_wire::{AmountInput, BalanceBody};

use crate::answer::{Answer, text};
use crate::failure::Failure;
use crate::incoming::Ordered;

/// The caller's balance after a command.
fn balance_answer() -> Answer<Balance> {
    Answer::new(StatusCode::OK, |balance| text(&BalanceBody::from(balance)))
}

/// Moves tokens between the caller's balance and its collateral.
async fn move_collateral(incoming: &Ordered, way: MoveCollateral) -> Result<Response, Failure> {
    let amount = incoming.input::<AmountInput>()?.amount()?;
    let (answer, did) = (balance_answer(), &incoming.caller.did);
    let attempt = answer.idempotency(&incoming.received, did)?;
    let done = incoming.market.move_collateral(did, way, amount, attempt).await?;
    Ok(answer.respond(done))
}
