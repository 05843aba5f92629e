//! `GET /api/v1/webhooks`: the caller's webhooks.

use axum::extract::State;
use axum::response::Response;
use marketplace_engine::HookKind;
use marketplace_wire::{WebhookBody, WebhookPage};

use crate::answer::ok;
use crate::failure::Failure;
use crate::identity::Viewer;
use crate::shell::Shell;

/// List your webhooks
///
/// Oldest first, without their secrets.
#[utoipa::path(
    get, path = "/api/v1/webhooks", operation_id = "listWebhooks", tag = "webhooks",
    responses((status = 200, description = "Your webhooks", body = WebhookPage)),
)]
pub(crate) async fn list(
    State(shell): State<Shell>,
    Viewer(viewer): Viewer,
) -> Result<Response, Failure> {
    let mut hooks = shell.marketplace().hooks(&viewer.did).await?;
    hooks.retain(|(_, hook)| hook.kind == HookKind::Webhook);
    hooks.sort_by_key(|(id, hook)| (hook.created_at, *id));
    let results = hooks.iter().map(|(id, hook)| WebhookBody::new(*id, hook)).collect();
    ok(&WebhookPage { results })
}
