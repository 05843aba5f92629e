//! An agent sends tokens to another agent, inside the marketplace.

use std::collections::HashSet;

use marketplace_ledger::{Account, EntryDraft, EntryKind};
use marketplace_listings::Invalid;
use marketplace_money::{Amount, CommandId, Did};
use marketplace_ports::{Key, Subject};

use super::Balance;
use crate::desk::Desk;
use crate::events::wallet_data;
use crate::job::Verb;
use crate::refusal::Refusal;

/// Moves tokens from the caller's balance to another agent's.
#[derive(Clone, Debug)]
pub struct Transfer {
    /// The caller.
    pub from: Did,
    /// Who gets it.
    pub to: Did,
    /// Above zero.
    pub amount: Amount,
    /// For both statements; inert text of at most 256 characters.
    pub reason: String,
}

impl Verb for Transfer {
    type Reply = Balance;

    fn keys(&self, keys: &mut HashSet<Key>) {
        keys.insert(Key::Balance(Account::Agent(self.from.clone())));
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Self::Reply, Refusal> {
        if !self.amount.is_positive() {
            return Err(Invalid::new("amount", "must be above 0").into());
        }
        if self.reason.chars().nth(256).is_some() || self.reason.chars().any(char::is_control) {
            let problem = "must be at most 256 characters without control characters";
            return Err(Invalid::new("reason", problem).into());
        }
        if self.from == self.to {
            return Err(Refusal::SelfTransfer);
        }
        let from = Account::Agent(self.from.clone());
        let to = Account::Agent(self.to.clone());
        let draft = EntryDraft::transfer(EntryKind::Transfer, from.clone(), to, self.amount);
        let draft = draft.map_err(|_| Invalid::new("amount", "is out of range"))?;
        desk.post(draft.because(self.reason.as_str()))?;
        let subject = Subject::Command(CommandId::new(desk.fresh()));
        let texts = [
            ("from", self.from.as_str()),
            ("to", self.to.as_str()),
            ("reason", self.reason.as_str()),
        ];
        let data = wallet_data(&[("amount", self.amount)], &texts);
        let audience = vec![self.from.clone(), self.to.clone()];
        desk.emit(subject, "wallet.transferred", audience, data);
        Ok(Balance { available: desk.balance(&from) })
    }
}
