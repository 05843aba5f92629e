//! A party acts on its order: start, deliver, accept, decline, cancel, and the rest of the table.

use std::collections::HashSet;
use std::sync::Arc;

use marketplace_escrow::{
    Actor, Command, Context, DeliveryInput, Order, OrderEvent, OrderRefusal, Phase, decide,
};
use marketplace_money::{Did, OrderId};
use marketplace_ports::{Agent, Blob, EffectKind, Key};

use super::OrderView;
use crate::desk::Desk;
use crate::job::Verb;
use crate::refusal::Refusal;

/// Changes an order.
#[derive(Clone, Debug)]
pub(crate) struct ChangeOrder {
    pub(crate) caller: Did,
    pub(crate) order: OrderId,
    pub(crate) command: Command,
    /// The bytes of a delivery that came inline or was fetched.
    pub(crate) bytes: Option<Arc<[u8]>>,
}

impl Verb for ChangeOrder {
    type Reply = OrderView;

    fn keys(&self, keys: &mut HashSet<Key>) {
        keys.insert(Key::Order(self.order));
        if self.command == Command::Cancel {
            keys.insert(Key::Agent(self.caller.clone()));
        }
    }

    fn is_checked_by_its_commit(&self) -> bool {
        true
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Self::Reply, Refusal> {
        let order = desk.order(self.order).ok_or(OrderRefusal::NotFound)?;
        let role = order.role_of(&self.caller).ok_or(OrderRefusal::NotFound)?;
        if order.phase() == Phase::Disputed && concedes(role, &self.command) {
            return Err(Refusal::InDispute);
        }
        let order = run(desk, &order, role, &self.command)?;
        if let (Command::Deliver(DeliveryInput::Bytes { sha256, .. }), Some(bytes)) =
            (&self.command, &self.bytes)
        {
            desk.keep(Blob { order: order.id, sha256: *sha256, bytes: bytes.clone() });
        }
        Ok(OrderView { order, now: desk.now(), gaps: desk.gaps().clone() })
    }
}

/// Whether a command gives a disputed order to the other side: the dispute ends with it.
const fn concedes(role: Actor, command: &Command) -> bool {
    matches!((role, command), (Actor::Buyer, Command::Accept) | (Actor::Seller, Command::Decline))
}

/// Decides and writes one command on an order, with all that follows.
pub(crate) fn run(
    desk: &mut Desk<'_>,
    order: &Order,
    role: Actor,
    command: &Command,
) -> Result<Arc<Order>, Refusal> {
    let cx = Context { now: desk.now(), gaps: desk.gaps() };
    let events = decide(order, role, command, &cx)?;
    let after = desk.change_order(order, &events)?;
    if order.phase() == Phase::AwaitingFunds && after.phase() != Phase::AwaitingFunds {
        let agent = desk.agent(&order.buyer);
        let unfunded_orders = agent.unfunded_orders.saturating_sub(1);
        desk.write_agent(agent.version, Agent { unfunded_orders, ..agent.as_ref().clone() });
    }
    for event in &events {
        if let OrderEvent::DeliveryAnnounced(announced) = event {
            let (order, sha256) = (order.id, announced.sha256);
            let uri = announced.uri.clone();
            let now = desk.now();
            desk.add_effect(EffectKind::FetchDelivery { order, sha256, uri }, now);
        }
    }
    Ok(after)
}
