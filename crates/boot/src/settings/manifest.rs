//! The agent card as the server shows it: with the values in force.

use std::fmt::Display;

use marketplace_api::AuthMode;
use marketplace_escrow::ExpiryPolicy;
use serde_json::{Map, Number, Value, json};

use super::Deployment;

impl Deployment {
    /// The card with the values in force. Numbers that did not change stay as they were written.
    #[must_use]
    pub fn manifest(&self, public_url: &str) -> Value {
        let mut card = self.card.json().clone();
        let config = &self.config;
        let expiry = match config.expiry {
            ExpiryPolicy::DeliveryGated => "delivery_gated",
            ExpiryPolicy::Release => "release",
        };
        let mode = match self.auth_mode {
            AuthMode::Required => "required",
            AuthMode::Open => "open",
        };
        let hours = format!("{} hours", self.dispute_timeout_hours);
        change(&mut card, "capabilities", |capabilities| {
            set(capabilities, "max_listings", number(config.max_listings));
            set(capabilities, "dispute_resolution", Value::Bool(true));
            set(capabilities, "expiry_policy", json!(expiry));
            change_in(capabilities, "fee_structure", |fees| {
                set(fees, "listing_fee", number(config.fees.listing));
                set(fees, "transaction_fee_percent", number(config.fees.transaction));
                set(fees, "dispute_fee", number(config.fees.dispute));
            });
        });
        change(&mut card, "economic_profile", |profile| {
            set(profile, "minimum_stake", number(config.stake));
            set(profile, "negative_reputation_collateral", number(config.collateral));
            let base = config.exposure_base.map_or(Value::Null, number);
            set(profile, "exposure_base", base);
        });
        change(&mut card, "authentication", |authentication| {
            set(authentication, "mode", json!(mode));
            set(authentication, "audiences", json!([config.did.as_str(), public_url]));
        });
        change(&mut card, "metadata", |metadata| {
            set(metadata, "dispute_resolution_time", Value::String(hours));
        });
        if let Value::Object(top) = &mut card {
            set(top, "did", json!(config.did.as_str()));
            set(top, "url", json!(public_url));
        }
        card
    }
}

type Fields = Map<String, Value>;

fn change(card: &mut Value, name: &str, by: impl FnOnce(&mut Fields)) {
    if let Value::Object(top) = card {
        change_in(top, name, by);
    }
}

/// Changes the object of this name; what is there and is no object makes place for one.
fn change_in(map: &mut Fields, name: &str, by: impl FnOnce(&mut Fields)) {
    let inner = map.entry(name).or_insert(Value::Null);
    if !inner.is_object() {
        *inner = json!({});
    }
    if let Value::Object(inner) = inner {
        by(inner);
    }
}

/// Keeps what is there when it is the same number in other words.
fn set(map: &mut Fields, name: &str, value: Value) {
    let same = match (map.get(name), &value) {
        (Some(Value::Number(before)), Value::Number(now)) => same_number(before, now),
        _ => false,
    };
    if !same {
        map.insert(name.to_owned(), value);
    }
}

fn same_number(one: &Number, other: &Number) -> bool {
    let amount = |number: &Number| number.to_string().parse::<marketplace_money::Amount>().ok();
    amount(one).is_some_and(|amount_one| amount(other) == Some(amount_one))
}

/// A JSON number with exactly these digits.
fn number(value: impl Display) -> Value {
    let text = value.to_string();
    text.parse::<Number>().map_or(Value::String(text), Value::Number)
}
