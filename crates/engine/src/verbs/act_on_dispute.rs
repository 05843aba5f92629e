//! A party or a juror acts on a dispute.

use std::collections::HashSet;
use std::sync::Arc;

use marketplace_disputes::{Caller, Command, DisputeRefusal};
use marketplace_escrow::OrderRefusal;
use marketplace_money::{Did, OrderId};
use marketplace_ports::{Exhibit, Key};

use super::OrderView;
use super::dispute::{Bench, Inputs, run};
use crate::config::OperatorSet;
use crate::desk::Desk;
use crate::disputes::DisputeView;
use crate::job::Verb;
use crate::refusal::Refusal;

/// Settlement offers that one dispute takes: its log is read with every command.
const MOST_OFFERS: usize = 100;

/// Acts on a dispute, in all ways that are open to agents.
#[derive(Clone, Debug)]
pub(crate) struct ActOnDispute {
    pub(crate) caller: Did,
    pub(crate) bench: Bench,
    pub(crate) command: Command,
    /// The bytes of a piece of evidence.
    pub(crate) bytes: Option<Arc<[u8]>>,
    pub(crate) operators: OperatorSet,
}

impl Verb for ActOnDispute {
    type Reply = DisputeView;

    fn keys(&self, keys: &mut HashSet<Key>) {
        self.bench.keys(keys);
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Self::Reply, Refusal> {
        if matches!(self.command, Command::OfferSettlement { .. }) {
            let docket = desk.docket(self.bench.dispute).ok_or(DisputeRefusal::NotFound)?;
            if docket.offers() >= MOST_OFFERS {
                return Err(Refusal::TooManyOffers { limit: MOST_OFFERS });
            }
        }
        let caller = Caller::Agent(self.caller.clone());
        let (operators, inputs) = (&self.operators, Inputs::default());
        let view = run(desk, &self.bench, operators, &caller, &self.command, inputs)?;
        if let (Command::AddEvidence(input), Some(bytes)) = (&self.command, &self.bytes) {
            let (dispute, name) = (self.bench.dispute, input.sha256);
            desk.exhibit(Exhibit { dispute, name, bytes: bytes.clone() });
        }
        Ok(view)
    }
}

/// A party accepts or declines its disputed order: it gives the other side everything, and the
/// dispute ends with the order.
#[derive(Clone, Debug)]
pub(crate) struct ConcedeOrder {
    pub(crate) caller: Did,
    pub(crate) order: OrderId,
    pub(crate) bench: Bench,
    pub(crate) operators: OperatorSet,
}

impl Verb for ConcedeOrder {
    type Reply = OrderView;

    fn keys(&self, keys: &mut HashSet<Key>) {
        self.bench.keys(keys);
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Self::Reply, Refusal> {
        let caller = Caller::Agent(self.caller.clone());
        let concede = Command::Concede { everything: true };
        run(desk, &self.bench, &self.operators, &caller, &concede, Inputs::default())?;
        let order = desk.order(self.order).ok_or(OrderRefusal::NotFound)?;
        Ok(OrderView { order, now: desk.now(), gaps: desk.gaps().clone() })
    }
}
