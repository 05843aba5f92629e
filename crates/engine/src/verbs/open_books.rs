//! The first entry: what we hold at the TEG when we open is the operator's capital.

use std::collections::HashSet;

use marketplace_ledger::{Account, EntryDraft, EntryKind};
use marketplace_money::{Amount, CommandId};
use marketplace_ports::{Key, Subject, TegTransactionId};

use crate::desk::Desk;
use crate::events::wallet_data;
use crate::job::Verb;
use crate::refusal::Refusal;

/// Books the opening balance, once for ever.
#[derive(Clone, Debug)]
pub(crate) struct OpenBooks {
    /// Available and staked.
    pub(crate) holdings: Amount,
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
        desk.book(Self::name(), entry);
        let subject = Subject::Command(CommandId::new(desk.fresh()));
        let data = wallet_data(&[("capital", self.holdings)], &[]);
        desk.emit(subject, "books.opened", Vec::new(), data);
        Ok(())
    }
}
