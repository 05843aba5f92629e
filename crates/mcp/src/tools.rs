//! The tools: names, words and schemas as data.

use std::sync::Arc;

use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use serde_json::{Value, json};

/// A tool: its name and that of its action, what it does, what it takes and must have, what it
/// answers, and whether it changes nothing.
struct Row {
    name: &'static str,
    action: &'static str,
    words: &'static str,
    takes: fn() -> Value,
    needs: &'static [&'static str],
    answers: fn() -> Value,
    reads: bool,
}

fn text(words: &str) -> Value {
    json!({ "type": "string", "description": words })
}

fn amount(words: &str) -> Value {
    let words = format!("{words}; AVT as a decimal string, such as \"5.125\"");
    json!({ "type": ["string", "number"], "description": words })
}

fn id(words: &str) -> Value {
    json!({ "type": "string", "format": "uuid", "description": words })
}

/// An object that must have these members and may have more.
fn answer(members: Value, needs: &[&str]) -> Value {
    let mut schema = json!({ "type": "object", "required": needs });
    schema["properties"] = members;
    schema
}

fn order() -> Value {
    answer(
        json!({
            "order_id": id("Its name"),
            "status": text("PENDING, ESCROW_FUNDED, COMPLETED, REFUNDED or EXPIRED"),
            "phase": text("Tells more than the status"),
            "buyer": text("A DID"),
            "seller": text("A DID"),
            "amount": text("What the seller gets"),
            "fee": text("What the marketplace gets"),
            "total": text("What the buyer pays"),
            "expires_at": text("When the order ends by itself"),
            "available_actions": {
                "type": "array", "items": { "type": "object" },
                "description": "What the caller may do now",
            },
        }),
        &["order_id", "status", "phase", "buyer", "seller", "total", "available_actions"],
    )
}

fn listing() -> Value {
    answer(
        json!({
            "id": id("Its name"), "name": text("What is sold"), "price": text("Without the fee"),
            "provider_did": text("Who sells"), "status": text("active, paused, …"),
        }),
        &["id", "name", "price", "provider_did", "status"],
    )
}

fn page() -> Value {
    answer(
        json!({
            "results": { "type": "array", "items": { "type": "object" } },
            "count": { "type": "integer" }, "total": { "type": "integer" },
            "next_cursor": text("Where the next page begins; absent at the end"),
        }),
        &["results", "count", "total"],
    )
}

fn quote() -> Value {
    let members = json!({
        "quote": text("Pass it to purchase"), "price": text("What the seller gets"),
        "fee": text("What the marketplace gets"), "total": text("What the buyer pays"),
        "valid_until": text("Until when this is promised"),
    });
    answer(members, &["quote", "price", "fee", "total", "valid_until"])
}

fn wallet() -> Value {
    let members = json!({
        "did": text("Whose"), "available": text("To spend"), "in_escrow": text("In open orders"),
        "in_bonds": text("In disputes"), "in_flight": text("On its way out"),
    });
    answer(members, &["did", "available", "in_escrow"])
}

fn dispute() -> Value {
    let members = json!({
        "dispute_id": id("Its name"), "order_id": id("About which order"),
        "phase": text("Such as AWAITING_RESPONSE or FINAL"),
        "disputer": text("buyer or seller"), "category": text("What is said to be wrong"),
        "remedy": text("How much of the price is wanted"),
        "available_actions": {
            "type": "array", "items": { "type": "object" },
            "description": "What the caller may do now",
        },
    });
    answer(members, &["dispute_id", "order_id", "phase", "available_actions"])
}

/// What every act on a dispute takes, and more.
fn of_dispute(more: Value) -> Value {
    let mut takes = json!({
        "order_id": id("Whose dispute"),
        "dispute_id": id("Which dispute, where the order is not named"),
        "idempotency_key": text("The same key and arguments act once"),
    });
    if let (Value::Object(takes), Value::Object(more)) = (&mut takes, more) {
        takes.extend(more);
    }
    takes
}

fn an_order() -> Value {
    json!({ "order_id": id("Which order") })
}

const ROWS: [Row; 22] = [
    Row {
        name: "search_services",
        action: "search",
        words: "Find services that agents sell. Anybody may.",
        takes: || {
            json!({
                "query": text("Words that must all be there"),
                "service_type": text("data-processing, computation, storage, analysis or custom"),
                "min_price": amount("Listed price from here"),
                "max_price": amount("Listed price up to here"),
                "min_reputation": amount("Standing of the provider from here, -100 to 100"),
                "provider": text("Only listings of this DID"),
                "sort": text("relevance, price_asc, price_desc, newest or reputation"),
                "cursor": text("next_cursor of the page before"),
                "limit": { "type": "integer", "minimum": 1, "maximum": 1000 },
            })
        },
        needs: &[],
        answers: page,
        reads: true,
    },
    Row {
        name: "get_service",
        action: "get_service",
        words: "Show one listing with its terms. Anybody may.",
        takes: || json!({ "listing_id": id("Which listing") }),
        needs: &["listing_id"],
        answers: listing,
        reads: true,
    },
    Row {
        name: "list_service",
        action: "list_service",
        words: "Put up a service for sale. The listing fee is taken from your balance.",
        takes: || {
            json!({
                "service_type": text("data-processing, computation, storage, analysis or custom"),
                "name": text("One line"),
                "description": text("What it is"),
                "price": amount("What you get"),
                "metadata": { "type": "object" },
                "terms": { "type": "object", "description": "delivery_seconds, revisions, …" },
                "idempotency_key": text("The same key and arguments list once"),
            })
        },
        needs: &["service_type", "name", "description", "price"],
        answers: listing,
        reads: false,
    },
    Row {
        name: "quote",
        action: "quote",
        words: "Price, fee and total of a listing, promised to you for five minutes.",
        takes: || json!({ "listing_id": id("Which listing") }),
        needs: &["listing_id"],
        answers: quote,
        reads: true,
    },
    Row {
        name: "purchase",
        action: "purchase",
        words: "Buy a service: the total goes from your balance into escrow until you accept the \
                work.",
        takes: || {
            json!({
                "listing_id": id("Which listing"),
                "expected_total": amount("Refuse at any other total"),
                "quote": text("A quote of yours"),
                "acceptance_policy": text("buyer_confirms, verified or auto_on_delivery"),
                "payment": { "type": "object", "description": "{\"method\":\"transfer\"}, …" },
                "idempotency_key": text("The same key and arguments buy once"),
            })
        },
        needs: &["listing_id"],
        answers: order,
        reads: false,
    },
    Row {
        name: "start",
        action: "start",
        words: "As the seller, say that you have begun.",
        takes: an_order,
        needs: &["order_id"],
        answers: order,
        reads: false,
    },
    Row {
        name: "deliver",
        action: "deliver",
        words: "As the seller, hand over the work: inline, inline_base64, or uri with sha256.",
        takes: || {
            json!({
                "order_id": id("Which order"),
                "inline": text("The work as text"),
                "inline_base64": text("The work as bytes"),
                "uri": text("Where the work is; with sha256"),
                "sha256": text("Of the bytes, in hexadecimal"),
                "media_type": text("Of the work"),
                "note": text("For the buyer"),
                "idempotency_key": text("The same key and arguments deliver once"),
            })
        },
        needs: &["order_id"],
        answers: order,
        reads: false,
    },
    Row {
        name: "complete_order",
        action: "complete_order",
        words: "As the buyer, accept the work: the seller is paid. As the seller, deliver.",
        takes: || {
            json!({
                "order_id": id("Which order"),
                "delivery": { "type": "object", "description": "As the arguments of deliver" },
                "idempotency_key": text("The same key and arguments complete once"),
            })
        },
        needs: &["order_id"],
        answers: order,
        reads: false,
    },
    Row {
        name: "request_changes",
        action: "request_changes",
        words: "As the buyer, ask for changes to the work.",
        takes: || json!({ "order_id": id("Which order"), "note": text("What shall be different") }),
        needs: &["order_id"],
        answers: order,
        reads: false,
    },
    Row {
        name: "cancel",
        action: "cancel",
        words: "As the buyer, cancel an order that nobody has begun: your money comes back.",
        takes: an_order,
        needs: &["order_id"],
        answers: order,
        reads: false,
    },
    Row {
        name: "decline",
        action: "decline",
        words: "As the seller, decline or refund an order: the buyer has its money back.",
        takes: an_order,
        needs: &["order_id"],
        answers: order,
        reads: false,
    },
    Row {
        name: "claim_non_delivery",
        action: "claim_non_delivery",
        words: "As the buyer, take your money back when nothing was delivered in time.",
        takes: an_order,
        needs: &["order_id"],
        answers: order,
        reads: false,
    },
    Row {
        name: "get_order",
        action: "get_order",
        words: "Show one of your orders: where it is, and what you may do now.",
        takes: an_order,
        needs: &["order_id"],
        answers: order,
        reads: true,
    },
    Row {
        name: "open_dispute",
        action: "open_dispute",
        words: "Dispute an order: a bond of 10 AVT and a fee of 1 AVT are taken from your balance. \
                The order's clocks stand still meanwhile.",
        takes: || {
            json!({
                "order_id": id("Which order"),
                "category": text("non_delivery, wrong_content, failed_checks, poor_quality, \
                                  incomplete, late, duplicate, buyer_refuses or other"),
                "remedy": text("quarter, half, three_quarters or full: what you want back"),
                "reason": text("In your words"),
                "evidence": { "description": "Any JSON that shows it" },
                "idempotency_key": text("The same key and arguments dispute once"),
            })
        },
        needs: &["order_id", "reason"],
        answers: dispute,
        reads: false,
    },
    Row {
        name: "get_dispute",
        action: "get_dispute",
        words: "Show the dispute of an order: where it is, and what you may do now.",
        takes: || json!({ "order_id": id("Whose dispute"), "dispute_id": id("Which dispute") }),
        needs: &[],
        answers: dispute,
        reads: true,
    },
    Row {
        name: "add_evidence",
        action: "add_evidence",
        words: "As a party, hand in evidence: inline or inline_base64.",
        takes: || {
            of_dispute(json!({
                "inline": text("As text"), "inline_base64": text("As bytes"),
                "media_type": text("Of the evidence"), "note": text("What it shows"),
            }))
        },
        needs: &[],
        answers: dispute,
        reads: false,
    },
    Row {
        name: "contest_dispute",
        action: "contest",
        words: "As the other side, disagree, with the counter-bond that available_actions names. \
                Who is silent loses.",
        takes: || {
            of_dispute(json!({
                "bonded": { "type": "boolean", "description": "false only if you cannot pay it" },
            }))
        },
        needs: &[],
        answers: dispute,
        reads: false,
    },
    Row {
        name: "concede_dispute",
        action: "concede",
        words: "Give the other side what it claims.",
        takes: || of_dispute(json!({})),
        needs: &[],
        answers: dispute,
        reads: false,
    },
    Row {
        name: "offer_settlement",
        action: "offer_settlement",
        words: "Propose that the seller gets this part of the price, and end the dispute.",
        takes: || of_dispute(json!({ "seller": amount("What the seller gets") })),
        needs: &["seller"],
        answers: dispute,
        reads: false,
    },
    Row {
        name: "accept_settlement",
        action: "accept_settlement",
        words: "Agree with the other side's proposal.",
        takes: || of_dispute(json!({ "seller": amount("As you know it: another is refused") })),
        needs: &[],
        answers: dispute,
        reads: false,
    },
    Row {
        name: "appeal_ruling",
        action: "appeal",
        words: "Have a larger panel look at a ruling, with the bond that available_actions names.",
        takes: || of_dispute(json!({})),
        needs: &[],
        answers: dispute,
        reads: false,
    },
    Row {
        name: "wallet",
        action: "wallet",
        words: "Show what you have here and at the TEG.",
        takes: || json!({}),
        needs: &[],
        answers: wallet,
        reads: true,
    },
];

fn object(value: Value) -> Arc<JsonObject> {
    match value {
        Value::Object(map) => Arc::new(map),
        _ => Arc::default(),
    }
}

fn tool(row: &Row) -> Tool {
    let input = json!({
        "type": "object", "properties": (row.takes)(), "required": row.needs,
        "additionalProperties": false,
    });
    let hints = ToolAnnotations::new().read_only(row.reads).open_world(false);
    Tool::new(row.name, row.words, object(input))
        .with_raw_output_schema(object((row.answers)()))
        .with_annotations(hints)
}

/// All tools.
pub(crate) fn all() -> Vec<Tool> {
    ROWS.iter().map(tool).collect()
}

/// The tool of this name.
pub(crate) fn named(name: &str) -> Option<Tool> {
    ROWS.iter().find(|row| row.name == name).map(tool)
}

/// The action that a tool stands for.
pub(crate) fn action(name: &str) -> Option<&'static str> {
    ROWS.iter().find(|row| row.name == name).map(|row| row.action)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_is_a_command() {
        const ID: &str = "0197f3a2-7c1e-7aaa-8b1b-0242ac120002";
        for row in &ROWS {
            let mut map = JsonObject::from_iter([("action".to_owned(), row.action.into())]);
            if row.needs.is_empty() && (row.takes)().get("order_id").is_some() {
                map.insert("order_id".to_owned(), ID.into());
            }
            if row.action == "add_evidence" {
                map.insert("inline".to_owned(), "x".into());
            }
            for field in row.needs {
                let value = if field.ends_with("_id") { ID } else { "1" };
                if row.action == "offer_settlement" {
                    map.insert("order_id".to_owned(), ID.into());
                }
                let value = if *field == "service_type" { "custom" } else { value };
                map.insert((*field).to_owned(), value.into());
            }
            let read = marketplace_wire::trade::Command::read(map, None);
            assert!(read.is_ok(), "{}: {read:?}", row.name);
            assert_eq!(read.unwrap().is_read(), row.reads, "{}", row.name);
        }
    }
}
