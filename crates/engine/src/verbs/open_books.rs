//! The first entry: what we hold at the TEG when we open is the operator's capital.

use std::collections::HashSet;

use marketplace_ledger::{Account, EntryDraft, EntryKind};
use marketplace_money::{Amount, CommandId};
use marketplace_ports::{Key, Subject, TegRecord, TegRecordState, TegTransactionId};

use crate::desk::Desk;
use crate::events::wallet_data;
use crate::job::Verb;
use crate::refusal::Refusal;

/// Books the opening balance, once for ever.
#[derive(Clone, Debug)]
pub(crate) struct OpenBooks {
    /// Available and staked.
    pub(crate) holdings: Amount,
    /// In atto-AVT, below one nano-AVT.
    pub(crate) dust: u32,
}

impl OpenBooks {
    /// Stands where a transfer would: no TEG gives a transfer this name.
    pub(crate) fn name() -> TegTransactionId {
        TegTransactionId("marketplace:opening-balance".to_owned())
    }
}

impl Verb for OpenBooks {
    type Reply = ();

    fn keys(&self, keys: &mut HashSet<Key>) {
        keys.insert(Key::TegTransaction(Self::name()));
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<(), Refusal> {
        if desk.is_booked(&Self::name()) {
            return Err(Refusal::AlreadyDone);
        }
        let entry = if self.holdings.is_zero() {
            marketplace_money::EntryId::new(desk.fresh())
        } else {
            let (from, to) = (Account::Teg, Account::Capital);
            let draft = EntryDraft::transfer(EntryKind::Capital, from, to, self.holdings);
            let draft = draft.map_err(|_| Refusal::NotFound)?;
            desk.post(draft.because("Opening balance at the TEG"))?
        };
        let subject = Subject::Command(CommandId::new(desk.fresh()));
        desk.write_teg_record(TegRecord {
            id: Self::name(),
            version: 0,
            state: TegRecordState::Booked(entry),
            payer: None,
            amount: self.holdings,
            dust: self.dust,
            memo: String::new(),
            at: desk.now(),
            used_for: Some(subject),
        });
        let data = wallet_data(&[("capital", self.holdings)], &[]);
        desk.emit(subject, "books.opened", Vec::new(), data);
        Ok(())
    }
}
