//! `list_service`: a provider puts up a service.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;
use marketplace_listings::Listing;
use marketplace_money::Gaps;
use marketplace_wire::{ListMessage, listed_reply};

use super::No;
use crate::answer::Answer;
use crate::failure::Failure;
use crate::incoming::Received;
use crate::shell::Shell;

const NO: No = No { reply: "listing_response", status: "rejected" };

pub(super) async fn list_service(shell: &Shell, received: &Received) -> Result<Response, Failure> {
    let message: ListMessage<'_> = received.input()?;
    let did = received.sender(shell, &message.from)?.did;
    let offer = match message.service.0.offer() {
        Ok(offer) => offer,
        Err(refusal) => return Ok(NO.because(&refusal)),
    };
    // A listing that begins now has seen no downtime.
    let reply = |listing: &Arc<Listing>| listed_reply(listing, &Gaps::none());
    let answer = Answer::new(StatusCode::OK, reply);
    let attempt = answer.idempotency(received, &did)?;
    match shell.marketplace().list_service(&did, offer, attempt).await {
        Ok(done) => Ok(answer.respond(done)),
        Err(error) => NO.to(error),
    }
}
