//! `GET /api/v1/services/{id}`: one listing.

use axum::extract::{Path, State};
use axum::response::Response;
use marketplace_engine::Refusal;
use marketplace_listings::ListingStatus;
use marketplace_wire::{ExposureBody, ListingBody, Money, ServiceBody};

use super::listing_id;
use crate::answer::ok;
use crate::failure::Failure;
use crate::identity::Visitor;
use crate::shell::Shell;

/// Show a listing
///
/// Anybody sees active listings; its provider and operators see it in every status.
#[utoipa::path(
    get, path = "/api/v1/services/{id}", operation_id = "showService", tag = "services",
    params(("id" = String, Path, format = Uuid)), security(()),
    responses((status = 200, description = "The listing", body = ServiceBody)),
)]
pub(crate) async fn show(
    State(shell): State<Shell>,
    Path(id): Path<String>,
    Visitor(visitor): Visitor,
) -> Result<Response, Failure> {
    let listing = shell.marketplace().listing(listing_id(&id)?).await?;
    let listing = listing.ok_or(Refusal::ListingNotFound)?;
    let insider = visitor.is_some_and(|who| who.is_operator || who.did == listing.provider);
    if listing.status != ListingStatus::Active && !insider {
        return Err(Refusal::ListingNotFound.into());
    }
    let seller = shell.marketplace().seller_terms(&listing.provider).await?;
    let terms = &listing.offer.terms;
    let fees = &shell.marketplace().config().fees;
    let price = fees.price(listing.offer.price, terms.pricing, seller.score);
    let price = price.map_or(listing.offer.price, |price| price.price);
    ok(&ServiceBody {
        listing: ListingBody::new(&listing, seller.score, &shell.gaps().await?),
        price_now: Money(price),
        exposure: ExposureBody::new(seller.exposure_limit, seller.open_escrow),
    })
}
