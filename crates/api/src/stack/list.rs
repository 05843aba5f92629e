//! `POST /api/v1/marketplace/listings`: a provider puts up a service.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use marketplace_listings::Listing;
use marketplace_wire::{ListingBody, StackListingInput};
use serde_json::json;

use super::{is_open, speaker};
use crate::answer::{Answer, text};
use crate::failure::Failure;
use crate::incoming::Received;
use crate::shell::Shell;

/// List a service, as clients of the original stack do
///
/// Answers `{"listing":{…}}`. New clients use `POST /api/v1/services/list`.
#[utoipa::path(
    post, path = "/api/v1/marketplace/listings", operation_id = "listServiceOnStack",
    tag = "stack", request_body = StackListingInput,
    responses((status = 200, description = "It can be found and bought", body = Object)),
)]
pub(crate) async fn list(
    State(shell): State<Shell>,
    received: Received,
) -> Result<Response, Failure> {
    received.require_caller(&shell)?;
    let input: StackListingInput = received.input()?;
    let did = speaker(&shell, &received, "provider_did", input.provider_did.as_deref())?.did;
    let offer = input.service(is_open(&shell)).offer()?;
    let reputation = shell.marketplace().reputation_of(&did).await?;
    let gaps = shell.gaps().await?;
    let answer = Answer::new(StatusCode::OK, move |listing: &Arc<Listing>| {
        text(&json!({ "listing": ListingBody::new(listing, reputation, &gaps) }))
    });
    let attempt = answer.idempotency(&received, &did)?;
    let done = shell.marketplace().list_service(&did, offer, attempt).await?;
    Ok(answer.respond(done))
}
