//! `GET /api/v1/marketplace/orders/{id}`: an order, with its status in lower case.

use axum::extract::{Path, State};
use axum::response::Response;
use marketplace_engine::Refusal;
use marketplace_escrow::OrderRefusal;
use marketplace_wire::{stack_order, stack_status};
use serde_json::json;

use super::is_open;
use crate::answer::ok;
use crate::failure::Failure;
use crate::identity::{self, Visitor};
use crate::orders::{order_id, visible_order};
use crate::shell::Shell;

/// Show an order, as clients of the original stack see it
///
/// For its parties and operators; in `AUTH_MODE=open` everybody is told its id and status.
#[utoipa::path(
    get, path = "/api/v1/marketplace/orders/{order_id}", operation_id = "showOrderOnStack",
    tag = "stack", params(("order_id" = String, Path, format = Uuid)),
    responses((status = 200, description = "The order", body = Object)),
)]
pub(crate) async fn show(
    State(shell): State<Shell>,
    Path(id): Path<String>,
    Visitor(visitor): Visitor,
) -> Result<Response, Failure> {
    if let Some(viewer) = &visitor {
        let visible = visible_order(&shell, &id, viewer).await;
        if visible.is_ok() || !is_open(&shell) {
            return ok(&stack_order(&visible?, &viewer.did, shell.did()));
        }
    }
    if !is_open(&shell) {
        return Err(identity::missing());
    }
    let view = shell.marketplace().order(order_id(&id)?).await?;
    let view = view.ok_or(Refusal::from(OrderRefusal::NotFound))?;
    ok(&json!({ "id": view.order.id.to_string(), "status": stack_status(&view) }))
}
