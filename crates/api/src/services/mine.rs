//! `GET /api/v1/services/mine`: what a provider has put up.

use axum::extract::State;
use axum::response::Response;
use marketplace_wire::{OwnListingPage, OwnListingParams};

use crate::answer::ok;
use crate::failure::Failure;
use crate::identity::Viewer;
use crate::params::{Params, cursor, limit};
use crate::shell::Shell;

/// List your listings
///
/// Newest first, in every status: those that nobody finds, because they are paused, expired or
/// delisted, are here too.
#[utoipa::path(
    get, path = "/api/v1/services/mine", operation_id = "listOwnServices", tag = "services",
    params(OwnListingParams),
    responses((status = 200, description = "A page of your listings", body = OwnListingPage)),
)]
pub(crate) async fn mine(
    State(shell): State<Shell>,
    Viewer(viewer): Viewer,
    Params(params): Params<OwnListingParams>,
) -> Result<Response, Failure> {
    let (cursor, limit) = (cursor(params.cursor.as_deref())?, limit(params.limit.as_ref())?);
    let market = shell.marketplace();
    let page = market.listings_of(&viewer.did, cursor, limit).await?;
    let reputation = market.reputation_of(&viewer.did).await?;
    ok(&OwnListingPage::new(&page, reputation, &shell.gaps().await?))
}
