//! `GET /api/v1/wallet/withdrawal-fee`: what a withdrawal costs now.

use axum::extract::State;
use axum::response::Response;
use marketplace_wire::{FeeBody, Money};

use crate::answer::ok;
use crate::failure::Failure;
use crate::identity::Viewer;
use crate::shell::Shell;

/// Show the fee of a withdrawal
///
/// Taken by the TEG, from your balance, on top of the amount.
#[utoipa::path(
    get, path = "/api/v1/wallet/withdrawal-fee", operation_id = "showWithdrawalFee",
    tag = "wallet", responses((status = 200, description = "The fee of now", body = FeeBody)),
)]
pub(crate) async fn withdrawal_fee(
    State(shell): State<Shell>,
    _: Viewer,
) -> Result<Response, Failure> {
    let fee = shell.marketplace().withdrawal_fee(marketplace_money::Amount::ZERO).await?;
    ok(&FeeBody { fee: Money(fee) })
}
