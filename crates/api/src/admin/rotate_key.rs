//! `POST /api/v1/admin/key/rotate`: changes our own key.

use axum::extract::State;
use axum::response::Response;
use marketplace_ports::RotationError;
use marketplace_wire::{RotationBody, codes};

use crate::answer::ok;
use crate::failure::Failure;
use crate::incoming::Incoming;
use crate::pages::our_endpoint;
use crate::shell::Shell;

/// Change the marketplace's key
///
/// The registry is told first, in a claim that the old key signs too. What the old key signed is
/// good for seven days more. For operators.
#[utoipa::path(
    post, path = "/api/v1/admin/key/rotate", operation_id = "rotateKey", tag = "operators",
    responses((status = 200, description = "The new key signs", body = RotationBody)),
)]
pub(crate) async fn rotate_key(
    State(shell): State<Shell>,
    incoming: Incoming,
) -> Result<Response, Failure> {
    incoming.require_operator()?;
    incoming.expect_nothing()?;
    let (app, now) = (&shell.app, (shell.app.clock)());
    let endpoint = our_endpoint(&app.settings.public_url);
    match app.keys.rotate(app.registry.as_ref(), &endpoint, now).await {
        Ok(rotation) => {
            tracing::warn!(did = %shell.did(), "our key was changed");
            ok(&RotationBody::from(rotation))
        }
        Err(error @ (RotationError::NotOurs | RotationError::Registry(_))) => {
            Err(Failure::new(&codes::KEY_NOT_CHANGED, error.to_string()))
        }
        Err(RotationError::NotKept(reason)) => {
            tracing::error!(reason, "our key was not changed");
            let detail = "The new key cannot be kept; the old one goes on signing";
            Err(Failure::new(&codes::KEY_NOT_CHANGED, detail))
        }
    }
}
