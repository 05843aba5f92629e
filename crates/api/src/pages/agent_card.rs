//! `GET /agent_card.json`: the original's manifest with the values in force.

use axum::extract::State;
use axum::response::Response;
use marketplace_fees::FeeSchedule;
use serde_json::{Number, Value};

use crate::answer::ok;
use crate::failure::Failure;
use crate::shell::Shell;

/// Show the agent card
///
/// The original's manifest, with the fees, limits and policies that are in force.
#[utoipa::path(
    get, path = "/agent_card.json", operation_id = "showAgentCard", tag = "about", security(()),
    responses((status = 200, description = "The card", body = Object)),
)]
pub(crate) async fn agent_card(State(shell): State<Shell>) -> Result<Response, Failure> {
    let (market, manifest) = (shell.marketplace(), &shell.app.settings.manifest);
    let fees = market.fees().await?;
    if fees == market.config().fees {
        return ok(manifest);
    }
    ok(&with_fees(manifest.clone(), fees))
}

/// The operators changed the fees since the start.
fn with_fees(mut card: Value, fees: FeeSchedule) -> Value {
    let number = |text: String| text.parse::<Number>().map_or(Value::String(text), Value::Number);
    let shown = &mut card["capabilities"]["fee_structure"];
    shown["listing_fee"] = number(fees.listing.to_string());
    shown["transaction_fee_percent"] = number(fees.transaction.to_string());
    shown["dispute_fee"] = number(fees.dispute.to_string());
    card
}
