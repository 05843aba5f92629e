//! `POST /api/v1/webhooks/{webhook_id}/{action}`: ping, pause, resume, replay, remove.

use axum::extract::{Path, State};
use axum::response::Response;
use marketplace_engine::{HookStatus, Refusal};
use marketplace_wire::{ReplayInput, WebhookBody};

use super::{webhook, webhook_key};
use crate::answer::ok;
use crate::failure::Failure;
use crate::incoming::Incoming;
use crate::shell::Shell;

/// Act on a webhook
///
/// `ping` posts a test letter; `pause` and `resume` keep its place, and what was missed comes
/// later; `replay {"from":1,"to":99}` posts events of that range of positions again; `remove` ends
/// it.
#[utoipa::path(
    post, path = "/api/v1/webhooks/{webhook_id}/{action}", operation_id = "actOnWebhook",
    tag = "webhooks",
    params(
        ("webhook_id" = String, Path, format = Uuid),
        ("action" = String, Path, description = "ping, pause, resume, replay or remove"),
    ),
    request_body = Option<ReplayInput>,
    responses((status = 200, description = "The webhook afterwards", body = WebhookBody)),
)]
pub(crate) async fn act(
    State(shell): State<Shell>,
    Path((id, action)): Path<(String, String)>,
    incoming: Incoming,
) -> Result<Response, Failure> {
    let key = webhook_key(&id, &incoming.caller.did)?;
    let (market, name) = (shell.marketplace(), key.task);
    webhook(&shell, &key).await?;
    if action == "replay" {
        let ReplayInput { from, to } = incoming.input()?;
        let hook = market.replay_hook(key, from.saturating_sub(1), to).await?;
        return ok(&WebhookBody::new(name, &hook));
    }
    incoming.expect_nothing()?;
    let hook = match action.as_str() {
        "ping" => {
            {
                market.change_hook(key, None, |hook| {
                    hook.ping = true;
                    Ok(())
                })
            }
            .await?
        }
        "pause" => {
            {
                market.change_hook(key, Some("webhook.paused"), |hook| {
                    hook.status = HookStatus::Paused;
                    Ok(())
                })
            }
            .await?
        }
        "resume" => {
            {
                market.change_hook(key, Some("webhook.resumed"), |hook| {
                    (hook.status, hook.failures, hook.next_try) = (HookStatus::Active, 0, 0);
                    Ok(())
                })
            }
            .await?
        }
        "remove" => market.end_hook(key).await?,
        _ => return Err(Refusal::NotFound.into()),
    };
    ok(&WebhookBody::new(name, &hook))
}
