//! A party opens a dispute: its bond, and the order stands still, in one commit.

use std::collections::HashSet;
use std::sync::Arc;

use marketplace_disputes::{Claim, Context, Dispute, Opened, Opening, Operators, Policy};
use marketplace_escrow::OrderRefusal;
use marketplace_ledger::Account;
use marketplace_money::{Amount, Did, DisputeId, OrderId};
use marketplace_ports::{Docket, Key};

use super::dispute::{post, set_timer, tell};
use crate::config::OperatorSet;
use crate::desk::Desk;
use crate::disputes::DisputeView;
use crate::job::Verb;
use crate::refusal::Refusal;

/// Opens a dispute.
#[derive(Clone, Debug)]
pub(crate) struct OpenDispute {
    pub(crate) by: Did,
    pub(crate) order: OrderId,
    /// The order's version before its disputes were read: none has begun and ended since.
    pub(crate) order_version: u64,
    pub(crate) earlier: Vec<Arc<Docket>>,
    pub(crate) claim: Claim,
    pub(crate) reason: Arc<str>,
    /// Disputes that the caller opened and lost lately.
    pub(crate) lost: u32,
    pub(crate) policy: Policy,
    pub(crate) operators: OperatorSet,
}

impl Verb for OpenDispute {
    type Reply = DisputeView;

    fn keys(&self, keys: &mut HashSet<Key>) {
        keys.insert(Key::Order(self.order));
        keys.insert(Key::Balance(Account::Agent(self.by.clone())));
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Self::Reply, Refusal> {
        let order = desk.order(self.order).ok_or(OrderRefusal::NotFound)?;
        if order.version != self.order_version && order.role_of(&self.by).is_some() {
            return Err(Refusal::BenchChanged);
        }
        let id = DisputeId::new(desk.fresh());
        let (claim, reason) = (self.claim, self.reason.clone());
        let opening = Opening { id, by: self.by.clone(), claim, reason, lost: self.lost };
        let earlier: Vec<Dispute> = self.earlier.iter().map(|row| row.dispute.clone()).collect();
        let cx = Context {
            now: desk.now(),
            gaps: desk.gaps(),
            respondent_available: Amount::ZERO,
            operators: Operators { keys: &[], needed: 1 },
        };
        let opened = Dispute::open(&opening, &order, &earlier, &self.policy, &cx)?;
        let Opened { dispute, event, order_events } = opened;
        post(desk, &dispute, &event)?;

        // From here on it must succeed.
        tell(desk, &dispute, &event);
        desk.change_order(&order, &order_events)?;
        set_timer(desk, None, &dispute);
        let docket = desk.write_docket(0, Docket::open(dispute));
        let (now, gaps) = (desk.now(), desk.gaps().clone());
        Ok(DisputeView { docket, now, gaps, operators: self.operators.clone() })
    }
}
