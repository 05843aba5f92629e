//! `POST /api/v1/services/list`: a provider puts up a service.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use marketplace_wire::{ListingBody, ServiceInput};

use super::listing_answer;
use crate::failure::Failure;
use crate::incoming::Ordered;
use crate::shell::Shell;

/// List a service
///
/// The listing fee is taken from your balance (or pulled from the TEG) in the same commit: a
/// refused listing costs nothing.
#[utoipa::path(
    post, path = "/api/v1/services/list", operation_id = "listService", tag = "services",
    request_body = ServiceInput,
    responses((status = 201, description = "It can be found and bought", body = ListingBody)),
)]
pub(crate) async fn list(
    State(shell): State<Shell>,
    incoming: Ordered,
) -> Result<Response, Failure> {
    let offer = incoming.input::<ServiceInput>()?.offer()?;
    let did = &incoming.caller.did;
    let answer = listing_answer(&shell, did, StatusCode::CREATED).await?;
    let attempt = answer.idempotency(&incoming.received, did)?;
    let done = incoming.market.list_service(did, offer, attempt).await?;
    Ok(answer.respond(done))
}
