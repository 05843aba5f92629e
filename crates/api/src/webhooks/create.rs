//! `POST /api/v1/webhooks`: an agent wants to be told.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use marketplace_wire::{WebhookBody, WebhookInput};
use uuid::Uuid;

use crate::answer::{json, text};
use crate::failure::Failure;
use crate::incoming::Incoming;
use crate::shell::Shell;

/// Set up a webhook
///
/// From now on events that concern you are posted there, at least once and in order, as
/// `/api/v1/events` tells them, signed as Standard Webhooks says: `webhook-id`,
/// `webhook-timestamp`, `webhook-signature` with `v1` (HMAC with the secret, shown this once) and
/// `v1a` (Ed25519 with our key, see `/.well-known/jwks.json`). What is not taken is tried again,
/// further and further apart; after twelve failures the webhook is paused, and an event
/// `webhook.paused` says so. An address that only this machine or its network reaches is refused;
/// a host whose name means nothing yet is taken, with a `warning`.
#[utoipa::path(
    post, path = "/api/v1/webhooks", operation_id = "createWebhook", tag = "webhooks",
    request_body = WebhookInput,
    responses((status = 201, description = "The webhook, with its secret", body = WebhookBody)),
)]
pub(crate) async fn create(
    State(shell): State<Shell>,
    incoming: Incoming,
) -> Result<Response, Failure> {
    let input: WebhookInput = incoming.input()?;
    let market = shell.marketplace();
    let mut random = [0; 24];
    let (first, second) = (Uuid::new_v4(), Uuid::new_v4());
    let bytes = first.as_bytes().iter().chain(second.as_bytes());
    random.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    let (position, now) = (market.feed_head().await?, market.now().await?);
    let hook = input.hook(random, position, now)?;
    let warning = market.check_endpoint(&hook.url).await?;
    let (id, hook) = market.add_hook(&incoming.caller.did, hook).await?;
    let body = text(&WebhookBody::new(id, &hook).with_secret(&hook).with_warning(warning));
    let mut response = json(StatusCode::CREATED, body);
    let no_store = HeaderValue::from_static("no-store");
    response.headers_mut().insert(header::CACHE_CONTROL, no_store);
    Ok(response)
}
