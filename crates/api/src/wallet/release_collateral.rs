//! `POST /api/v1/wallet/collateral/release`: collateral becomes tokens again.

use axum::response::Response;
use marketplace_engine::MoveCollateral;
use marketplace_wire::{AmountInput, BalanceBody};

use super::move_collateral;
use crate::failure::Failure;
use crate::incoming::Ordered;

/// Release collateral
///
/// Back to your balance; not while listings of yours need it.
#[utoipa::path(
    post, path = "/api/v1/wallet/collateral/release", operation_id = "releaseCollateral",
    tag = "wallet", request_body = AmountInput,
    responses((status = 200, description = "The balance afterwards", body = BalanceBody)),
)]
pub(crate) async fn release_collateral(incoming: Ordered) -> Result<Response, Failure> {
    move_collateral(&incoming, MoveCollateral::Release).await
}
