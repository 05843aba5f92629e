//! The operator explains a transfer of ours that fits nothing: it was paid from our own tokens.

use std::collections::HashSet;

use marketplace_ledger::{Account, EntryDraft, EntryKind};
use marketplace_money::CommandId;
use marketplace_ports::{Key, Subject, TegRecord, TegRecordState, TegTransactionId};

use crate::desk::Desk;
use crate::events::wallet_data;
use crate::job::Verb;
use crate::refusal::Refusal;

/// Books an unmatched transfer against the operator's capital.
#[derive(Clone, Debug)]
pub(crate) struct ExplainTransfer {
    pub(crate) transaction: TegTransactionId,
    pub(crate) reason: String,
}

impl Verb for ExplainTransfer {
    type Reply = ();

    fn keys(&self, keys: &mut HashSet<Key>) {
        keys.insert(Key::TegTransaction(self.transaction.clone()));
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<(), Refusal> {
        let record = desk.teg_record(&self.transaction).ok_or(Refusal::NotFound)?;
        if record.state != TegRecordState::Unmatched {
            return Err(Refusal::AlreadyDone);
        }
        let (from, to) = (Account::Capital, Account::Teg);
        let draft = EntryDraft::transfer(EntryKind::Capital, from, to, record.amount);
        let draft = draft.map_err(|_| Refusal::NotFound)?;
        let reason = format!("Transfer {}: {}", self.transaction.0, self.reason);
        let entry = desk.post(draft.because(reason))?;
        let subject = Subject::Command(CommandId::new(desk.fresh()));
        let (state, used_for) = (TegRecordState::Booked(entry), Some(subject));
        desk.write_teg_record(TegRecord { state, used_for, ..record.as_ref().clone() });
        let texts = [("transaction_id", self.transaction.0.as_str()), ("reason", &self.reason)];
        let data = wallet_data(&[("amount", record.amount)], &texts);
        desk.emit(subject, "reserves.transfer_explained", Vec::new(), data);
        Ok(())
    }
}
