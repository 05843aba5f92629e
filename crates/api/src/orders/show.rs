//! `GET /api/v1/orders/{order_id}`: one order, for its parties and operators.

use axum::extract::{Path, State};
use axum::response::Response;
use marketplace_wire::OrderBody;

use super::visible_order;
use crate::answer::ok;
use crate::failure::Failure;
use crate::identity::Viewer;
use crate::shell::Shell;

/// Show an order
///
/// With what you may do now, exact amounts and deadlines.
#[utoipa::path(
    get, path = "/api/v1/orders/{order_id}", operation_id = "showOrder", tag = "orders",
    params(("order_id" = String, Path, format = Uuid)),
    responses((status = 200, description = "The order", body = OrderBody)),
)]
pub(crate) async fn show(
    State(shell): State<Shell>,
    Path(order_id): Path<String>,
    Viewer(viewer): Viewer,
) -> Result<Response, Failure> {
    let view = visible_order(&shell, &order_id, &viewer).await?;
    let body = OrderBody::new(&view, &viewer.did, shell.did());
    if !view.order.phase().is_terminal() && view.order.role_of(&viewer.did).is_some() {
        let stakes = shell.marketplace().dispute_stakes(&viewer.did, &view.order).await?;
        return ok(&body.with_stakes(stakes));
    }
    ok(&body)
}
