//! `GET /api/v1/market/overview`: the market day by day.

use axum::extract::State;
use axum::response::Response;
use marketplace_wire::{OverviewBody, OverviewParams};

use crate::answer::ok;
use crate::failure::Failure;
use crate::params::{Params, whole};
use crate::shell::Shell;

const DAYS: u32 = 30;
const MOST: u32 = 400;

/// Show the market
///
/// Listings, volume, escrow, fees, disputes and times to settle, day by day; sums only, of nobody
/// whose they are. Counted from the event log as it grows.
#[utoipa::path(
    get, path = "/api/v1/market/overview", operation_id = "showMarket", tag = "about",
    security(()), params(OverviewParams),
    responses((status = 200, description = "The market", body = OverviewBody)),
)]
pub(crate) async fn overview(
    State(shell): State<Shell>,
    Params(params): Params<OverviewParams>,
) -> Result<Response, Failure> {
    let days = whole("days", params.days.as_ref(), 1..=MOST)?.unwrap_or(DAYS);
    ok(&OverviewBody::from(&shell.marketplace().overview(days).await?))
}
