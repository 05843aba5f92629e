//! `GET /agent_card.json`: the original's manifest with the values in force.

use axum::extract::State;
use axum::response::Response;
use marketplace_fees::FeeSchedule;
use marketplace_ports::HouseRules;
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
    let now = market.now().await?;
    let (fees, rules) = (market.tariff().at(now), market.house_rules().at(now));
    if fees == market.config().fees && rules == market.config().house_rules() {
        return ok(manifest);
    }
    ok(&with_changes(manifest.clone(), fees, rules))
}

/// The operators changed something since the start.
fn with_changes(mut card: Value, fees: FeeSchedule, rules: HouseRules) -> Value {
    let number = |text: String| text.parse::<Number>().map_or(Value::String(text), Value::Number);
    let shown = &mut card["capabilities"]["fee_structure"];
    shown["listing_fee"] = number(fees.listing.to_string());
    shown["transaction_fee_percent"] = number(fees.transaction.to_string());
    shown["dispute_fee"] = number(fees.dispute.to_string());
    let shown = &mut card["economic_profile"];
    let base = rules.exposure_base;
    shown["exposure_base"] = base.map_or(Value::Null, |base| number(base.to_string()));
    shown["negative_reputation_collateral"] = number(rules.collateral.to_string());
    shown["dispute_bond"] = number(rules.dispute_bond.to_string());
    card
}
