//! `POST /api/v1/admin/key/rotate`: changes our own key.

use axum::extract::State;
use axum::response::Response;
use marketplace_engine::Done;
use marketplace_money::Did;
use marketplace_ports::{Rotation, RotationError};
use marketplace_wire::{ActInput, RotationBody, codes};
use uuid::Uuid;

use crate::answer::ok;
use crate::failure::Failure;
use crate::incoming::Incoming;
use crate::pages::our_endpoint;
use crate::shell::Shell;

/// Change the marketplace's key
///
/// The registry is told first, in a claim that the old key signs too. What the old key signed is
/// good for seven days more. One operator is enough; its act is kept among the motions, before the
/// change as `open`, after it as `done`, or as `cancelled` with the reason why the old key signs on.
/// `dry_run` only looks. For operators.
#[utoipa::path(
    post, path = "/api/v1/admin/key/rotate", operation_id = "rotateKey", tag = "operators",
    request_body = ActInput,
    responses((status = 200, description = "The new key signs", body = RotationBody)),
)]
pub(crate) async fn rotate_key(
    State(shell): State<Shell>,
    incoming: Incoming,
) -> Result<Response, Failure> {
    incoming.require_operator()?;
    let act = incoming.input::<ActInput>()?.of(incoming.caller.did.clone());
    let try_only = act.try_only;
    shell.app.keys.may_rotate().map_err(|error| refused(&error))?;
    let Done::Fresh(motion) = shell.marketplace().begin_rotation(act).await? else {
        return Err(Failure::from(marketplace_wire::Problem::internal()));
    };
    if try_only {
        let now = (shell.app.clock)();
        let signs = shell.app.keys.published(now).first().map(|key| key.public_key);
        return ok(&RotationBody::tried(signs.unwrap_or_default()));
    }
    // To its end, though the caller hangs up: what was begun is written down with what became of it.
    let changed = tokio::spawn(rotate(shell, incoming.caller.did, motion.id)).await;
    let rotation = changed.map_err(|_| Failure::from(marketplace_wire::Problem::internal()))??;
    ok(&RotationBody::from(rotation))
}

async fn rotate(shell: Shell, operator: Did, motion: Uuid) -> Result<Rotation, Failure> {
    let (app, now) = (&shell.app, (shell.app.clock)());
    let endpoint = our_endpoint(&app.settings.public_url);
    let changed = app.keys.rotate(app.registry.as_ref(), &endpoint, now).await;
    match &changed {
        Ok(_) => tracing::warn!(did = %shell.did(), %operator, "our key was changed"),
        Err(error) => tracing::error!(%error, %operator, "our key was not changed"),
    }
    let failure = changed.as_ref().err().map(ToString::to_string);
    let noted = shell.marketplace().end_rotation(&operator, motion, failure).await;
    if let Err(error) = noted {
        tracing::error!(%error, %motion, "what became of the change of our key is not written down");
    }
    changed.map_err(|error| refused(&error))
}

fn refused(error: &RotationError) -> Failure {
    let detail = match error {
        RotationError::NotOurs | RotationError::Registry(_) => error.to_string(),
        RotationError::NotKept(_) => {
            "The new key cannot be kept; the old one goes on signing".to_owned()
        }
    };
    Failure::new(&codes::KEY_NOT_CHANGED, detail)
}
