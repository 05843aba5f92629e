//! `GET /api/v1/services/recommended`: what may interest the caller.

use axum::extract::State;
use axum::response::Response;
use marketplace_wire::{Problem, SuggestionPage, SuggestionParams};

use crate::answer::ok;
use crate::failure::Failure;
use crate::identity::Viewer;
use crate::params::{Params, unreadable};
use crate::shell::Shell;

/// Recommend services
///
/// What agents who bought the same bought, then what is like your purchases, then what most agents
/// bought. Each comes with its reason. Only orders count that ended well.
#[utoipa::path(
    get, path = "/api/v1/services/recommended", operation_id = "recommendServices",
    tag = "services", params(SuggestionParams),
    responses((status = 200, description = "Listings, best first", body = SuggestionPage)),
)]
pub(crate) async fn recommended(
    State(shell): State<Shell>,
    Viewer(viewer): Viewer,
    Params(params): Params<SuggestionParams>,
) -> Result<Response, Failure> {
    let limit = params.limit().map_err(|refusal| unreadable(&refusal))?;
    let suggested = shell.marketplace().recommended(&viewer.did, limit);
    let suggested = suggested.map_err(|error| Problem::from(&error))?;
    ok(&SuggestionPage::new(&suggested, &shell.gaps().await?))
}
