//! `GET /api/v1/admin/api-keys`: an agent's API keys, for operators.

use axum::extract::State;
use axum::response::Response;
use marketplace_engine::Refusal;
use marketplace_wire::{ApiKeyPage, ApiKeyParams};

use crate::answer::ok;
use crate::failure::Failure;
use crate::identity::Operator;
use crate::params::{Params, unreadable};
use crate::shell::Shell;

/// List an agent's API keys
///
/// For operators.
#[utoipa::path(
    get, path = "/api/v1/admin/api-keys", operation_id = "listApiKeysOf", tag = "operators",
    params(ApiKeyParams),
    responses((status = 200, description = "Its keys", body = ApiKeyPage)),
)]
pub(crate) async fn list_of(
    State(shell): State<Shell>,
    Operator(_operator): Operator,
    Params(params): Params<ApiKeyParams>,
) -> Result<Response, Failure> {
    let wrong =
        |error| unreadable(&Refusal::InvalidInput { field: "did", problem: format!("{error}") });
    let did = params.did.parse().map_err(|error: marketplace_money::DidError| wrong(error))?;
    ok(&ApiKeyPage::new(&shell.marketplace().api_keys(&did).await?))
}
