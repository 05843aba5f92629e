//! An agent names a transfer that it sent us: it is for its wallet. Its tokens were credited when
//! the mirror saw it; from now on it cannot pay for a purchase any more.

use std::collections::HashSet;

use marketplace_ledger::Account;
use marketplace_money::{CommandId, Did};
use marketplace_ports::{Key, Subject, TegRecord, TegTransactionId};

use super::Balance;
use crate::desk::Desk;
use crate::events::wallet_data;
use crate::job::Verb;
use crate::payment::{Purpose, check};
use crate::refusal::Refusal;

/// Claims a transfer for the caller's balance.
#[derive(Clone, Debug)]
pub(crate) struct ClaimTransfer {
    pub(crate) agent: Did,
    pub(crate) ours: Did,
    pub(crate) transaction: TegTransactionId,
}

impl Verb for ClaimTransfer {
    type Reply = Balance;

    fn keys(&self, keys: &mut HashSet<Key>) {
        keys.insert(Key::TegTransaction(self.transaction.clone()));
        keys.insert(Key::Balance(Account::Agent(self.agent.clone())));
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Self::Reply, Refusal> {
        let record = desk.teg_record(&self.transaction);
        check(record.as_deref(), &self.agent, &self.ours, Purpose::Wallet)?;
        let record = record.ok_or(Refusal::PaymentNotSeen)?;

        // From here on it must succeed.
        let subject = Subject::Command(CommandId::new(desk.fresh()));
        desk.write_teg_record(TegRecord { used_for: Some(subject), ..record.as_ref().clone() });
        let texts = [("transaction_id", self.transaction.0.as_str())];
        let data = wallet_data(&[("amount", record.amount)], &texts);
        desk.emit(subject, "wallet.transfer_claimed", vec![self.agent.clone()], data);
        Ok(Balance { available: desk.balance(&Account::Agent(self.agent.clone())) })
    }
}
