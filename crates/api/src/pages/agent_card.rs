//! `GET /agent_card.json`: the original's manifest with the values in force.

use axum::extract::State;
use axum::response::Response;

use crate::answer::ok;
use crate::failure::Failure;
use crate::shell::Shell;

/// Show the agent card
///
/// The original's manifest, with the fees, limits and policies that are in force.
#[utoipa::path(
    get, path = "/agent_card.json", operation_id = "showAgentCard", tag = "about", security(()),
    responses((status = 200, description = "The card", body = Object)),
)]
pub(crate) async fn agent_card(State(shell): State<Shell>) -> Result<Response, Failure> {
    ok(&shell.app.settings.manifest)
}
