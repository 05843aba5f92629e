//! `GET /api/v1/webhooks/{webhook_id}/deliveries`: what became of letters.

use axum::extract::{Path, State};
use axum::response::Response;
use marketplace_wire::WebhookLogPage;

use super::{webhook, webhook_key};
use crate::answer::ok;
use crate::failure::Failure;
use crate::identity::Viewer;
use crate::shell::Shell;

/// Show the last tries of a webhook
///
/// Fifty at most, newest first.
#[utoipa::path(
    get, path = "/api/v1/webhooks/{webhook_id}/deliveries", operation_id = "listWebhookDeliveries",
    tag = "webhooks", params(("webhook_id" = String, Path, format = Uuid)),
    responses((status = 200, description = "Tries", body = WebhookLogPage)),
)]
pub(crate) async fn deliveries(
    State(shell): State<Shell>,
    Path(id): Path<String>,
    Viewer(viewer): Viewer,
) -> Result<Response, Failure> {
    let key = webhook_key(&id, &viewer.did)?;
    ok(&WebhookLogPage::from(&webhook(&shell, &key).await?))
}
