//! `GET /api/v1/orders/{order_id}/events`: what happens to one order and in its
//! disputes, as it happens.

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use marketplace_engine::Scope;
use marketplace_wire::{EventBody, EventParams};

use super::stream::open;
use super::teller::Teller;
use crate::failure::Failure;
use crate::identity::Viewer;
use crate::orders::visible_order;
use crate::params::Params;
use crate::shell::Shell;

/// Follow an order
///
/// As `GET /api/v1/events`, for one order and its disputes. For its parties and operators.
#[utoipa::path(
    get, path = "/api/v1/orders/{order_id}/events", operation_id = "followOrder", tag = "orders",
    params(("order_id" = String, Path, format = Uuid), EventParams),
    responses((status = 200, description = "A stream of events", body = EventBody,
        content_type = "text/event-stream")),
)]
pub(crate) async fn of_order(
    State(shell): State<Shell>,
    Path(order_id): Path<String>,
    Viewer(viewer): Viewer,
    Params(params): Params<EventParams>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let view = visible_order(&shell, &order_id, &viewer).await?;
    let scope = Scope::Order { order: view.order.id, party: view.order.buyer.clone() };
    open(&shell, &viewer, scope, Teller::events(&shell), &params, &headers).await
}
