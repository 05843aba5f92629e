//! What crosses the edge to the TEG, for those who compare it with the books.

use std::sync::Arc;

use marketplace_ledger::Account;
use marketplace_money::{Amount, WithdrawalId};
use marketplace_ports::{
    LiabilitiesAt, Liability, LiabilitySink, StoreError, TegPosition, TegRecordState, Withdrawal,
};

use super::journal::amount;
use super::state::State;

const MOST_UNMATCHED: usize = 100;

impl State {
    pub(crate) fn teg_position(&self) -> Result<TegPosition, StoreError> {
        let held = |sent: bool| {
            let own = move |w: &&Arc<Withdrawal>| w.sent_at.is_some() == sent;
            let held = self.withdrawals.values().filter(own).map(|w| i128::from(w.held().nano()));
            amount(held.sum())
        };
        let lost = |record: &&Arc<_>| is_unmatched(record);
        let unmatched = self.teg_records.values().filter(lost);
        Ok(TegPosition {
            booked: self.booked()?,
            dust: self.teg_records.values().map(|record| u64::from(record.dust)).sum(),
            unconfirmed: held(true)?,
            queued: held(false)?,
            unmatched: unmatched.take(MOST_UNMATCHED).cloned().collect(),
        })
    }

    fn booked(&self) -> Result<Amount, StoreError> {
        amount(-i128::from(self.journal.sum(&Account::Teg)?.nano()))
    }

    pub(crate) fn open_withdrawals(
        &self,
        after: Option<WithdrawalId>,
        limit: u32,
    ) -> Vec<Arc<Withdrawal>> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let later = self.withdrawals.values().filter(|w| after.is_none_or(|after| w.id > after));
        later.filter(|withdrawal| withdrawal.is_open()).take(limit).cloned().collect()
    }

    pub(crate) fn liabilities(&self, sink: &LiabilitySink) -> Result<LiabilitiesAt, StoreError> {
        let balances = self.balances.iter().filter(|(account, _)| **account != Account::Insurance);
        let balances = balances.map(|(account, amount)| (account.clone(), *amount));
        let orders = self.orders.rows().map(|row| (Account::Order(row.id), row.escrow()));
        let withdrawals = self.withdrawals.values();
        let withdrawals = withdrawals.map(|row| (Account::Withdrawal(row.id), row.held()));
        let disputes = self.disputes.dockets.rows();
        let disputes = disputes.map(|row| (Account::Dispute(row.dispute.id), row.dispute.held()));
        let owed = balances.chain(orders).chain(withdrawals).chain(disputes);
        let owed = owed.filter(|(_, amount)| amount.is_positive());
        sink(owed.map(|(account, amount)| Liability { account, amount }).collect());
        Ok(LiabilitiesAt { at: self.now, booked: self.booked()? })
    }
}

fn is_unmatched(record: &marketplace_ports::TegRecord) -> bool {
    record.state == TegRecordState::Unmatched
}
