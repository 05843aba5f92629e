//! The facts of the event log, as JSON.

use marketplace_escrow::{Order, OrderEvent};
use marketplace_listings::Listing;
use marketplace_money::Amount;
use serde_json::{Map, Value, json};

/// What an order's events say: enough to follow it without asking back.
pub(crate) fn order_data(order: &Order, event: Option<&OrderEvent>) -> String {
    use std::fmt::Write as _;
    // Written by hand because every purchase and release does it: ids, names and amounts need no
    // escaping; all words of strangers go through serde_json below.
    let mut text = String::with_capacity(160);
    let _ = write!(
        text,
        "{{\"version\":{},\"status\":\"{}\",\"phase\":\"{}\",\"total\":\"{}\"",
        order.version,
        order.status(),
        order.phase(),
        order.price.total
    );
    match event {
        None => {
            let _ = write!(
                text,
                ",\"listing_id\":\"{}\",\"listing_version\":{},\"price\":\"{}\",\"fee\":\"{}\"",
                order.listing, order.listing_version, order.price.price, order.price.fee
            );
        }
        Some(OrderEvent::Closed { shares: Some(shares), .. }) => {
            let _ = write!(
                text,
                ",\"listing_id\":\"{}\",\"seller_received\":\"{}\",\"buyer_received\":\"{}\",\
                 \"fee_collected\":\"{}\",\"price\":\"{}\",\"placed_at\":{}",
                order.listing,
                shares.seller,
                shares.buyer,
                shares.fee,
                order.price.price,
                order.created_at.micros()
            );
        }
        Some(OrderEvent::Delivered { delivery, .. }) => {
            let _ = write!(
                text,
                ",\"sha256\":\"{}\",\"size\":{}",
                hex(&delivery.sha256),
                delivery.size
            );
        }
        Some(OrderEvent::ChangesRequested { note, .. }) => {
            let _ = write!(text, ",\"note\":{}", Value::from(note.as_ref()));
        }
        Some(OrderEvent::SplitOffered(offer)) => {
            let _ = write!(text, ",\"by\":\"{}\",\"seller_share\":\"{}\"", offer.by, offer.seller);
        }
        Some(OrderEvent::DeliveryAnnounced(announced)) => {
            let uri = Value::from(announced.uri.as_ref());
            let _ = write!(text, ",\"sha256\":\"{}\",\"uri\":{uri}", hex(&announced.sha256));
        }
        Some(OrderEvent::Extended { by }) => {
            let _ = write!(text, ",\"seconds\":{}", by.0);
        }
        Some(_) => {}
    }
    text.push('}');
    text
}

/// A listing as it is after the event: the log keeps every version.
pub(crate) fn listing_data(listing: &Listing) -> String {
    listing_facts(listing).to_string()
}

/// The same of a new listing, with what it cost.
pub(crate) fn new_listing_data(listing: &Listing, fee: Amount) -> String {
    let mut facts = listing_facts(listing);
    facts["fee"] = Value::from(fee.to_string());
    facts.to_string()
}

fn listing_facts(listing: &Listing) -> Value {
    let offer = &listing.offer;
    let metadata: Value = serde_json::from_str(&offer.metadata).unwrap_or_default();
    let checks: Value = serde_json::from_str(&offer.terms.checks).unwrap_or_default();
    json!({
        "version": listing.version,
        "provider": listing.provider.as_str(),
        "status": listing.status.to_string(),
        "service_type": offer.service_type.to_string(),
        "name": offer.name,
        "description": offer.description,
        "price": offer.price.to_string(),
        "metadata": metadata,
        "terms": {
            "delivery_seconds": offer.terms.delivery.0,
            "revisions": offer.terms.revisions,
            "acceptance_policy": offer.terms.acceptance.to_string(),
            "pricing": offer.terms.pricing.to_string(),
            "exclusive": offer.terms.exclusive,
            "checks": checks,
        },
    })
}

/// Amounts and texts of the wallet's events.
pub(crate) fn wallet_data(amounts: &[(&str, Amount)], texts: &[(&str, &str)]) -> String {
    let mut map = Map::new();
    for (name, amount) in amounts {
        map.insert((*name).to_owned(), Value::from(amount.to_string()));
    }
    for (name, text) in texts {
        map.insert((*name).to_owned(), Value::from(*text));
    }
    Value::Object(map).to_string()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let nibbles = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    nibbles.map(|nibble| char::from(DIGITS[usize::from(nibble)])).collect()
}
