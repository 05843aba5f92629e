//! Listings.

pub(crate) mod delist;
pub(crate) mod edit;
pub(crate) mod find_match;
pub(crate) mod list;
pub(crate) mod mine;
pub(crate) mod pause;
pub(crate) mod recommended;
pub(crate) mod renew;
pub(crate) mod resume;
pub(crate) mod search;
pub(crate) mod show;
pub(crate) mod similar;

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;
use marketplace_engine::{ListingChange, Refusal};
use marketplace_listings::Listing;
use marketplace_money::{Did, ListingId};
use marketplace_wire::ListingBody;

use crate::answer::{Answer, text};
use crate::failure::Failure;
use crate::incoming::Ordered;
use crate::shell::Shell;

/// The listing that a path names. What is no id names none.
fn listing_id(text: &str) -> Result<ListingId, Refusal> {
    text.parse().map_err(|_| Refusal::ListingNotFound)
}

/// A listing as its provider sees it after a command.
async fn listing_answer(
    shell: &Shell,
    provider: &Did,
    status: StatusCode,
) -> Result<Answer<Arc<Listing>>, Failure> {
    let reputation = shell.marketplace().reputation_of(provider).await?;
    let gaps = shell.gaps().await?;
    let body = move |listing: &Arc<Listing>| text(&ListingBody::new(listing, reputation, &gaps));
    Ok(Answer::new(status, body))
}

/// The provider changes its listing.
async fn change(
    shell: &Shell,
    id: &str,
    incoming: &Ordered,
    change: ListingChange,
) -> Result<Response, Failure> {
    let (listing, did) = (listing_id(id)?, &incoming.caller.did);
    let answer = listing_answer(shell, did, StatusCode::OK).await?;
    let attempt = answer.idempotency(&incoming.received, did)?;
    let done = incoming.market.change_listing(did, listing, change, attempt).await?;
    Ok(answer.respond(done))
}
