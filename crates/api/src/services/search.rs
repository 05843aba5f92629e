//! `GET /api/v1/services/search`: anybody finds services.

use axum::extract::State;
use axum::response::Response;
use marketplace_wire::{ListingPage, Problem, SearchInput, Shown};

use crate::answer::ok;
use crate::failure::Failure;
use crate::params::{Params, unreadable};
use crate::shell::Shell;

/// Search services
///
/// Answered from memory. Anybody may search. By relevance, words count most, then the reputation of
/// the seller, the share of its orders that it fulfilled, the price among listings of its kind, and
/// how new the listing is; `explain=true` shows the parts.
#[utoipa::path(
    get, path = "/api/v1/services/search", operation_id = "searchServices", tag = "services",
    params(SearchInput), security(()),
    responses((status = 200, description = "A page of active listings", body = ListingPage)),
)]
pub(crate) async fn search(
    State(shell): State<Shell>,
    Params(input): Params<SearchInput>,
) -> Result<Response, Failure> {
    ok(&find(&shell, &input).await?)
}

/// The page that a search finds.
pub(crate) async fn find(shell: &Shell, input: &SearchInput) -> Result<ListingPage, Failure> {
    let query = input.query().map_err(|refusal| unreadable(&refusal))?;
    let found = shell.marketplace().search(&query).map_err(|error| Problem::from(&error))?;
    let highlighter = input.highlights().then(|| shell.marketplace().highlighter(&query));
    let shown = Shown { explanations: input.explains(), highlighter: highlighter.as_ref() };
    Ok(ListingPage::new(&found, shown, &shell.gaps().await?))
}
