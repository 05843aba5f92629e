//! `GET /api/v1/admin/orders`: all orders, for operators.

use axum::extract::State;
use axum::response::Response;
use marketplace_wire::{AllOrderParams, OrderPage};

use crate::answer::ok;
use crate::failure::Failure;
use crate::identity::Operator;
use crate::orders::list::status;
use crate::params::{Params, cursor, limit};
use crate::shell::Shell;

/// List all orders
///
/// Newest first. For operators.
#[utoipa::path(
    get, path = "/api/v1/admin/orders", operation_id = "listAllOrders", tag = "operators",
    params(AllOrderParams),
    responses((status = 200, description = "A page of orders", body = OrderPage)),
)]
pub(crate) async fn orders(
    State(shell): State<Shell>,
    Operator(operator): Operator,
    Params(params): Params<AllOrderParams>,
) -> Result<Response, Failure> {
    let status = status(params.status.as_deref())?;
    let (cursor, limit) = (cursor(params.cursor.as_deref())?, limit(params.limit.as_ref())?);
    let page = shell.marketplace().all_orders(status, cursor, limit).await?;
    ok(&OrderPage::new(&page, &operator.did, shell.did()))
}
