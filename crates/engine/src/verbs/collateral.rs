//! An agent of negative reputation locks collateral, or takes it back.

use std::collections::HashSet;

use marketplace_ledger::{Account, EntryDraft, EntryKind};
use marketplace_listings::Invalid;
use marketplace_money::{Amount, CommandId, Did, Reputation};
use marketplace_ports::{Key, Subject};

use super::Balance;
use crate::desk::Desk;
use crate::events::wallet_data;
use crate::job::Verb;
use crate::refusal::Refusal;

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MoveCollateral {
    /// From the balance.
    Lock,
    /// Back to the balance.
    Release,
}

/// Moves tokens between the caller's balance and its collateral.
#[derive(Clone, Debug)]
pub(crate) struct Collateral {
    pub(crate) agent: Did,
    pub(crate) way: MoveCollateral,
    pub(crate) amount: Amount,
    pub(crate) reputation: Reputation,
    pub(crate) required: Amount,
}

impl Verb for Collateral {
    type Reply = Balance;

    fn keys(&self, keys: &mut HashSet<Key>) {
        keys.insert(Key::Agent(self.agent.clone()));
        keys.insert(Key::Balance(Account::Agent(self.agent.clone())));
        keys.insert(Key::Balance(Account::Collateral(self.agent.clone())));
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Self::Reply, Refusal> {
        if !self.amount.is_positive() {
            return Err(Invalid::new("amount", "must be above 0").into());
        }
        let balance = Account::Agent(self.agent.clone());
        let locked = Account::Collateral(self.agent.clone());
        let agent = desk.agent(&self.agent);
        let (from, to) = match self.way {
            MoveCollateral::Lock => (balance.clone(), locked),
            MoveCollateral::Release => {
                let left = desk.balance(&locked).checked_sub(self.amount).unwrap_or_default();
                let needed = self.reputation.is_negative() && agent.listings > 0;
                if needed && left < self.required {
                    return Err(Refusal::CollateralNeeded);
                }
                desk.rely_on(Key::Agent(self.agent.clone()), agent.version);
                (locked, balance.clone())
            }
        };
        let draft = EntryDraft::transfer(EntryKind::Collateral, from, to, self.amount);
        desk.post(draft.map_err(|_| Invalid::new("amount", "is out of range"))?)?;
        let subject = Subject::Command(CommandId::new(desk.fresh()));
        let name = match self.way {
            MoveCollateral::Lock => "wallet.collateral_locked",
            MoveCollateral::Release => "wallet.collateral_released",
        };
        let data = wallet_data(&[("amount", self.amount)], &[]);
        desk.emit(subject, name, vec![self.agent.clone()], data);
        Ok(Balance { available: desk.balance(&balance) })
    }
}
