//! `GET /api/v1/wallet/withdrawal-fee`: what a withdrawal costs now.

use axum::extract::State;
use axum::response::Response;
use marketplace_wire::{FeeBody, Money, WithdrawalFeeParams};

use crate::answer::ok;
use crate::failure::Failure;
use crate::identity::Viewer;
use crate::params::Params;
use crate::shell::Shell;

/// Show the fee of a withdrawal
///
/// Taken by the TEG, from your balance, on top of the amount. It may depend on it: pass `amount`.
#[utoipa::path(
    get, path = "/api/v1/wallet/withdrawal-fee", operation_id = "showWithdrawalFee",
    tag = "wallet", params(WithdrawalFeeParams), responses((status = 200, description = "The fee of now", body = FeeBody)),
)]
pub(crate) async fn withdrawal_fee(
    State(shell): State<Shell>,
    _: Viewer,
    Params(params): Params<WithdrawalFeeParams>,
) -> Result<Response, Failure> {
    let amount = params.amount.as_ref().map(|amount| amount.amount("amount")).transpose()?;
    let amount = amount.unwrap_or(marketplace_money::Amount::from_avt(1));
    let fee = shell.marketplace().withdrawal_fee(amount).await?;
    ok(&FeeBody { fee: Money(fee) })
}
