//! Commands as they come: `{"action":"purchase",…}`, or the original's `{"type":…}` messages.

use marketplace_disputes::{Command as DisputeCommand, DisputeRefusal};
use marketplace_engine::{DeliveryRequest, EvidenceRequest, Refusal};
use marketplace_escrow::{Command as OrderCommand, OrderRefusal};
use marketplace_money::{ListingId, OrderId};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{Command, Step, Which, invalid};
use crate::{
    AcceptSettlementInput, AcceptSplitInput, ChangesInput, ContestInput, DeliveryInput,
    DisputeInput, EvidenceInput, Object, Problem, PurchaseInput, ServiceInput, SettlementInput,
    SplitInput, codes,
};

/// The original's envelope, and what bindings add to a command.
const ENVELOPE: [&str; 6] = ["from", "to", "id", "message_id", "timestamp", "idempotency_key"];

/// Names of actions, each with the one that it stands for.
const NAMES: [(&str, Action); 39] = [
    ("search", Action::Search),
    ("search_services", Action::Search),
    ("search_request", Action::Search),
    ("get_service", Action::ShowListing),
    ("quote", Action::Quote),
    ("list", Action::List),
    ("list_service", Action::List),
    ("purchase", Action::Purchase),
    ("purchase_request", Action::Purchase),
    ("buy", Action::Purchase),
    ("deliver", Action::Deliver),
    ("complete", Action::Complete),
    ("complete_order", Action::Complete),
    ("order_complete", Action::Complete),
    ("accept", Action::Accept),
    ("start", Action::Start),
    ("decline", Action::Decline),
    ("cancel", Action::Cancel),
    ("request_changes", Action::RequestChanges),
    ("claim_non_delivery", Action::ClaimNonDelivery),
    ("offer_split", Action::OfferSplit),
    ("accept_split", Action::AcceptSplit),
    ("get_order", Action::ShowOrder),
    ("order", Action::ShowOrder),
    ("status", Action::ShowOrder),
    ("wallet", Action::Wallet),
    ("balance", Action::Wallet),
    ("open_dispute", Action::OpenDispute),
    ("dispute", Action::OpenDispute),
    ("dispute_request", Action::OpenDispute),
    ("get_dispute", Action::ShowDispute),
    ("contest", Action::Contest),
    ("concede", Action::Concede),
    ("withdraw_dispute", Action::Withdraw),
    ("offer_settlement", Action::OfferSettlement),
    ("accept_settlement", Action::AcceptSettlement),
    ("appeal", Action::Appeal),
    ("add_evidence", Action::AddEvidence),
    ("evidence", Action::AddEvidence),
];

#[derive(Clone, Copy)]
enum Action {
    Search,
    ShowListing,
    Quote,
    List,
    Purchase,
    Deliver,
    Complete,
    Accept,
    Start,
    Decline,
    Cancel,
    RequestChanges,
    ClaimNonDelivery,
    OfferSplit,
    AcceptSplit,
    ShowOrder,
    Wallet,
    OpenDispute,
    ShowDispute,
    Contest,
    Concede,
    Withdraw,
    OfferSettlement,
    AcceptSettlement,
    Appeal,
    AddEvidence,
}

impl Command {
    /// Reads a command. `order` is the order that is spoken of when the command names none.
    ///
    /// # Errors
    /// When there is no such action, or a field cannot be read.
    pub fn read(mut map: Map<String, Value>, order: Option<OrderId>) -> Result<Self, Box<Problem>> {
        let name = map.remove("action").or_else(|| map.remove("type"));
        // `available_actions` spells some as the routes do.
        let name = name.as_ref().and_then(Value::as_str).unwrap_or_default().replace('-', "_");
        let Some((_, action)) = NAMES.iter().find(|(known, _)| *known == name) else {
            let detail = "`action` must be search, get_service, quote, list_service, purchase, \
                          deliver, accept, complete_order, start, decline, cancel, \
                          request_changes, claim_non_delivery, offer_split, accept_split, \
                          get_order, wallet, open_dispute, get_dispute, contest, concede, \
                          withdraw_dispute, offer_settlement, accept_settlement, appeal or \
                          add_evidence";
            return Err(Problem::new(&codes::UNKNOWN_MESSAGE_TYPE, detail).at("action").into());
        };
        for field in ENVELOPE {
            map.remove(field);
        }
        read(*action, map, order)
    }
}

fn read(
    action: Action,
    mut map: Map<String, Value>,
    order: Option<OrderId>,
) -> Result<Command, Box<Problem>> {
    let command = match action {
        Action::Search => Command::Search(Box::new(input(map)?)),
        Action::ShowListing => Command::ShowListing(listing(&mut map).and_then(nothing(&map))?),
        Action::Quote => Command::Quote(listing(&mut map).and_then(nothing(&map))?),
        Action::List => Command::List(Box::new(offer(map)?)),
        Action::Purchase => Command::Purchase(Box::new(purchase(map)?)),
        Action::Deliver => {
            let order = order_of(&mut map, order)?;
            Command::Deliver(order, Box::new(delivery(map)?))
        }
        Action::Complete => {
            let order = order_of(&mut map, order)?;
            Command::Complete(order, Box::new(delivery(map)?))
        }
        Action::ShowOrder => Command::ShowOrder(order_of(&mut map, order)?),
        Action::Wallet => Command::Wallet,
        Action::OpenDispute => open_dispute(map, order)?,
        Action::ShowDispute => {
            Command::ShowDispute(which(&mut map, order).and_then(nothing(&map))?)
        }
        Action::Contest
        | Action::Concede
        | Action::Withdraw
        | Action::OfferSettlement
        | Action::AcceptSettlement
        | Action::Appeal
        | Action::AddEvidence => {
            let which = which(&mut map, order)?;
            Command::ActOnDispute(which, Box::new(step(action, map)?))
        }
        action => {
            let order = order_of(&mut map, order)?;
            Command::Change(order, change(action, map)?)
        }
    };
    Ok(command)
}

fn change(action: Action, map: Map<String, Value>) -> Result<OrderCommand, Box<Problem>> {
    Ok(match action {
        Action::RequestChanges => {
            let ChangesInput { note } = input(map)?;
            OrderCommand::RequestChanges { note: note.into() }
        }
        Action::OfferSplit => {
            let offered: SplitInput = input(map)?;
            OrderCommand::OfferSplit { seller: offered.seller().map_err(|refusal| told(&refusal))? }
        }
        Action::AcceptSplit => {
            let agreed: AcceptSplitInput = input(map)?;
            OrderCommand::AcceptSplit {
                expected: agreed.expected().map_err(|refusal| told(&refusal))?,
            }
        }
        Action::Accept => only(&map, OrderCommand::Accept)?,
        Action::Start => only(&map, OrderCommand::Start)?,
        Action::Decline => only(&map, OrderCommand::Decline)?,
        Action::ClaimNonDelivery => only(&map, OrderCommand::ClaimNonDelivery)?,
        _ => only(&map, OrderCommand::Cancel)?,
    })
}

/// As the original has it: any JSON may come as `evidence`, and a category need not.
fn open_dispute(
    mut map: Map<String, Value>,
    order: Option<OrderId>,
) -> Result<Command, Box<Problem>> {
    let order = order_of(&mut map, order)?;
    let evidence = map.remove("evidence").map(|evidence| EvidenceRequest {
        bytes: evidence.to_string().into_bytes(),
        media_type: Some("application/json".to_owned()),
        note: String::new(),
    });
    map.insert("order_id".to_owned(), order.to_string().into());
    map.entry("category").or_insert_with(|| "other".into());
    let request = input::<DisputeInput>(map)?.request().map_err(|refusal| told(&refusal))?;
    Ok(Command::OpenDispute(Box::new(request), evidence.map(Box::new)))
}

/// By its own name, or by that of its order.
fn which(map: &mut Map<String, Value>, order: Option<OrderId>) -> Result<Which, Box<Problem>> {
    let none = || told(&DisputeRefusal::NotFound.into());
    match map.remove("dispute_id") {
        Some(Value::String(id)) => Ok(Which::Named(id.parse().map_err(|_| none())?)),
        Some(_) => Err(told(&invalid("dispute_id", "must name a dispute"))),
        None => Ok(Which::Of(order_of(map, order)?)),
    }
}

fn step(action: Action, map: Map<String, Value>) -> Result<Step, Box<Problem>> {
    let refused = |refusal: Refusal| told(&refusal);
    Ok(Step::Act(match action {
        Action::AddEvidence => {
            let request = input::<EvidenceInput>(map)?.request().map_err(refused)?;
            return Ok(Step::Evidence(request));
        }
        Action::Contest => {
            let ContestInput { bonded } = input(map)?;
            DisputeCommand::Contest { bonded: bonded.unwrap_or(true) }
        }
        Action::OfferSettlement => {
            let offered: SettlementInput = input(map)?;
            DisputeCommand::OfferSettlement {
                seller: offered.seller.amount("seller").map_err(refused)?,
            }
        }
        Action::AcceptSettlement => {
            let agreed: AcceptSettlementInput = input(map)?;
            let expected = agreed.seller.map(|seller| seller.amount("seller")).transpose();
            DisputeCommand::AcceptSettlement { expected: expected.map_err(refused)? }
        }
        Action::Concede => only(&map, DisputeCommand::Concede { everything: false })?,
        Action::Appeal => only(&map, DisputeCommand::Appeal)?,
        _ => only(&map, DisputeCommand::Withdraw)?,
    }))
}

/// A field that nobody reads was meant for something.
fn only<C>(map: &Map<String, Value>, command: C) -> Result<C, Box<Problem>> {
    match map.keys().next() {
        None => Ok(command),
        Some(field) => Err(unknown(field)),
    }
}

fn nothing<T>(map: &Map<String, Value>) -> impl FnOnce(T) -> Result<T, Box<Problem>> {
    let field = map.keys().next().cloned();
    move |value| match field {
        None => Ok(value),
        Some(field) => Err(unknown(&field)),
    }
}

fn unknown(field: &str) -> Box<Problem> {
    let short: String = field.chars().take(60).collect();
    let problem = Problem::new(&codes::INVALID_BODY, format!("unknown field `{short}`"));
    problem.at(short).into()
}

fn told(refusal: &Refusal) -> Box<Problem> {
    Problem::from(refusal).into()
}

/// The rest of a command, as an object of this shape.
fn input<T: DeserializeOwned>(map: Map<String, Value>) -> Result<T, Box<Problem>> {
    // Through text: numbers keep theirs, and every shape is checked as the routes check it.
    let text = Value::Object(map).to_string();
    match serde_json::from_str::<Object<T>>(&text) {
        Ok(Object(input)) => Ok(input),
        Err(error) => {
            let detail: String = error.to_string().chars().take(300).collect();
            Err(Problem::new(&codes::INVALID_BODY, detail).into())
        }
    }
}

fn listing(map: &mut Map<String, Value>) -> Result<ListingId, Box<Problem>> {
    let id = map.remove("listing_id").or_else(|| map.remove("service_id"));
    match id.as_ref().and_then(Value::as_str) {
        Some(id) => id.parse().map_err(|_| told(&Refusal::ListingNotFound)),
        None => Err(told(&invalid("listing_id", "must name a listing"))),
    }
}

fn order_of(map: &mut Map<String, Value>, order: Option<OrderId>) -> Result<OrderId, Box<Problem>> {
    match (map.remove("order_id"), order) {
        (Some(Value::String(id)), named) => {
            let id = id.parse().map_err(|_| told(&OrderRefusal::NotFound.into()))?;
            match named {
                Some(order) if order != id => {
                    Err(told(&invalid("order_id", "is not the order of this task")))
                }
                _ => Ok(id),
            }
        }
        (None, Some(order)) => Ok(order),
        _ => Err(told(&invalid("order_id", "must name an order"))),
    }
}

/// Flat, or under `service` as the original has it.
fn offer(mut map: Map<String, Value>) -> Result<marketplace_listings::Offer, Box<Problem>> {
    let service: ServiceInput = match map.remove("service") {
        Some(Value::Object(service)) => {
            nothing(&map)(())?;
            input(service)?
        }
        Some(_) => return Err(told(&invalid("service", "must be an object"))),
        None => input(map)?,
    };
    service.offer().map_err(|refusal| told(&refusal))
}

/// A buyer who speaks through an agent protocol may say the price as `max_total` nowhere: only
/// `expected_total` or a quote bind it.
fn purchase(mut map: Map<String, Value>) -> Result<PurchaseInput, Box<Problem>> {
    if let Some(id) = map.remove("service_id") {
        map.entry("listing_id").or_insert(id);
    }
    input(map)
}

/// Flat, or under `delivery` as the routes have it.
fn delivery(mut map: Map<String, Value>) -> Result<DeliveryRequest, Box<Problem>> {
    let delivery: DeliveryInput = match map.remove("delivery") {
        Some(Value::Object(delivery)) => {
            nothing(&map)(())?;
            input(delivery)?
        }
        Some(Value::Null) | None => input(map)?,
        Some(_) => return Err(told(&invalid("delivery", "must be an object"))),
    };
    delivery.request().map_err(|refusal| told(&refusal))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDER: &str = "0197f3a2-7c1e-7aaa-8b1b-0242ac120002";

    fn read(json: &str) -> Result<String, String> {
        let Ok(Value::Object(map)) = serde_json::from_str(json) else { panic!("{json}") };
        let command = Command::read(map, None);
        let name =
            |command: Command| format!("{command:?}").split(['(', ' ']).next().map(Into::into);
        command.map(|command| name(command).unwrap_or_default()).map_err(|p| p.detail().to_owned())
    }

    #[test]
    fn commands_and_the_originals_messages() {
        let check = |json: &str, expect: &str| {
            let json = json.replace("ORDER", ORDER);
            assert_eq!(read(&json).as_deref(), Ok(expect), "{json}");
        };
        check(r#"{"action":"search","query":"csv","max_price":5.5}"#, "Search");
        check(r#"{"type":"search_request","from":"did:a","limit":3}"#, "Search");
        check(r#"{"action":"quote","listing_id":"ORDER"}"#, "Quote");
        check(r#"{"action":"buy","listing_id":"ORDER","expected_total":"5.125"}"#, "Purchase");
        check(r#"{"type":"purchase_request","listing_id":"ORDER","from":"did:a"}"#, "Purchase");
        check(r#"{"action":"deliver","order_id":"ORDER","inline":"x"}"#, "Deliver");
        check(r#"{"action":"deliver","order_id":"ORDER","delivery":{"inline":"x"}}"#, "Deliver");
        check(r#"{"type":"order_complete","order_id":"ORDER","from":"did:a"}"#, "Complete");
        check(r#"{"action":"accept","order_id":"ORDER"}"#, "Change");
        check(r#"{"action":"offer_split","order_id":"ORDER","seller":"2.5"}"#, "Change");
        check(r#"{"action":"wallet"}"#, "Wallet");
        check(r#"{"type":"dispute_request","order_id":"ORDER","reason":"r"}"#, "OpenDispute");
        check(
            r#"{"action":"open-dispute","order_id":"ORDER","reason":"r","category":"late","evidence":{"a":1}}"#,
            "OpenDispute",
        );
        check(r#"{"action":"contest","dispute_id":"ORDER"}"#, "ActOnDispute");
        check(r#"{"action":"offer-settlement","order_id":"ORDER","seller":"1"}"#, "ActOnDispute");
        check(r#"{"action":"add_evidence","order_id":"ORDER","inline":"x"}"#, "ActOnDispute");
        check(r#"{"action":"get_dispute","order_id":"ORDER"}"#, "ShowDispute");
        check(
            r#"{"type":"list_service","service":{"type":"custom","name":"n","description":"d","price":1}}"#,
            "List",
        );
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let check = |json: &str, expect: &str| {
            let json = json.replace("ORDER", ORDER);
            let error = read(&json).unwrap_err();
            assert!(error.contains(expect), "{json}: {error}");
        };
        check("{}", "`action` must be");
        check(r#"{"action":7}"#, "`action` must be");
        check(r#"{"action":"accept"}"#, "order_id must name an order");
        check(r#"{"action":"accept","order_id":"ORDER","tip":1}"#, "unknown field `tip`");
        check(r#"{"action":"quote"}"#, "listing_id must name a listing");
        check(r#"{"action":"buy","listing_id":"ORDER","expected_totl":1}"#, "unknown field");
        check(r#"{"action":"list_service","service":[]}"#, "service must be an object");
        check(r#"{"action":"offer_split","order_id":"ORDER","seller":"x"}"#, "seller");
        check(r#"{"action":"open_dispute","order_id":"ORDER"}"#, "reason");
        check(r#"{"action":"appeal","order_id":"ORDER","tip":1}"#, "unknown field `tip`");
        check(r#"{"action":"contest","dispute_id":7}"#, "dispute_id must name a dispute");
    }
}
