//! The trade over A2A: what messages do in the product.

use std::sync::Arc;

use async_trait::async_trait;
use marketplace_engine::Beside;
use marketplace_escrow::Command as OrderCommand;
use marketplace_money::OrderId;
use marketplace_ports::TaskKey;
use marketplace_wire::trade::{Attempt, Command, Outcome, Trader};
use marketplace_wire::{Guest, Problem};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::behaviour::{Act, Behaviour, Turn};
use crate::error::{
    A2aError, FORGED_FROM, INVALID_PARAMS, TASK_NOT_CANCELABLE, UNSUPPORTED_OPERATION,
};
use crate::http::check_key;
use crate::kept::{Kept, Step};
use crate::service::{A2a, note, order_named};
use crate::standing::{NewTask, Standing};
use crate::types::{Artifact, Message, Part, Role, Task, TaskState, TaskStatus};

/// Names the binding in idempotency records.
const ROUTE: &str = "A2A";
const HELP: &str = "I understand: search <words> [under <price>] [over <price>]; quote <listing>; \
    buy <listing>; deliver <order> <text>; accept <order>; cancel <order>; dispute <order> <reason>; \
    order <order>; balance. \
    Or a data part, such as {\"action\":\"purchase\",\"listing_id\":\"…\"}.";

/// What messages do in the product.
pub struct Trade {
    /// Signs quotes; all replicas and bindings share it.
    pub quote_key: [u8; 32],
}

/// A message as a command.
struct Asked {
    command: Command,
    /// The original's name of it, whose reply is wanted.
    original: Option<String>,
    attempt: Option<Attempt>,
}

#[async_trait]
impl Behaviour for Trade {
    async fn act(&self, a2a: &A2a, turn: Turn<'_>) -> Result<Act, A2aError> {
        let Some(Asked { command, original, attempt }) = read(&turn)? else {
            return Ok(Act::Message(Box::new(agent(&turn, vec![Part::text(HELP)]))));
        };
        if turn.guest.is_none() && !command.is_public() {
            return Err(A2aError::nobody());
        }
        let beside = beside(&turn, &command);
        let marketplace = match beside {
            Some(beside) => a2a.marketplace.beside(beside),
            None => a2a.marketplace.clone(),
        };
        let trader = Trader {
            marketplace: &marketplace,
            quote_key: &self.quote_key,
            did: turn.guest.map(|guest| &guest.caller.did),
            route: ROUTE,
        };
        match trader.perform(command, attempt).await {
            Ok(outcome) => done(a2a, &turn, outcome, original.as_deref()).await,
            Err(problem) => refused(a2a, &turn, *problem, original.as_deref()).await,
        }
    }

    async fn cancel(
        &self,
        a2a: &A2a,
        guest: &Guest,
        task: &Standing,
    ) -> Result<Standing, A2aError> {
        let Some(order) = task.order else {
            return Err(A2aError::new(TASK_NOT_CANCELABLE, "The task is at its end"));
        };
        let did = &guest.caller.did;
        if a2a.marketplace.is_frozen(did) {
            return Err(marketplace_wire::frozen().into());
        }
        let beside = Beside { proof: guest.proof.clone(), ..Beside::default() };
        let marketplace = a2a.marketplace.beside(beside);
        let done = marketplace.change_order(did, order, OrderCommand::Cancel, None).await;
        match done {
            Ok(_) => a2a.standing(did, &task.key.task.to_string()).await,
            Err(error) => Err(match A2aError::from(error) {
                // The rules say no: that is what the protocol's error says.
                A2aError::Protocol { kind: UNSUPPORTED_OPERATION, detail, field, code } => {
                    A2aError::Protocol { kind: TASK_NOT_CANCELABLE, detail, field, code }
                }
                other => other,
            }),
        }
    }
}

/// What is written in the commit of the command: the proof is used up, and the message is noted.
fn beside(turn: &Turn<'_>, command: &Command) -> Option<Beside> {
    let guest = turn.guest?;
    if command.is_read() {
        return None;
    }
    let beside = Beside { proof: guest.proof.clone(), ..Beside::default() };
    let owner = guest.caller.did.clone();
    Some(match command.order() {
        Some(order) => beside.with_task(TaskKey { task: order.uuid(), owner }, note(turn)),
        None if command.makes_order() => beside.with_new_order(owner, note(turn)),
        None => beside,
    })
}

/// Reads a message: one data part, or words. Nothing, when the words are none of ours.
fn read(turn: &Turn<'_>) -> Result<Option<Asked>, A2aError> {
    let order = order_named(turn.task);
    let data: Vec<&Value> =
        turn.message.parts.iter().filter_map(|part| part.data.as_ref()).collect();
    let map = match data.as_slice() {
        [Value::Object(map)] => map.clone(),
        [] => {
            let texts = turn.message.parts.iter().filter_map(|part| part.text.as_deref());
            match words(&texts.collect::<Vec<_>>().join(" "), order) {
                Some(map) => map,
                None => return Ok(None),
            }
        }
        _ => {
            let detail = "A message takes one data part, an object";
            return Err(A2aError::new(INVALID_PARAMS, detail));
        }
    };
    check_sender(turn, &map)?;
    let original = map.get("type").and_then(Value::as_str).map(str::to_owned);
    let attempt = attempt(turn, &map)?;
    let mut map = map;
    if !map.contains_key("action") && original.is_none() {
        return Err(A2aError::invalid("action", "must name what to do, such as purchase"));
    }
    map.retain(|_, value| !value.is_null());
    let command = Command::read(map, order).map_err(A2aError::from)?;
    Ok(Some(Asked { command, original, attempt }))
}

/// Nobody speaks for another.
fn check_sender(turn: &Turn<'_>, map: &Map<String, Value>) -> Result<(), A2aError> {
    let Some(guest) = turn.guest else { return Ok(()) };
    let did = guest.caller.did.as_str();
    for field in ["from", "buyer", "buyer_did", "sellerDid"] {
        for said in [map.get(field), turn.message.metadata.get(field), turn.metadata.get(field)] {
            if said.is_some_and(|said| said.as_str() != Some(did)) {
                let detail = format!("`{field}` must be {did}, for whom the token speaks");
                return Err(A2aError::new(FORGED_FROM, detail));
            }
        }
    }
    Ok(())
}

/// Business idempotency is by the caller's key, never by the message's name.
fn attempt(turn: &Turn<'_>, map: &Map<String, Value>) -> Result<Option<Attempt>, A2aError> {
    let said = map.get("idempotency_key").or_else(|| turn.message.metadata.get("idempotency_key"));
    let key = match said {
        Some(Value::String(key)) => {
            check_key(key)?;
            Some(key.as_str())
        }
        Some(_) => return Err(A2aError::invalid("idempotency_key", "must be a string")),
        None => turn.idempotency_key,
    };
    let command = Value::Object(map.clone()).to_string();
    Ok(key.map(|key| Attempt::new(key.to_owned(), &command)))
}

/// The small grammar of clients that have only words.
fn words(text: &str, order: Option<OrderId>) -> Option<Map<String, Value>> {
    let mut rest = text.split_whitespace();
    let verb = rest.next()?.to_lowercase();
    let rest: Vec<&str> = rest.collect();
    let mut map = Map::new();
    let mut say = |name: &str, value: &str| drop(map.insert(name.to_owned(), value.into()));
    match (verb.as_str(), rest.as_slice()) {
        ("search" | "find", rest) => search_words(rest, &mut say)?,
        ("quote", [listing]) => {
            say("action", "quote");
            say("listing_id", listing);
        }
        ("show", [listing]) => {
            say("action", "get_service");
            say("listing_id", listing);
        }
        ("buy" | "purchase", [listing]) => {
            say("action", "purchase");
            say("listing_id", listing);
        }
        ("buy" | "purchase", [listing, "for", total]) => {
            say("action", "purchase");
            say("listing_id", listing);
            say("expected_total", total);
        }
        ("deliver" | "dispute", words) if !words.is_empty() => {
            let (action, field) = match verb.as_str() {
                "deliver" => ("deliver", "inline"),
                _ => ("open_dispute", "reason"),
            };
            say("action", action);
            // As it was written: the spaces of a delivery are its seller's.
            let mut said = text.trim_start().get(verb.len()..)?.trim_start();
            if words[0].parse::<OrderId>().is_ok() {
                say("order_id", words[0]);
                said = said.strip_prefix(words[0])?.trim_start();
            }
            if said.is_empty() {
                return None;
            }
            say(field, said);
        }
        ("contest" | "concede" | "appeal", [id]) => {
            say("action", &verb);
            say("order_id", id);
        }
        ("contest" | "concede" | "appeal", []) if order.is_some() => say("action", &verb),
        ("accept" | "start" | "decline" | "cancel" | "order" | "status", [id]) => {
            say("action", &verb);
            say("order_id", id);
        }
        ("accept" | "start" | "decline" | "cancel" | "order" | "status", []) if order.is_some() => {
            say("action", &verb);
        }
        ("balance" | "wallet", []) => say("action", "wallet"),
        _ => return None,
    }
    Some(map)
}

/// Words to look for, with bounds of the price among them; nothing where a bound has no price.
fn search_words(rest: &[&str], say: &mut impl FnMut(&str, &str)) -> Option<()> {
    say("action", "search");
    let mut query = Vec::new();
    let mut rest = rest.iter();
    while let Some(word) = rest.next() {
        match word.to_lowercase().as_str() {
            "under" | "below" => say("max_price", rest.next()?),
            "over" | "above" => say("min_price", rest.next()?),
            _ => query.push(*word),
        }
    }
    say("query", &query.join(" "));
    Some(())
}

/// A message of ours in this conversation.
fn agent(turn: &Turn<'_>, parts: Vec<Part>) -> Message {
    Message {
        message_id: Uuid::now_v7().to_string(),
        context_id: turn.context.to_owned(),
        role: Role::Agent,
        parts,
        ..Message::default()
    }
}

/// The order's task, where the outcome is about an order of the caller's.
async fn ordered(
    a2a: &A2a,
    turn: &Turn<'_>,
    outcome: &Outcome,
    original: Option<&str>,
) -> Result<Option<Standing>, A2aError> {
    let Some(guest) = turn.guest else { return Ok(None) };
    let did = &guest.caller.did;
    let (view, reply) = match outcome {
        Outcome::Order(view) => (Some((**view).clone()), order_reply(a2a, view, original)),
        Outcome::Dispute(dispute) => {
            let reply = original.map(|_| marketplace_wire::disputed_reply(dispute));
            let reply = reply.and_then(|text| serde_json::from_str(&text).ok());
            let view = a2a.marketplace.order(dispute.dispute().order).await?;
            // A juror sees the dispute, and not the order.
            (view.filter(|view| view.order.role_of(did).is_some()), reply)
        }
        _ => (None, None),
    };
    let Some(view) = view else { return Ok(None) };
    let key = TaskKey { task: view.order.id.uuid(), owner: did.clone() };
    let row = a2a.marketplace.task(&key).await?;
    let kept = row.map(|row| Kept::read(&row.body));
    let mut standing = a2a.of_order(&view, did, kept).await?;
    if let (Some(reply), Some(message)) = (reply, &mut standing.task.status.message) {
        message.parts.push(Part::data(reply));
    }
    Ok(Some(standing))
}

async fn done(
    a2a: &A2a,
    turn: &Turn<'_>,
    outcome: Outcome,
    original: Option<&str>,
) -> Result<Act, A2aError> {
    if let Some(standing) = ordered(a2a, turn, &outcome, original).await? {
        return Ok(Act::Task(Box::new(standing)));
    }
    let did = turn.guest.map(|guest| &guest.caller.did);
    let mut data = outcome.body(did.unwrap_or(a2a.marketplace.did()), a2a.marketplace.did());
    if let (Some(reply), Some(map)) = (original.and_then(reply_to), data.as_object_mut()) {
        map.insert("type".to_owned(), reply.into());
        if reply == "listing_response" {
            map.insert("status".to_owned(), "success".into());
            let id = map.get("id").cloned().unwrap_or_default();
            map.insert("listing_id".to_owned(), id);
        }
    }
    let (name, summary) = match &outcome {
        Outcome::Found(page) => ("search", format!("{} of {} services", page.count, page.total)),
        Outcome::Listing(listing) => ("listing", format!("{}: {}", listing.id.0, listing.name)),
        Outcome::Quoted(quote) => ("quote", format!("{} AVT in total", quote.total.0)),
        Outcome::Wallet(_) => ("wallet", "What you have".to_owned()),
        Outcome::Order(_) => ("order", String::new()),
        Outcome::Dispute(view) => ("dispute", format!("The dispute is {}", view.dispute().phase())),
    };
    let artifact = Artifact {
        artifact_id: Uuid::now_v7().to_string(),
        name: name.to_owned(),
        parts: vec![Part::data(data)],
        ..Artifact::default()
    };
    let status = TaskStatus {
        state: TaskState::Completed,
        message: Some(agent(turn, vec![Part::text(summary)])),
        timestamp: String::new(),
    };
    answered(a2a, turn, Some(artifact), status).await
}

/// A task that is at its end already: kept for those who say who they are.
async fn answered(
    a2a: &A2a,
    turn: &Turn<'_>,
    artifact: Option<Artifact>,
    status: TaskStatus,
) -> Result<Act, A2aError> {
    let Some(guest) = turn.guest else {
        return Ok(Act::Task(Box::new(unkept(a2a, turn, artifact, status).await?)));
    };
    let new = NewTask {
        owner: guest.caller.did.clone(),
        context: turn.context.to_owned(),
        dialect: turn.dialect,
        message: turn.message.clone(),
        push: turn.push.cloned(),
    };
    let brought = artifact.map(|artifact| Step::Artifact { artifact, append: false, last: true });
    let steps = brought.into_iter().chain([Step::Status(status)]).collect();
    // A message to an order's task that only asks leaves that task where it is.
    Ok(Act::Task(Box::new(a2a.make(new, steps).await?)))
}

/// A task of nobody: it is told, and forgotten.
async fn unkept(
    a2a: &A2a,
    turn: &Turn<'_>,
    artifact: Option<Artifact>,
    mut status: TaskStatus,
) -> Result<Standing, A2aError> {
    let now = a2a.marketplace.now().await?;
    status.timestamp = marketplace_wire::Rfc3339(now).to_string();
    let key = TaskKey { task: Uuid::now_v7(), owner: a2a.marketplace.did().clone() };
    let task = Task {
        id: key.task.to_string(),
        context_id: turn.context.to_owned(),
        status,
        artifacts: artifact.into_iter().collect(),
        history: vec![turn.message.clone()],
        metadata: Map::new(),
    };
    Ok(Standing {
        key,
        task,
        order: None,
        dialect: turn.dialect,
        pushes: Vec::new(),
        version: 1,
        disputes: Vec::new(),
        changed_at: now,
    })
}

/// The rules said no. What was asked of a standing task is an error; what would have made one is a
/// task that was rejected; what could not be read is an error.
async fn refused(
    a2a: &A2a,
    turn: &Turn<'_>,
    problem: Problem,
    original: Option<&str>,
) -> Result<Act, A2aError> {
    let is_business = matches!(problem.status(), 402 | 403 | 404 | 409)
        || (problem.status() == 422 && problem.code() != "invalid_body");
    if !is_business
        || turn.task.is_some()
        || turn.guest.is_none()
        || problem.code() == "order_not_found"
    {
        return Err(problem.into());
    }
    let mut data = serde_json::to_value(&problem).unwrap_or_default();
    if let (Some(original), Some(map)) = (original, data.as_object_mut()) {
        let no = if original == "list_service" { "rejected" } else { "failed" };
        map.insert("type".to_owned(), reply_to(original).unwrap_or_default().into());
        map.insert("status".to_owned(), no.into());
        map.insert("reason".to_owned(), problem.detail().into());
    }
    let parts = vec![Part::text(problem.detail()), Part::data(data)];
    let status = TaskStatus {
        state: TaskState::Rejected,
        message: Some(agent(turn, parts)),
        timestamp: String::new(),
    };
    answered(a2a, turn, None, status).await
}

/// The original's reply to a message about an order.
fn order_reply(
    a2a: &A2a,
    view: &marketplace_engine::OrderView,
    original: Option<&str>,
) -> Option<Value> {
    let reply = match original? {
        "purchase_request" => marketplace_wire::purchased_reply(view, a2a.marketplace.did()),
        "order_complete" => marketplace_wire::completed_reply(view),
        _ => return None,
    };
    serde_json::from_str(&reply).ok()
}

/// The name of the original's reply.
fn reply_to(original: &str) -> Option<&'static str> {
    Some(match original {
        "list_service" => "listing_response",
        "search_request" => "search_response",
        "purchase_request" => "purchase_response",
        "order_complete" => "order_complete_response",
        "dispute_request" => "dispute_response",
        _ => return None,
    })
}

/// So that one can hold the product's behaviour without knowing its type.
impl From<Trade> for Arc<dyn Behaviour> {
    fn from(trade: Trade) -> Self {
        Arc::new(trade)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ID: &str = "0197f3a2-7c1e-7aaa-8b1b-0242ac120002";

    #[test]
    fn words_are_commands() {
        let order: OrderId = ID.parse().unwrap();
        let check = |text: &str, order: Option<OrderId>, expect: Value| {
            let text = text.replace("ID", ID);
            let expect = expect.to_string().replace("\"ID\"", &format!("\"{ID}\""));
            let read = words(&text, order).map_or(Value::Null, Value::Object).to_string();
            assert_eq!(read, expect, "{text}");
        };
        check(
            "search translation under 5",
            None,
            json!({ "action": "search", "query": "translation", "max_price": "5" }),
        );
        check(
            "Find csv over 1 Under 2.5",
            None,
            json!({ "action": "search", "query": "csv", "min_price": "1", "max_price": "2.5" }),
        );
        check("buy ID", None, json!({ "action": "purchase", "listing_id": "ID" }));
        check(
            "buy ID for 5.125",
            None,
            json!({ "action": "purchase", "listing_id": "ID", "expected_total": "5.125" }),
        );
        check("accept ID", None, json!({ "action": "accept", "order_id": "ID" }));
        check("accept", Some(order), json!({ "action": "accept" }));
        check(
            "deliver ID  two  words",
            None,
            json!({ "action": "deliver", "order_id": "ID", "inline": "two  words" }),
        );
        check(
            "deliver the work",
            Some(order),
            json!({ "action": "deliver", "inline": "the work" }),
        );
        check("deliver e", Some(order), json!({ "action": "deliver", "inline": "e" }));
        check(
            " deliver ID 0",
            None,
            json!({ "action": "deliver", "order_id": "ID", "inline": "0" }),
        );
        check(
            "dispute ID half is missing",
            None,
            json!({ "action": "open_dispute", "order_id": "ID", "reason": "half is missing" }),
        );
        check("contest", Some(order), json!({ "action": "contest" }));
        check("accept", None, Value::Null);
        check("hello there", None, Value::Null);
        check("", None, Value::Null);
        check("search x under", None, Value::Null);
        check("balance", None, json!({ "action": "wallet" }));
    }
}
