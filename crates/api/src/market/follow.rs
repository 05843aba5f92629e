//! `GET /api/v1/market/events`: that the market moved.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use marketplace_engine::Scope;
use marketplace_wire::EventParams;

use crate::events::stream::open;
use crate::events::teller::Teller;
use crate::failure::Failure;
use crate::identity::Viewer;
use crate::params::Params;
use crate::shell::Shell;

/// Follow the market
///
/// A stream of server-sent events `market.changed`, at most one in a second: something happened
/// that `/api/v1/market/overview` counts. Not what, and not whose: that is for its parties, at
/// `/api/v1/events`.
#[utoipa::path(
    get, path = "/api/v1/market/events", operation_id = "followMarket", tag = "about",
    params(EventParams),
    responses((status = 200, description = "A stream of events without data", body = String,
        content_type = "text/event-stream")),
)]
pub(crate) async fn follow(
    State(shell): State<Shell>,
    Viewer(viewer): Viewer,
    Params(params): Params<EventParams>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    open(&shell, &viewer, Scope::Everything, Teller::Hints, &params, &headers).await
}
