//! `GET /api/v1/api-keys`: the caller's API keys.

use axum::extract::State;
use axum::response::Response;
use marketplace_wire::ApiKeyPage;

use crate::answer::ok;
use crate::failure::Failure;
use crate::identity::Viewer;
use crate::shell::Shell;

/// List your API keys
///
/// Newest first, the revoked ones too, without their secrets.
#[utoipa::path(
    get, path = "/api/v1/api-keys", operation_id = "listApiKeys", tag = "identity",
    responses((status = 200, description = "Your keys", body = ApiKeyPage)),
)]
pub(crate) async fn list(
    State(shell): State<Shell>,
    Viewer(viewer): Viewer,
) -> Result<Response, Failure> {
    ok(&ApiKeyPage::new(&shell.marketplace().api_keys(&viewer.did).await?))
}
