//! `POST /api/v1/wallet/collateral/lock`: tokens become collateral, so that an agent of negative reputation may list.

use axum::response::Response;
use marketplace_engine::MoveCollateral;
use marketplace_wire::{AmountInput, BalanceBody};

use super::move_collateral;
use crate::failure::Failure;
use crate::incoming::Ordered;

/// Lock collateral
///
/// From your balance. It lets an agent of negative reputation list services.
#[utoipa::path(
    post, path = "/api/v1/wallet/collateral/lock", operation_id = "lockCollateral",
    tag = "wallet", request_body = AmountInput,
    responses((status = 200, description = "The balance afterwards", body = BalanceBody)),
)]
pub(crate) async fn lock_collateral(incoming: Ordered) -> Result<Response, Failure> {
    move_collateral(&incoming, MoveCollateral::Lock).await
}
