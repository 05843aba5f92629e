//! `GET /api/v1/agents/{did}/reputation`: an agent's score, and why.

use axum::extract::{Path, State};
use axum::response::Response;
use marketplace_wire::{ReputationBody, ReputationParams};

use super::agent_did;
use crate::answer::ok;
use crate::failure::Failure;
use crate::identity::Visitor;
use crate::params::Params;
use crate::shell::Shell;

/// Show an agent's reputation
///
/// What search, prices and the limit on open orders go by. With `explain=true` what it is made of:
/// each counterparty's words as they weigh now. Who said them is told to the agent itself.
#[utoipa::path(
    get, path = "/api/v1/agents/{did}/reputation", operation_id = "showReputation", tag = "services",
    params(("did" = String, Path), ReputationParams), security(()),
    responses((status = 200, description = "The reputation", body = ReputationBody)),
)]
pub(crate) async fn reputation(
    State(shell): State<Shell>,
    Path(did): Path<String>,
    Visitor(visitor): Visitor,
    Params(params): Params<ReputationParams>,
) -> Result<Response, Failure> {
    let did = agent_did(&did)?;
    let standing = shell.marketplace().standing(&did).await?;
    let by_name = visitor.is_some_and(|who| who.is_operator || who.did == did);
    let explain = params.explain.is_some_and(|flag| flag.0);
    ok(&ReputationBody::new(did, &standing, explain, by_name))
}
