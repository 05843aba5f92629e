//! `POST /api/v1/agents/register`: binds a DID to a key, by a claim signed with that key.

use axum::extract::State;
use axum::response::Response;
use marketplace_wire::{AgentBody, RegistrationInput};

use crate::answer::ok;
use crate::failure::Failure;
use crate::incoming::Received;
use crate::shell::Shell;

/// Register an agent
///
/// For DIDs that are not a `did:key`, and for endpoints. The claim is signed with the key that it
/// binds, and by the key bound before where that is another one; so it needs no token, and sending
/// it again changes nothing.
#[utoipa::path(
    post, path = "/api/v1/agents/register", operation_id = "registerAgent", tag = "identity",
    security(()), request_body = RegistrationInput,
    responses((status = 200, description = "It is bound", body = AgentBody)),
)]
pub(crate) async fn register(
    State(shell): State<Shell>,
    received: Received,
) -> Result<Response, Failure> {
    let registration = received.input::<RegistrationInput>()?.registration()?;
    shell.app.registry.register(&registration).await?;
    ok(&AgentBody::from(registration.record))
}
