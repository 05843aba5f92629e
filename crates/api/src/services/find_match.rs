//! `POST /api/v1/services/match`: offers for what a buyer needs.

use axum::extract::State;
use axum::response::Response;
use marketplace_engine::Match;
use marketplace_wire::{FoundBody, MatchBody, MatchPage, NeedInput, Problem, QuoteBody, reasons};

use crate::answer::ok;
use crate::failure::Failure;
use crate::incoming::Incoming;
use crate::shell::Shell;
use marketplace_wire::quote_token;

/// Match a need
///
/// Say in words what you need, what you pay at most and until when: offers come ranked, with
/// reasons, each with a quote that you can buy with. Nothing is stored.
#[utoipa::path(
    post, path = "/api/v1/services/match", operation_id = "matchServices", tag = "services",
    request_body = NeedInput,
    responses((status = 200, description = "Offers, best first", body = MatchPage)),
)]
pub(crate) async fn find_match(
    State(shell): State<Shell>,
    incoming: Incoming,
) -> Result<Response, Failure> {
    let input: NeedInput = incoming.input()?;
    let need = input.read()?;
    let market = shell.marketplace();
    let matches = market.match_need(&incoming.caller.did, &need).await?;
    let matches = matches.map_err(|error| Problem::from(&error))?;
    let gaps = shell.gaps().await?;
    let (blend, expiry) = (market.config().blend, market.config().expiry.to_string());
    let body = |matched: &Match| {
        let signed = quote_token::sign(&shell.app.quote_key, &matched.quote);
        MatchBody {
            found: FoundBody::new(&matched.found, &gaps).explained(&matched.found, &blend),
            reasons: reasons(matched, &need),
            ready_quote: QuoteBody::new(&matched.quote, signed, expiry.clone()),
        }
    };
    ok(&MatchPage::new(matches.iter().map(body).collect()))
}
