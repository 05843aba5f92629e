//! Orders driven by their own rules, committed the way the engine does it.

use marketplace_escrow::{
    Actor, Command, Context, DeliveryInput, Order, OrderEvent, apply, decide, posting,
};
use marketplace_listings::AcceptancePolicy;
use marketplace_money::{Amount, Did, Gaps, OrderId};
use marketplace_ports::{ChangeSet, Event, ExposureChange, Key, Subject, Timer, TimerChange};

use super::World;
use super::fixtures::{insert, order, price, update};

/// What an order costs its buyer here, in nano-AVT.
pub(crate) fn total() -> i64 {
    price().total.nano()
}

/// Bytes handed over inline.
pub(crate) fn delivery() -> Command {
    Command::Deliver(DeliveryInput::Bytes {
        sha256: [9; 32],
        claimed_sha256: None,
        size: 5,
        uri: None,
        media_type: None,
        note: None,
        checks: None,
    })
}

fn events_of(world: &mut World, order: &Order, events: &[OrderEvent]) -> Vec<Event> {
    let at = world.clock().now();
    let audience = vec![order.buyer.clone(), order.seller.clone()];
    let subject = Subject::Order(order.id);
    let mut facts = Vec::new();
    for event in events {
        let (audience, data) = (audience.clone(), "{}".to_owned());
        facts.push(Event { id: world.event_id(), subject, name: event.name(), audience, at, data });
    }
    facts
}

fn timers_of(before: Option<&Order>, after: &Order) -> Vec<TimerChange> {
    let subject = Subject::Order(after.id);
    let old = before.and_then(Order::timer);
    let new = after.timer();
    let gone = old.filter(|old| new.is_none_or(|new| new.kind != old.kind));
    let clear = gone.map(|old| TimerChange::Clear { subject, kind: old.kind.name() });
    let set = new.map(|new| {
        let due = new.deadline.effective(&Gaps::none());
        let (kind, sequence) = (new.kind.name(), after.version);
        TimerChange::Set(Timer { subject, kind, sequence, due })
    });
    clear.into_iter().chain(set).collect()
}

/// The change set of events that `before` made, from which `after` came.
fn change_set(world: &mut World, before: &Order, events: &[OrderEvent]) -> ChangeSet {
    let mut entries = Vec::new();
    for event in events {
        if let Some(draft) = posting(before, event).expect("it fits") {
            entries.push(draft.named(world.entry_id()));
        }
    }
    ChangeSet { entries, events: events_of(world, before, events), ..ChangeSet::default() }
}

/// What the step does to what waits on the seller.
pub(crate) fn exposures_of(before: Amount, after: &Order) -> Vec<ExposureChange> {
    let delta = after.escrow().checked_sub(before).expect("it fits");
    let change = ExposureChange { seller: after.seller.clone(), delta, limit: None };
    if delta.is_zero() { Vec::new() } else { vec![change] }
}

/// A purchase from the buyer's balance.
pub(crate) async fn purchase(world: &mut World, buyer: &Did, seller: &Did) -> (OrderId, ChangeSet) {
    let now = world.now().await;
    let mut placed = order(world.order_id(), buyer, seller, now);
    placed.terms.acceptance = AcceptancePolicy::BuyerConfirms;
    let events = [OrderEvent::Funded { at: now }];
    let mut set = change_set(world, &placed, &events);
    let funded = Order { version: 1, ..apply(&placed, &events) };
    set.timers = timers_of(None, &funded);
    set.exposures = exposures_of(Amount::ZERO, &funded);
    set.orders.push(insert(funded));
    (placed.id, set)
}

/// What a party or a timer does next with a stored order.
pub(crate) async fn act(
    world: &mut World,
    id: OrderId,
    role: Actor,
    command: &Command,
) -> ChangeSet {
    try_act(world, id, role, command).await.expect("the rules allow it")
}

/// The same, or nothing when the rules do not allow it, or there is no such order.
pub(crate) async fn try_act(
    world: &mut World,
    id: OrderId,
    role: Actor,
    command: &Command,
) -> Option<ChangeSet> {
    let view = world.load([Key::Order(id)]).await;
    let before = view.orders.get(&id)?.as_ref();
    let context = Context { now: view.now, gaps: &view.gaps };
    let events = decide(before, role, command, &context).ok()?;
    let after = apply(before, &events);
    let mut set = change_set(world, before, &events);
    set.timers = timers_of(Some(before), &after);
    set.exposures = exposures_of(before.escrow(), &after);
    set.orders.push(update(before.version, after));
    Some(set)
}
