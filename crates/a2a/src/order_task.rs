//! An order is a task: its state, its events and what it brought forth follow from the order.

use std::sync::Arc;

use marketplace_engine::{DisputeView, OrderView, disputed_order};
use marketplace_escrow::{Actor, Content, Delivery, Order, OrderStatus, Phase};
use marketplace_money::{Did, OrderId, Timestamp};
use marketplace_ports::{SealedEvent, Subject};
use marketplace_wire::{DisputeBody, OrderBody, Rfc3339, hex};
use serde_json::{Map, Value, json};

use crate::kept::Kept;
use crate::types::{
    Artifact, ArtifactUpdate, Message, Part, Raw, Role, StatusUpdate, StreamResponse, Task,
    TaskState, TaskStatus,
};

/// The settlement extension whose metadata an order's task carries.
pub(crate) const SETTLEMENT: &str = "https://a2a-settlement.org/extensions/settlement/v1";
/// Its key in metadata.
const SETTLEMENT_KEY: &str = "a2a-se";

/// The state of an order's task.
#[must_use]
pub(crate) fn state(status: OrderStatus, phase: Phase) -> TaskState {
    match phase {
        Phase::Cancelled => TaskState::Canceled,
        Phase::Declined => TaskState::Rejected,
        Phase::NonDelivery | Phase::Unpaid => TaskState::Failed,
        phase if phase.is_terminal() => match status {
            OrderStatus::Completed => TaskState::Completed,
            _ => TaskState::Failed,
        },
        // Whoever has to pay, to deliver, to accept or to say its word: somebody is waited for.
        _ => TaskState::InputRequired,
    }
}

/// The settlement extension's word for it.
fn settlement(status: OrderStatus, phase: Phase) -> &'static str {
    match (status, phase) {
        (OrderStatus::Completed, _) => "released",
        (OrderStatus::Refunded, _) => "refunded",
        (OrderStatus::Expired, _) => "expired",
        (_, Phase::Disputed) => "disputed",
        (_, Phase::Delivered) => "review",
        (_, Phase::InProgress | Phase::ChangesRequested) => "acknowledged",
        _ => "pending",
    }
}

/// What is waited for, in words.
fn words(phase: Phase, role: Option<Actor>) -> &'static str {
    let is_seller = role == Some(Actor::Seller);
    match phase {
        Phase::AwaitingFunds => "The order waits for the buyer's transfer.",
        Phase::AwaitingStart | Phase::InProgress if is_seller => {
            "The order is funded. Deliver the work."
        }
        Phase::AwaitingStart => "The order is funded and waits for the seller's delivery.",
        Phase::InProgress => "The seller is at work.",
        Phase::Delivered if is_seller => "Delivered. The buyer reviews the work.",
        Phase::Delivered => "The work is delivered. Accept it, or ask for changes.",
        Phase::ChangesRequested if is_seller => "The buyer asks for changes. Deliver again.",
        Phase::ChangesRequested => "The seller was asked for changes.",
        Phase::Disputed => "The order is disputed.",
        Phase::Accepted => "The buyer accepted the work. The seller is paid.",
        Phase::AutoReleased => "The work is released. The seller is paid.",
        Phase::Cancelled => "The order was cancelled. The buyer has its money back.",
        Phase::Declined => "The seller declined. The buyer has its money back.",
        Phase::NonDelivery => "Nothing was delivered. The buyer has its money back.",
        Phase::Unpaid => "The payment did not come. The order has ended.",
        Phase::Ruled => "The dispute was ruled.",
        Phase::Settled => "The parties agreed on a split.",
        Phase::Aborted => "The dispute was aborted.",
    }
}

/// What happened in a dispute, in words.
fn dispute_words(event: &str) -> &'static str {
    match event {
        "dispute.opened" => "The order is disputed. Who does not answer in time loses the dispute.",
        "dispute.evidence_added" => "There is new evidence in the dispute.",
        "dispute.responded" => "The answer to the dispute is there, or its time is over.",
        "dispute.settlement_offered" => "A settlement of the dispute is offered.",
        "dispute.escalated" => "The operators decide the dispute.",
        "dispute.ruled" => "The dispute is ruled. Who disagrees may appeal while there is time.",
        "dispute.appealed" => "The ruling is appealed.",
        "dispute.closed" => "The dispute is over.",
        _ => "The dispute goes on.",
    }
}

/// When an order's task changed last: the time of its status, and its place in lists. A dispute goes
/// on without its order.
#[must_use]
pub(crate) fn changed_at(order: &Order, dispute: Option<&DisputeView>) -> Timestamp {
    let disputed = dispute.map(|view| view.docket.changed_at());
    disputed.map_or(order.changed_at(), |at| at.max(order.changed_at()))
}

/// The order that an event is about: its own events, and those of its disputes.
#[must_use]
pub(crate) fn order_of(event: &SealedEvent) -> Option<OrderId> {
    match event.subject {
        Subject::Order(order) => Some(order),
        _ => disputed_order(event),
    }
}

fn status(
    order: &Order,
    viewer: &Did,
    context: &str,
    phase: Phase,
    state: TaskState,
    at: Timestamp,
) -> TaskStatus {
    let role = order.role_of(viewer);
    let message = Message {
        // The same words have the same name, at any server.
        message_id: format!("{}-{phase}-{}", order.id, at.micros()),
        context_id: context.to_owned(),
        task_id: order.id.to_string(),
        role: Role::Agent,
        parts: vec![Part::text(words(phase, role))],
        ..Message::default()
    };
    TaskStatus { state, message: Some(message), timestamp: Rfc3339(at).to_string() }
}

/// The conversation of an order's task: the one that the viewer's own words named, else the order.
#[must_use]
pub(crate) fn context(order: &Order, kept: Option<&Kept>) -> String {
    let named = kept.map(|kept| kept.context_id.clone()).filter(|context| !context.is_empty());
    named.unwrap_or_else(|| order.id.to_string())
}

/// What is said of the order's dispute, where there is one.
fn disputed(seen: Seen<'_>) -> Map<String, Value> {
    let body = seen.dispute.map(|dispute| DisputeBody::new(dispute, seen.viewer));
    let body = body.map(|body| serde_json::to_value(body).unwrap_or_default());
    body.map(|body| ("dispute".to_owned(), body)).into_iter().collect()
}

/// What is said of an order beside its state.
fn metadata(view: &OrderView, seen: Seen<'_>) -> Map<String, Value> {
    let order = &view.order;
    let body = OrderBody::new(view, seen.viewer, seen.receiver);
    let actions = serde_json::to_value(&body.available_actions).unwrap_or_default();
    let settlement = json!({
        "escrowId": order.id.to_string(),
        "amount": order.price.price.to_string(),
        "feeAmount": order.price.fee.to_string(),
        "exchangeUrl": seen.exchange,
        "expiresAt": Rfc3339(order.expires().effective(&view.gaps)).to_string(),
        "settlementStatus": settlement(order.status(), order.phase()),
    });
    let mut metadata = disputed(seen);
    metadata.extend([
        (SETTLEMENT_KEY.to_owned(), settlement),
        ("available_actions".to_owned(), actions),
        ("order".to_owned(), serde_json::to_value(&body).unwrap_or_default()),
    ]);
    metadata
}

/// What the seller handed over. `bytes` are there where they are shown.
#[must_use]
pub(crate) fn artifact(delivery: &Delivery, bytes: Option<&[u8]>) -> Artifact {
    let sha256 = hex(&delivery.sha256);
    let media_type = delivery.media_type.as_deref().unwrap_or_default();
    let part = match (&delivery.content, bytes) {
        (Content::Fetched { uri }, _) => Part {
            url: Some(uri.to_string()),
            media_type: media_type.to_owned(),
            ..Part::default()
        },
        (Content::Inline, Some(bytes)) => content(bytes, media_type),
        _ => Part::text(delivery.note.as_deref().unwrap_or("Delivered outside of the marketplace")),
    };
    let about = json!({ "sha256": sha256, "size": delivery.size });
    Artifact {
        artifact_id: format!("delivery-{}", &sha256[..16]),
        name: "delivery".to_owned(),
        description: delivery.note.as_deref().unwrap_or_default().to_owned(),
        parts: vec![part],
        metadata: about.as_object().cloned().unwrap_or_default(),
    }
}

/// JSON that says it is JSON is data, what reads as text is text, and the rest is bytes.
fn content(bytes: &[u8], media_type: &str) -> Part {
    let text = std::str::from_utf8(bytes).ok();
    let is_json = media_type.split(';').next().unwrap_or_default().trim() == "application/json";
    let data = text.filter(|_| is_json).and_then(|text| serde_json::from_str(text).ok());
    let mut part = match (data, text) {
        (Some(data), _) => Part::data(data),
        (None, Some(text)) => Part::text(text),
        (None, None) => Part { raw: Some(Raw(bytes.to_vec())), ..Part::default() },
    };
    media_type.clone_into(&mut part.media_type);
    part
}

/// What an order's task needs beside the order.
#[derive(Clone, Copy)]
pub(crate) struct Seen<'a> {
    /// Who looks.
    pub viewer: &'a Did,
    /// Ourselves.
    pub receiver: &'a Did,
    /// How others reach us.
    pub exchange: &'a str,
    /// What is kept of it.
    pub kept: Option<&'a Kept>,
    /// The order's last dispute, open or over.
    pub dispute: Option<&'a DisputeView>,
}

/// An order as a task.
#[must_use]
pub(crate) fn task(view: &OrderView, seen: Seen<'_>, bytes: Option<&Arc<[u8]>>) -> Task {
    let order = &view.order;
    let context_id = context(order, seen.kept);
    let (phase, state) = (order.phase(), state(order.status(), order.phase()));
    let delivery = order.delivery();
    Task {
        id: order.id.to_string(),
        status: status(
            order,
            seen.viewer,
            &context_id,
            phase,
            state,
            changed_at(order, seen.dispute),
        ),
        context_id,
        artifacts: delivery
            .map(|delivery| artifact(delivery, bytes.map(|bytes| &bytes[..])))
            .into_iter()
            .collect(),
        history: seen.kept.map(|kept| kept.history.clone()).unwrap_or_default(),
        metadata: metadata(view, seen),
    }
}

/// What those who follow an order are told of an event of its dispute. The order does not move: it
/// waits for the parties, or for who judges. `dispute` says where the dispute is when it is told,
/// which may be further than the event, and what the reader may do by when.
fn dispute_update(event: &SealedEvent, view: &OrderView, seen: Seen<'_>) -> StreamResponse {
    let order = &view.order;
    let (task_id, context_id) = (order.id.to_string(), context(order, seen.kept));
    let facts: Value = serde_json::from_str(&event.data).unwrap_or_default();
    let mut about = match order.phase() {
        Phase::Disputed => metadata(view, seen),
        // What could be done with the order then, and where its money was, is not known any more.
        _ => disputed(seen),
    };
    about.insert("event".to_owned(), event.name.clone().into());
    about.insert("phase".to_owned(), Phase::Disputed.to_string().into());
    about.insert("order_status".to_owned(), OrderStatus::EscrowFunded.to_string().into());
    about.insert("dispute_event".to_owned(), facts);
    let message = Message {
        message_id: event.id.to_string(),
        context_id: context_id.clone(),
        task_id: task_id.clone(),
        role: Role::Agent,
        parts: vec![Part::text(dispute_words(&event.name))],
        ..Message::default()
    };
    let status = TaskStatus {
        state: TaskState::InputRequired,
        message: Some(message),
        timestamp: Rfc3339(event.at).to_string(),
    };
    let update = StatusUpdate { status, task_id, context_id, metadata: about };
    StreamResponse::StatusUpdate(Box::new(update))
}

/// What those who follow an order are told of one of its events, or of one of its dispute's; `view`
/// is the order as it is now, which may be further than the event.
#[must_use]
pub(crate) fn updates(
    event: &SealedEvent,
    view: &OrderView,
    seen: Seen<'_>,
    bytes: Option<&Arc<[u8]>>,
) -> Vec<StreamResponse> {
    if let Subject::Dispute(_) = event.subject {
        return vec![dispute_update(event, view, seen)];
    }
    let order = &view.order;
    let data: Value = serde_json::from_str(&event.data).unwrap_or_default();
    let name = |field: &str| data[field].as_str().unwrap_or_default().to_owned();
    let (Ok(status_then), Ok(phase)) =
        (name("status").parse::<OrderStatus>(), name("phase").parse::<Phase>())
    else {
        return Vec::new();
    };
    let (task_id, context_id) = (order.id.to_string(), context(order, seen.kept));
    let mut updates = Vec::new();
    let delivered = order.delivery().filter(|delivery| name("sha256") == hex(&delivery.sha256));
    if let Some(delivery) = delivered
        && event.name.ends_with("delivered")
    {
        updates.push(StreamResponse::ArtifactUpdate(Box::new(ArtifactUpdate {
            task_id: task_id.clone(),
            context_id: context_id.clone(),
            artifact: artifact(delivery, bytes.map(|bytes| &bytes[..])),
            append: false,
            last_chunk: true,
        })));
    }
    let mut about = Map::from_iter([
        ("event".to_owned(), event.name.clone().into()),
        ("phase".to_owned(), phase.to_string().into()),
        ("order_status".to_owned(), status_then.to_string().into()),
    ]);
    if order.phase() == phase {
        about.extend(metadata(view, seen));
    }
    let state = state(status_then, phase);
    updates.push(StreamResponse::StatusUpdate(Box::new(StatusUpdate {
        status: status(order, seen.viewer, &context_id, phase, state, event.at),
        task_id,
        context_id,
        metadata: about,
    })));
    updates
}

/// The version of the order, or of the dispute, after an event.
#[must_use]
pub(crate) fn version_after(event: &SealedEvent) -> u64 {
    let data: Value = serde_json::from_str(&event.data).unwrap_or_default();
    data["version"].as_u64().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_are_states() {
        let check = |status, phase, expect: TaskState| {
            assert_eq!(state(status, phase), expect, "{phase}");
        };
        let funded = OrderStatus::EscrowFunded;
        check(OrderStatus::Pending, Phase::AwaitingFunds, TaskState::InputRequired);
        for phase in [
            Phase::AwaitingStart,
            Phase::InProgress,
            Phase::Delivered,
            Phase::ChangesRequested,
            Phase::Disputed,
        ] {
            check(funded, phase, TaskState::InputRequired);
        }
        check(OrderStatus::Completed, Phase::Accepted, TaskState::Completed);
        check(OrderStatus::Completed, Phase::AutoReleased, TaskState::Completed);
        check(OrderStatus::Completed, Phase::Ruled, TaskState::Completed);
        check(OrderStatus::Refunded, Phase::Ruled, TaskState::Failed);
        check(OrderStatus::Refunded, Phase::Cancelled, TaskState::Canceled);
        check(OrderStatus::Refunded, Phase::Declined, TaskState::Rejected);
        check(OrderStatus::Refunded, Phase::NonDelivery, TaskState::Failed);
        check(OrderStatus::Expired, Phase::Unpaid, TaskState::Failed);
    }
}
