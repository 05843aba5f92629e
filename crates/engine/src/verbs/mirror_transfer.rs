//! A line of our history at the TEG: credited, or matched with what we sent. Each line once.

use std::collections::HashSet;

use marketplace_escrow::{Actor, Command};
use marketplace_ledger::Account;
use marketplace_money::{DepositId, Did, OrderId, WithdrawalId};
use marketplace_ports::{Deposit, DepositState, Key, TegTransfer, WithdrawalState};

use super::change_order::run;
use super::deposit::credit;
use super::withdraw::settle;
use crate::desk::Desk;
use crate::job::Verb;
use crate::refusal::Refusal;

/// Books one transfer of the history.
#[derive(Clone, Debug)]
pub(crate) struct MirrorTransfer {
    pub(crate) ours: Did,
    pub(crate) transfer: TegTransfer,
}

impl MirrorTransfer {
    fn deposit(&self) -> Option<DepositId> {
        self.transfer.key.map(DepositId::new)
    }

    fn withdrawal(&self) -> Option<WithdrawalId> {
        self.transfer.key.map(WithdrawalId::new)
    }

    /// The order that the memo names, if any: a memo binds when it contains the id.
    fn order(&self) -> Option<OrderId> {
        let memo = self.transfer.memo.as_str();
        let parts = memo.split(|c: char| !(c.is_ascii_hexdigit() || c == '-'));
        parts.filter_map(|part| part.parse().ok()).next()
    }

    fn incoming(&self) -> bool {
        self.transfer.receiver == self.ours
    }

    fn receive(&self, desk: &mut Desk<'_>) -> Result<(), Refusal> {
        credit(desk, &self.transfer)?;
        if let Some(deposit) = self.deposit().and_then(|id| desk.deposit(id)) {
            let state = DepositState::Credited(self.transfer.id.clone());
            desk.write_deposit(deposit.version, Deposit { state, ..deposit.as_ref().clone() });
        }
        let Some(order) = self.order().and_then(|id| desk.order(id)) else { return Ok(()) };
        let covered = desk.balance(&Account::Agent(order.buyer.clone())) >= order.price.total;
        if order.buyer == self.transfer.sender && covered {
            // An order that cannot be funded any more leaves the tokens in the balance.
            let checkpoint = desk.checkpoint();
            if let Err(refusal) = run(desk, &order, Actor::Ledger, &Command::Fund) {
                tracing::info!(order = %order.id, %refusal, "a transfer came for nothing");
                desk.roll_back(checkpoint);
            }
        }
        Ok(())
    }
}

impl Verb for MirrorTransfer {
    type Reply = ();

    fn keys(&self, keys: &mut HashSet<Key>) {
        keys.insert(Key::TegTransaction(self.transfer.id.clone()));
        if self.incoming() {
            keys.insert(Key::Balance(Account::Agent(self.transfer.sender.clone())));
            keys.insert(Key::Agent(self.transfer.sender.clone()));
            keys.extend(self.deposit().map(Key::Deposit));
            keys.extend(self.order().map(Key::Order));
        } else {
            keys.extend(self.withdrawal().map(Key::Withdrawal));
        }
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<(), Refusal> {
        if desk.is_booked(&self.transfer.id) {
            return Err(Refusal::AlreadyDone);
        }
        if self.incoming() {
            return self.receive(desk);
        }
        let withdrawal = self.withdrawal().and_then(|id| desk.withdrawal(id));
        // One that ended without this transfer has paid twice: the worker's log must say so, and
        // the reserves will.
        let withdrawal = withdrawal.filter(|known| known.state == WithdrawalState::InFlight);
        let withdrawal = withdrawal.ok_or(Refusal::NotFound)?;
        settle(desk, &withdrawal, &self.transfer)
    }
}
