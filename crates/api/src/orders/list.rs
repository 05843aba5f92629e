//! `GET /api/v1/orders`: an agent's orders; a seller waits here for the next one.

use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use marketplace_escrow::OrderStatus;
use marketplace_money::OrderId;
use marketplace_ports::OrderFilter;
use marketplace_wire::{OrderPage, OrderParams};

use crate::answer::ok;
use crate::failure::Failure;
use crate::identity::Viewer;
use crate::params::{Params, cursor, limit, parsed, whole};
use crate::shell::Shell;

/// The longest wait that a caller may ask for.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// List your orders
///
/// Newest first. With `wait` the answer comes as soon as there is an order: so a seller hears of
/// it. `newer_than` names the newest order that you know.
#[utoipa::path(
    get, path = "/api/v1/orders", operation_id = "listOrders", tag = "orders",
    params(OrderParams),
    responses((status = 200, description = "A page of orders", body = OrderPage)),
)]
pub(crate) async fn list(
    State(shell): State<Shell>,
    Viewer(viewer): Viewer,
    Params(params): Params<OrderParams>,
) -> Result<Response, Failure> {
    let as_seller = parsed("role", params.role.as_deref(), "must be buyer or seller")?;
    let filter = OrderFilter {
        agent: viewer.did.clone(),
        as_seller: as_seller == Some(Side::Seller),
        status: status(params.status.as_deref())?,
        cursor: cursor(params.cursor.as_deref())?,
        limit: limit(params.limit.as_ref())?,
    };
    let newest = parsed::<OrderId>("newer_than", params.newer_than.as_deref(), "must be an id")?;
    let longest = u32::try_from(LONGEST_WAIT.as_secs()).unwrap_or(u32::MAX);
    let wait = whole("wait", params.wait.as_ref(), 0..=longest)?.unwrap_or(0);
    let wait = Duration::from_secs(wait.into());
    let page = if wait.is_zero() && newest.is_none() {
        shell.marketplace().orders(&filter).await?
    } else {
        shell.marketplace().orders_newer_than(&filter, newest, wait).await?
    };
    ok(&OrderPage::new(&page, &viewer.did, shell.did()))
}

#[derive(PartialEq)]
enum Side {
    Buyer,
    Seller,
}

impl std::str::FromStr for Side {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "buyer" => Ok(Self::Buyer),
            "seller" => Ok(Self::Seller),
            _ => Err(()),
        }
    }
}

/// A filter by status.
pub(crate) fn status(text: Option<&str>) -> Result<Option<OrderStatus>, Failure> {
    parsed("status", text, "must be PENDING, ESCROW_FUNDED, COMPLETED, REFUNDED or EXPIRED")
}
