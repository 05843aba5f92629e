//! Tokens come in: the intent before the TEG is called, the credit after, and the command that
//! the tokens were for in the same commit as the credit.

use std::collections::HashSet;
use std::sync::Arc;

use marketplace_ledger::{Account, EntryDraft, EntryKind};
use marketplace_money::{Amount, CommandId, DepositId, Did, EntryId, Seconds};
use marketplace_ports::TegRecordState::{self, Booked};
use marketplace_ports::{Deposit, DepositState, EffectKind, Key, Subject, TegRecord, TegTransfer};

use super::Balance;
use crate::desk::Desk;
use crate::events::wallet_data;
use crate::job::Verb;
use crate::refusal::Refusal;

/// A request that asked for a deposit has so long to finish it before the worker looks after it.
const REQUEST_LIFE: Seconds = Seconds(60);

/// Records the intent to pull tokens. Repeating it changes nothing and shows where it is.
#[derive(Clone, Debug)]
pub(crate) struct AskDeposit {
    pub(crate) id: DepositId,
    pub(crate) agent: Did,
    pub(crate) amount: Amount,
}

impl Verb for AskDeposit {
    type Reply = Arc<Deposit>;

    fn keys(&self, keys: &mut HashSet<Key>) {
        keys.insert(Key::Deposit(self.id));
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Self::Reply, Refusal> {
        if let Some(deposit) = desk.deposit(self.id) {
            return Ok(deposit);
        }
        let due = desk.now().plus(REQUEST_LIFE);
        desk.add_effect(EffectKind::ResolveDeposit(self.id), due);
        let deposit = Deposit {
            id: self.id,
            version: 1,
            agent: self.agent.clone(),
            amount: self.amount,
            at: desk.now(),
            state: DepositState::Asked,
        };
        Ok(desk.write_deposit(0, deposit))
    }
}

/// Ends a deposit that did not come to be.
#[derive(Clone, Debug)]
pub(crate) struct CloseDeposit {
    pub(crate) id: DepositId,
    /// Refused or unseen.
    pub(crate) state: DepositState,
}

impl Verb for CloseDeposit {
    type Reply = ();

    fn keys(&self, keys: &mut HashSet<Key>) {
        keys.insert(Key::Deposit(self.id));
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<(), Refusal> {
        let deposit = desk.deposit(self.id).ok_or(Refusal::NotFound)?;
        if deposit.state != DepositState::Asked {
            return Err(Refusal::AlreadyDone);
        }
        let closed = Deposit { state: self.state.clone(), ..deposit.as_ref().clone() };
        desk.write_deposit(deposit.version, closed);
        Ok(())
    }
}

/// Credits a transfer that arrived to its sender, once for ever. What is below one nano-AVT is
/// counted beside the ledger.
pub(crate) fn credit(
    desk: &mut Desk<'_>,
    transfer: &TegTransfer,
    used_for: Option<Subject>,
) -> Result<(), Refusal> {
    if desk.is_booked(&transfer.id) {
        return Err(Refusal::AlreadyDone);
    }
    let entry = if transfer.amount.is_zero() {
        EntryId::new(desk.fresh())
    } else {
        let to = Account::Agent(transfer.sender.clone());
        let draft = EntryDraft::transfer(EntryKind::Deposit, Account::Teg, to, transfer.amount);
        let draft = draft.map_err(|_| Refusal::NotFound)?;
        desk.post(draft.because(format!("Deposit {}", transfer.id.0)))?
    };
    desk.write_teg_record(TegRecord { used_for, ..received(transfer, Booked(entry)) });
    let subject = Subject::Command(CommandId::new(desk.fresh()));
    let texts = [("transaction_id", transfer.id.0.as_str())];
    let data = wallet_data(&[("amount", transfer.amount)], &texts);
    desk.emit(subject, "wallet.deposited", vec![transfer.sender.clone()], data);
    Ok(())
}

/// What is known of a transfer to us.
pub(crate) fn received(transfer: &TegTransfer, state: TegRecordState) -> TegRecord {
    TegRecord {
        id: transfer.id.clone(),
        version: 0,
        state,
        payer: Some(transfer.sender.clone()),
        amount: transfer.amount,
        dust: transfer.dust,
        memo: transfer.memo.clone(),
        at: transfer.at,
        used_for: None,
    }
}

/// Books the transfer of a deposit intent.
#[derive(Clone, Debug)]
pub(crate) struct CreditDeposit {
    pub(crate) id: DepositId,
    pub(crate) transfer: TegTransfer,
}

impl CreditDeposit {
    fn write(&self, desk: &mut Desk<'_>) -> Result<(), Refusal> {
        let deposit = desk.deposit(self.id).ok_or(Refusal::NotFound)?;
        credit(desk, &self.transfer, Some(Subject::Deposit(self.id)))?;
        let state = DepositState::Credited(self.transfer.id.clone());
        desk.write_deposit(deposit.version, Deposit { state, ..deposit.as_ref().clone() });
        Ok(())
    }
}

impl Verb for CreditDeposit {
    type Reply = ();

    fn keys(&self, keys: &mut HashSet<Key>) {
        keys.insert(Key::Deposit(self.id));
        keys.insert(Key::TegTransaction(self.transfer.id.clone()));
        keys.insert(Key::Balance(Account::Agent(self.transfer.sender.clone())));
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<(), Refusal> {
        self.write(desk)
    }
}

/// Books a deposit and does what it was for. When that is refused, the tokens stay in the agent's
/// balance: the reply carries the refusal, and the commit only the credit.
pub(crate) struct Funded<V> {
    pub(crate) credit: CreditDeposit,
    pub(crate) verb: Arc<V>,
}

impl<V: Verb> Verb for Funded<V> {
    type Reply = Result<V::Reply, Refusal>;

    fn keys(&self, keys: &mut HashSet<Key>) {
        self.credit.keys(keys);
        self.verb.keys(keys);
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Self::Reply, Refusal> {
        // The mirror may have been faster: then the tokens are in the balance already.
        let credited = match self.credit.write(desk) {
            Ok(()) => true,
            Err(Refusal::AlreadyDone) => false,
            Err(refusal) => return Err(refusal),
        };
        let checkpoint = desk.checkpoint();
        match self.verb.decide(desk) {
            Ok(reply) => Ok(Ok(reply)),
            Err(refusal) if credited => {
                desk.roll_back(checkpoint);
                Ok(Err(refusal))
            }
            Err(refusal) => Err(refusal),
        }
    }

    fn is_refusal(reply: &Self::Reply) -> bool {
        reply.is_err()
    }
}

/// Shows the balance after a deposit.
#[derive(Clone, Debug)]
pub(crate) struct ShowBalance {
    pub(crate) agent: Did,
}

impl Verb for ShowBalance {
    type Reply = Balance;

    fn keys(&self, keys: &mut HashSet<Key>) {
        keys.insert(Key::Balance(Account::Agent(self.agent.clone())));
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Self::Reply, Refusal> {
        Ok(Balance { available: desk.balance(&Account::Agent(self.agent.clone())) })
    }
}
