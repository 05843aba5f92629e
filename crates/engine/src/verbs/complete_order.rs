//! The original's `order_complete`: from the provider it delivers, from the buyer it accepts.

use std::collections::HashSet;
use std::sync::Arc;

use marketplace_escrow::{Actor, Command, DeliveryInput, OrderRefusal, Phase};
use marketplace_money::{Did, OrderId};
use marketplace_ports::{Blob, Key};

use super::OrderView;
use super::change_order::run;
use crate::desk::Desk;
use crate::job::Verb;
use crate::refusal::Refusal;

/// Completes an order as whichever party the caller is.
#[derive(Clone, Debug)]
pub(crate) struct CompleteOrder {
    pub(crate) caller: Did,
    pub(crate) order: OrderId,
    /// What a provider hands over.
    pub(crate) delivery: DeliveryInput,
    /// The bytes of an inline delivery.
    pub(crate) bytes: Option<Arc<[u8]>>,
}

impl Verb for CompleteOrder {
    type Reply = OrderView;

    fn keys(&self, keys: &mut HashSet<Key>) {
        keys.insert(Key::Order(self.order));
    }

    fn is_checked_by_its_commit(&self) -> bool {
        true
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Self::Reply, Refusal> {
        let order = desk.order(self.order).ok_or(OrderRefusal::NotFound)?;
        let role = order.role_of(&self.caller).ok_or(OrderRefusal::NotFound)?;
        let order = if role == Actor::Seller {
            let command = Command::Deliver(self.delivery.clone());
            let order = run(desk, &order, role, &command)?;
            if let (DeliveryInput::Bytes { sha256, .. }, Some(bytes)) =
                (&self.delivery, &self.bytes)
            {
                desk.keep(Blob { order: order.id, sha256: *sha256, bytes: bytes.clone() });
            }
            order
        } else if order.phase() == Phase::Disputed {
            return Err(Refusal::InDispute);
        } else {
            run(desk, &order, role, &Command::Accept)?
        };
        Ok(OrderView { order, now: desk.now(), gaps: desk.gaps().clone() })
    }
}
