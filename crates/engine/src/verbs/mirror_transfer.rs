//! A line of our history at the TEG: credited, or matched with what we sent. Each line once.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use marketplace_escrow::{Actor, Command, Order, State};
use marketplace_ledger::Account;
use marketplace_money::{Amount, CommandId, DepositId, Did, OrderId, WithdrawalId};
use marketplace_ports::{
    Deposit, DepositState, Key, Subject, TegRecord, TegRecordState, TegTransfer,
};

use super::change_order::run;
use super::deposit::{credit, received};
use super::withdraw::{sent, settle};
use crate::desk::Desk;
use crate::events::wallet_data;
use crate::job::Verb;
use crate::payment::orders_in;
use crate::refusal::Refusal;

/// Books one transfer of the history.
#[derive(Clone, Debug)]
pub(crate) struct MirrorTransfer {
    pub(crate) ours: Did,
    pub(crate) transfer: TegTransfer,
    /// How much may be open with the sellers of the orders that it may pay for.
    pub(crate) limits: BTreeMap<Did, Amount>,
}

/// What became of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mirrored {
    /// An entry books it.
    Booked,
    /// It fits nothing of ours, and stays in sight until an operator has explained it.
    Unmatched,
}

impl MirrorTransfer {
    fn deposit(&self) -> Option<DepositId> {
        self.transfer.key.map(DepositId::new)
    }

    fn withdrawal(&self) -> Option<WithdrawalId> {
        self.transfer.key.map(WithdrawalId::new)
    }

    /// The orders that the memo may name: a memo binds when it contains the id.
    pub(crate) fn orders(&self) -> Vec<OrderId> {
        orders_in(&self.transfer.memo, [&self.transfer.sender, &self.ours])
    }

    fn incoming(&self) -> bool {
        self.transfer.receiver == self.ours
    }

    fn receive(&self, desk: &mut Desk<'_>) -> Result<(), Refusal> {
        if let Some(deposit) = self.deposit().and_then(|id| desk.deposit(id)) {
            credit(desk, &self.transfer, Some(Subject::Deposit(deposit.id)))?;
            let state = DepositState::Credited(self.transfer.id.clone());
            desk.write_deposit(deposit.version, Deposit { state, ..deposit.as_ref().clone() });
            return Ok(());
        }
        credit(desk, &self.transfer, None)?;
        let waits = |order: &Arc<Order>| {
            order.buyer == self.transfer.sender
                && matches!(order.state, State::AwaitingFunds { .. })
        };
        let mut named = self.orders().into_iter().filter_map(|id| desk.order(id));
        let Some(order) = named.find(waits) else { return Ok(()) };
        if desk.balance(&Account::Agent(order.buyer.clone())) < order.price.total {
            return Ok(());
        }
        // An order that cannot be funded any more leaves the tokens in the balance.
        let checkpoint = desk.checkpoint();
        match self.fund(desk, &order) {
            Ok(()) => self.use_for(desk, Subject::Order(order.id)),
            Err(refusal) => {
                tracing::info!(order = %order.id, %refusal, "a transfer came for nothing");
                desk.roll_back(checkpoint);
            }
        }
        Ok(())
    }

    /// Others may have come first while the order waited: then nothing more may wait on its seller.
    fn fund(&self, desk: &mut Desk<'_>, order: &Order) -> Result<(), Refusal> {
        let limit = self.limits.get(&order.seller).copied();
        desk.check_exposure(&order.seller, order.price.total, limit)?;
        run(desk, order, Actor::Ledger, &Command::Fund)?;
        desk.limit_exposure(&order.seller, limit);
        Ok(())
    }

    fn use_for(&self, desk: &mut Desk<'_>, subject: Subject) {
        if let Some(record) = desk.teg_record(&self.transfer.id) {
            desk.write_teg_record(TegRecord { used_for: Some(subject), ..record.as_ref().clone() });
        }
    }

    /// One that ended without this transfer has paid twice, and one that nobody asked for is worse:
    /// the reserves lack these tokens, and the alarm must be able to name them.
    fn keep_in_sight(&self, desk: &mut Desk<'_>) -> Result<(), Refusal> {
        if desk.teg_record(&self.transfer.id).is_some() {
            return Err(Refusal::AlreadyDone);
        }
        desk.write_teg_record(sent(&self.transfer, TegRecordState::Unmatched, None));
        let subject = Subject::Command(CommandId::new(desk.fresh()));
        let texts = [
            ("transaction_id", self.transfer.id.0.as_str()),
            ("receiver", self.transfer.receiver.as_str()),
        ];
        let data = wallet_data(&[("amount", self.transfer.amount)], &texts);
        desk.emit(subject, "reserves.unmatched_transfer", Vec::new(), data);
        Ok(())
    }
}

impl Verb for MirrorTransfer {
    type Reply = Mirrored;

    fn keys(&self, keys: &mut HashSet<Key>) {
        keys.insert(Key::TegTransaction(self.transfer.id.clone()));
        if self.incoming() {
            keys.insert(Key::Balance(Account::Agent(self.transfer.sender.clone())));
            keys.insert(Key::Agent(self.transfer.sender.clone()));
            keys.extend(self.deposit().map(Key::Deposit));
            keys.extend(self.orders().into_iter().map(Key::Order));
            let sellers = self.limits.keys().cloned();
            keys.extend(sellers.map(|seller| Key::Balance(Account::Agent(seller))));
        } else {
            keys.extend(self.withdrawal().map(Key::Withdrawal));
        }
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Mirrored, Refusal> {
        if desk.is_booked(&self.transfer.id) {
            return Err(Refusal::AlreadyDone);
        }
        if self.incoming() {
            return self.receive(desk).map(|()| Mirrored::Booked);
        }
        let withdrawal = self.withdrawal().and_then(|id| desk.withdrawal(id));
        match withdrawal.filter(|known| known.is_open()) {
            Some(withdrawal) => {
                settle(desk, &withdrawal, &self.transfer).map(|()| Mirrored::Booked)
            }
            None => self.keep_in_sight(desk).map(|()| Mirrored::Unmatched),
        }
    }
}

/// Notes a transfer to us that the TEG has not completed, or that failed, so that who names it is
/// told so.
#[derive(Clone, Debug)]
pub(crate) struct NoteUnsettled {
    pub(crate) transfer: TegTransfer,
    /// [`TegRecordState::Pending`] or [`TegRecordState::Failed`].
    pub(crate) state: TegRecordState,
}

impl Verb for NoteUnsettled {
    type Reply = ();

    fn keys(&self, keys: &mut HashSet<Key>) {
        keys.insert(Key::TegTransaction(self.transfer.id.clone()));
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<(), Refusal> {
        let known = desk.teg_record(&self.transfer.id);
        let fails = self.state == TegRecordState::Failed
            && known.as_ref().is_some_and(|known| known.state == TegRecordState::Pending);
        if known.is_some() && !fails {
            return Err(Refusal::AlreadyDone);
        }
        // Its dust counts when it is there.
        let record = received(&self.transfer, self.state);
        desk.write_teg_record(TegRecord { dust: 0, ..record });
        Ok(())
    }
}
