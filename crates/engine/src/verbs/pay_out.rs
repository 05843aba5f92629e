//! A payout by its agent's policy: a withdrawal, and with it the word of a buyer who was content.
//!
//! At the TEG only the sender of a transfer rates its receiver, once for each transfer. So the word
//! hangs on the payout that takes an order's price out; orders that one payout nets share one word.

use std::collections::HashSet;
use std::sync::Arc;

use marketplace_escrow::Phase;
use marketplace_money::{OrderId, Seconds, WithdrawalId};
use marketplace_ports::{EffectKind, Key, Withdrawal};

use super::withdraw::Withdraw;
use crate::desk::Desk;
use crate::ids::derived;
use crate::job::Verb;
use crate::refusal::Refusal;

/// A transfer is usually made by then.
const SENT: Seconds = Seconds(2);

/// Pays an agent's balance out.
#[derive(Clone, Debug)]
pub(crate) struct PayOut {
    pub(crate) withdraw: Withdraw,
    /// An order whose price the payout takes out, and which its buyer accepted as far as was seen.
    pub(crate) order: Option<OrderId>,
}

/// The one payout that may ever speak for an order: a second one with this id would be a conflict.
/// A command makes far fewer ids.
fn named_after(order: OrderId) -> WithdrawalId {
    WithdrawalId::new(derived(order.uuid(), u8::MAX))
}

impl PayOut {
    /// Never for a silent buyer, and never twice for one order.
    fn may_speak(&self, desk: &Desk<'_>, order: OrderId) -> bool {
        let accepted = desk.order(order).is_some_and(|order| {
            order.seller == self.withdraw.agent && order.phase() == Phase::Accepted
        });
        accepted && desk.withdrawal(named_after(order)).is_none()
    }
}

impl Verb for PayOut {
    type Reply = Arc<Withdrawal>;

    fn keys(&self, keys: &mut HashSet<Key>) {
        self.withdraw.keys(keys);
        keys.extend(self.order.map(Key::Order));
        keys.extend(self.order.map(named_after).map(Key::Withdrawal));
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Self::Reply, Refusal> {
        let Some(order) = self.order.filter(|order| self.may_speak(desk, *order)) else {
            return self.withdraw.decide(desk);
        };
        let withdrawal = named_after(order);
        let asked = self.withdraw.ask(desk, withdrawal)?;
        let due = desk.now().plus(SENT);
        desk.add_effect(EffectKind::Signal { withdrawal, order }, due);
        Ok(asked)
    }
}
