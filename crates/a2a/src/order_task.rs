//! An order is a task: its state, its events and what it brought forth follow from the order.

use std::sync::Arc;

use marketplace_engine::OrderView;
use marketplace_escrow::{Actor, Content, Delivery, Order, OrderStatus, Phase, State};
use marketplace_money::{Did, Timestamp};
use marketplace_ports::SealedEvent;
use marketplace_wire::{OrderBody, Rfc3339, hex};
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

/// Since when the order is where it is, as far as it remembers.
fn since(order: &Order) -> Timestamp {
    let closed = match &order.state {
        State::Closed(closed) => Some(closed.at),
        State::Funded(_) | State::AwaitingFunds { .. } => None,
    };
    let delivered = order.delivery().map(|delivery| delivery.at);
    closed.or(delivered).unwrap_or(order.created_at)
}

/// When an order's task changed last: its place in lists.
#[must_use]
pub(crate) fn changed_at(order: &Order) -> Timestamp {
    since(order)
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

/// What is said of an order beside its state.
fn metadata(view: &OrderView, viewer: &Did, receiver: &Did, exchange: &str) -> Map<String, Value> {
    let order = &view.order;
    let body = OrderBody::new(view, viewer, receiver);
    let actions = serde_json::to_value(&body.available_actions).unwrap_or_default();
    let settlement = json!({
        "escrowId": order.id.to_string(),
        "amount": order.price.price.to_string(),
        "feeAmount": order.price.fee.to_string(),
        "exchangeUrl": exchange,
        "expiresAt": Rfc3339(order.expires().effective(&view.gaps)).to_string(),
        "settlementStatus": settlement(order.status(), order.phase()),
    });
    Map::from_iter([
        (SETTLEMENT_KEY.to_owned(), settlement),
        ("available_actions".to_owned(), actions),
        ("order".to_owned(), serde_json::to_value(&body).unwrap_or_default()),
    ])
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
        status: status(order, seen.viewer, &context_id, phase, state, since(order)),
        context_id,
        artifacts: delivery
            .map(|delivery| artifact(delivery, bytes.map(|bytes| &bytes[..])))
            .into_iter()
            .collect(),
        history: seen.kept.map(|kept| kept.history.clone()).unwrap_or_default(),
        metadata: metadata(view, seen.viewer, seen.receiver, seen.exchange),
    }
}

/// What those who follow an order are told of one of its events; `view` is the order as it is now,
/// which may be further than the event.
#[must_use]
pub(crate) fn updates(
    event: &SealedEvent,
    view: &OrderView,
    seen: Seen<'_>,
    bytes: Option<&Arc<[u8]>>,
) -> Vec<StreamResponse> {
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
        about.extend(metadata(view, seen.viewer, seen.receiver, seen.exchange));
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

/// The version of the order after an event.
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
