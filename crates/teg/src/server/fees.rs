//! `GET /token/fees/config` and `GET /token/fees/calculate`.

use axum::extract::{Query, State};
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::{Number, Value, json};

use super::App;
use super::fault::ThisRequest;
use super::reply::{Answer, Refusal, amount};

/// Where fees go.
const TREASURY: &str = "treasury";

#[derive(Deserialize)]
pub(super) struct Calculate {
    amount: String,
}

pub(super) async fn config(
    State(app): App,
    request: Option<Extension<ThisRequest>>,
) -> Json<Value> {
    let fee = app.fee(request.as_ref());
    // Millionths are hundredths of a per cent, twice over; written as text, so never rounded.
    let percent = format!("{}.{:04}", fee.millionths / 10_000, fee.millionths % 10_000);
    let percent: Number = percent.parse().unwrap_or_else(|_| Number::from(0));
    let most = fee.most.map_or_else(|| "0".to_owned(), |most| most.to_string());
    Json(json!({
        "fee_active": fee != marketplace_ports::TransferFee::default(),
        "fee_percentage": percent,
        "min_fee_amount": fee.least.to_string(),
        "max_fee_amount": most,
        "fee_recipient": TREASURY,
        "transfer_fee_amount": fee.flat.to_string(),
        "fee_collection_address": TREASURY,
    }))
}

pub(super) async fn calculate(
    State(app): App,
    request: Option<Extension<ThisRequest>>,
    Query(asked): Query<Calculate>,
) -> Answer {
    let amount = amount(&Value::String(asked.amount))?;
    let fee = app.fee(request.as_ref()).on(amount);
    let total = fee.and_then(|fee| amount.checked_add(fee));
    let (Some(fee), Some(total)) = (fee, total) else {
        return Err(Refusal::invalid(&["query", "amount"], "is out of range"));
    };
    Ok(Json(json!({
        "amount": amount.to_string(),
        "fee_amount": fee.to_string(),
        "total_amount": total.to_string(),
    })))
}
