//! `PATCH /api/v1/services/{id}`: a provider changes words, price or terms.

use axum::extract::{Path, State};
use axum::response::Response;
use marketplace_engine::{ListingChange, Refusal};
use marketplace_listings::Terms;
use marketplace_wire::{ListingBody, ServiceEditInput};

use super::{change, listing_id};
use crate::failure::Failure;
use crate::incoming::Ordered;
use crate::shell::Shell;

/// Edit a listing
///
/// For orders from now on. For ten minutes after a price rise a buyer must say which total it
/// expects.
#[utoipa::path(
    patch, path = "/api/v1/services/{id}", operation_id = "editService", tag = "services",
    params(("id" = String, Path, format = Uuid)), request_body = ServiceEditInput,
    responses((status = 200, description = "The next version", body = ListingBody)),
)]
pub(crate) async fn edit(
    State(shell): State<Shell>,
    Path(id): Path<String>,
    incoming: Ordered,
) -> Result<Response, Failure> {
    let input: ServiceEditInput = incoming.input()?;
    let before = match &input.terms {
        Some(_) => standing_terms(&shell, &id).await?,
        None => Terms::default(),
    };
    let edit = input.edit(&before)?;
    change(&shell, &id, &incoming, ListingChange::Edit(edit)).await
}

/// Terms that the edit does not name stay as they are.
async fn standing_terms(shell: &Shell, id: &str) -> Result<Terms, Failure> {
    let listing = shell.marketplace().listing(listing_id(id)?).await?;
    Ok(listing.ok_or(Refusal::ListingNotFound)?.offer.terms.clone())
}
