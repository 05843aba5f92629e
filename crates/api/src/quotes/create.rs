//! `POST /api/v1/quotes`: a buyer asks what a listing costs.

use axum::extract::State;
use axum::response::Response;
use marketplace_engine::Refusal;
use marketplace_money::ListingId;
use marketplace_wire::{QuoteBody, QuoteInput, quote_token};

use crate::answer::ok;
use crate::failure::Failure;
use crate::incoming::Incoming;
use crate::shell::Shell;

/// Ask for a quote
///
/// Price, fee and total are promised to you for five minutes; pass `quote` when you buy. Nothing
/// is stored, so a repeated request is a new quote.
#[utoipa::path(
    post, path = "/api/v1/quotes", operation_id = "createQuote", tag = "orders",
    request_body = QuoteInput,
    responses((status = 200, description = "The promise", body = QuoteBody)),
)]
pub(crate) async fn create(
    State(shell): State<Shell>,
    incoming: Incoming,
) -> Result<Response, Failure> {
    let input: QuoteInput = incoming.input()?;
    let listing: ListingId = input.listing_id.parse().map_err(|_| Refusal::ListingNotFound)?;
    let quote = shell.marketplace().quote(&incoming.caller.did, listing).await?;
    let signed = quote_token::sign(&shell.app.quote_key, &quote);
    let expiry_policy = shell.marketplace().config().expiry.to_string();
    ok(&QuoteBody::new(&quote, signed, expiry_policy))
}
