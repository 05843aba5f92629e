//! `GET /api/v1/services/{id}/similar`: what may interest who looks at a listing.

use axum::extract::{Path, State};
use axum::response::Response;
use marketplace_engine::Refusal;
use marketplace_wire::{Problem, SuggestionPage, SuggestionParams};

use super::listing_id;
use crate::answer::ok;
use crate::failure::Failure;
use crate::params::{Params, unreadable};
use crate::shell::Shell;

/// Show similar services
///
/// What agents who bought it bought too, then what says the same. Anybody may ask.
#[utoipa::path(
    get, path = "/api/v1/services/{id}/similar", operation_id = "similarServices",
    tag = "services", params(("id" = String, Path, format = Uuid), SuggestionParams),
    security(()),
    responses((status = 200, description = "Listings, best first", body = SuggestionPage)),
)]
pub(crate) async fn similar(
    State(shell): State<Shell>,
    Path(id): Path<String>,
    Params(params): Params<SuggestionParams>,
) -> Result<Response, Failure> {
    let limit = params.limit().map_err(|refusal| unreadable(&refusal))?;
    let suggested = shell.marketplace().similar(listing_id(&id)?, limit);
    let suggested = suggested.map_err(|error| Problem::from(&error))?;
    let suggested = suggested.ok_or(Refusal::ListingNotFound)?;
    ok(&SuggestionPage::new(&suggested, &shell.gaps().await?))
}
