//! Tokens go out: the intent and the postings first, the transfer from the outbox, then its end.

use std::collections::HashSet;
use std::sync::Arc;

use marketplace_ledger::{Account, EntryDraft, EntryKind};
use marketplace_listings::Invalid;
use marketplace_money::{Amount, Did, WithdrawalId};
use marketplace_ports::{
    EffectChange, EffectKind, Key, Subject, TegRecord, TegRecordState, TegTransfer, Withdrawal,
    WithdrawalState,
};
use uuid::Uuid;

use crate::desk::Desk;
use crate::events::wallet_data;
use crate::job::Verb;
use crate::refusal::Refusal;

/// Sends tokens from the caller's balance to its account at the TEG.
#[derive(Clone, Debug)]
pub(crate) struct Withdraw {
    pub(crate) agent: Did,
    /// What arrives.
    pub(crate) amount: Amount,
    /// What the TEG takes, as it said just before.
    pub(crate) fee: Amount,
}

impl Verb for Withdraw {
    type Reply = Arc<Withdrawal>;

    fn keys(&self, keys: &mut HashSet<Key>) {
        keys.insert(Key::Balance(Account::Agent(self.agent.clone())));
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Self::Reply, Refusal> {
        let id = WithdrawalId::new(desk.fresh());
        self.ask(desk, id)
    }
}

impl Withdraw {
    /// The withdrawal under this id, which nobody has used.
    ///
    /// # Errors
    /// When the balance does not cover it.
    pub(crate) fn ask(
        &self,
        desk: &mut Desk<'_>,
        id: WithdrawalId,
    ) -> Result<Arc<Withdrawal>, Refusal> {
        if !self.amount.is_positive() {
            return Err(Invalid::new("amount", "must be above 0").into());
        }
        let out_of_range = Invalid::new("amount", "is out of range");
        let held = self.amount.checked_add(self.fee).ok_or(out_of_range.clone())?;
        let (from, to) = (Account::Agent(self.agent.clone()), Account::Withdrawal(id));
        let draft = EntryDraft::transfer(EntryKind::Withdrawal, from, to, held);
        desk.post(draft.map_err(|_| out_of_range)?.because(format!("Withdrawal {id}")))?;
        let now = desk.now();
        desk.add_effect(EffectKind::SendWithdrawal(id), now);
        let amounts = [("amount", self.amount), ("fee", self.fee)];
        emit(desk, id, &self.agent, "wallet.withdrawal_asked", wallet_data(&amounts, &[]));
        let withdrawal = Withdrawal {
            id,
            version: 1,
            agent: self.agent.clone(),
            amount: self.amount,
            fee: self.fee,
            at: now,
            sent_at: None,
            state: WithdrawalState::InFlight,
        };
        Ok(desk.write_withdrawal(0, withdrawal))
    }
}

pub(crate) fn emit(
    desk: &mut Desk<'_>,
    id: WithdrawalId,
    agent: &Did,
    name: &'static str,
    data: String,
) {
    desk.emit(Subject::Withdrawal(id), name, vec![agent.clone()], data);
}

/// What is known of a transfer of ours.
pub(crate) fn sent(
    transfer: &TegTransfer,
    state: TegRecordState,
    used_for: Option<Subject>,
) -> TegRecord {
    TegRecord {
        id: transfer.id.clone(),
        version: 0,
        state,
        payer: None,
        // Both were above zero and left an account that held their sum.
        amount: transfer.amount.checked_add(transfer.fee).unwrap_or(Amount::MAX),
        dust: transfer.dust,
        memo: transfer.memo.clone(),
        at: transfer.at,
        used_for,
    }
}

/// Books the transfer that ended a withdrawal. When the TEG took another fee than it had said,
/// what is left goes back to the agent, and what is missing is ours.
pub(crate) fn settle(
    desk: &mut Desk<'_>,
    withdrawal: &Withdrawal,
    transfer: &TegTransfer,
) -> Result<(), Refusal> {
    let out_of_range = || Refusal::Invalid(Invalid::new("amount", "is out of range"));
    let held = withdrawal.held();
    let left = transfer.amount.checked_add(transfer.fee).ok_or_else(out_of_range)?;
    let rest = held.checked_sub(left).ok_or_else(out_of_range)?;
    let owner = if rest.is_negative() {
        Account::TegFees
    } else {
        Account::Agent(withdrawal.agent.clone())
    };
    let out = held.checked_neg().ok_or_else(out_of_range)?;
    let account = Account::Withdrawal(withdrawal.id);
    let moves = [(account, out), (Account::Teg, left), (owner, rest)];
    let draft = EntryDraft::new(EntryKind::WithdrawalSettled, moves);
    let draft = draft.map_err(|_| out_of_range())?;
    let entry = desk.post(draft.because(format!("Withdrawal {}", withdrawal.id)))?;
    let used_for = Some(Subject::Withdrawal(withdrawal.id));
    desk.write_teg_record(sent(transfer, TegRecordState::Booked(entry), used_for));
    let texts = [("transaction_id", transfer.id.0.as_str())];
    let data = wallet_data(&[("amount", transfer.amount), ("fee", transfer.fee)], &texts);
    emit(desk, withdrawal.id, &withdrawal.agent, "wallet.withdrawal_settled", data);
    let state = WithdrawalState::Settled(transfer.id.clone());
    desk.write_withdrawal(withdrawal.version, Withdrawal { state, ..withdrawal.clone() });
    Ok(())
}

/// The TEG completed the transfer.
#[derive(Clone, Debug)]
pub(crate) struct SettleWithdrawal {
    pub(crate) id: WithdrawalId,
    pub(crate) transfer: TegTransfer,
    pub(crate) effect: Uuid,
}

impl Verb for SettleWithdrawal {
    type Reply = ();

    fn keys(&self, keys: &mut HashSet<Key>) {
        keys.insert(Key::Withdrawal(self.id));
        keys.insert(Key::TegTransaction(self.transfer.id.clone()));
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<(), Refusal> {
        desk.change_effect(EffectChange::Done(self.effect));
        let withdrawal = desk.withdrawal(self.id).ok_or(Refusal::NotFound)?;
        if withdrawal.is_open() && !desk.is_booked(&self.transfer.id) {
            settle(desk, &withdrawal, &self.transfer)?;
        }
        Ok(())
    }
}

/// The TEG refused the transfer for good: the tokens go back.
#[derive(Clone, Debug)]
pub(crate) struct ReturnWithdrawal {
    pub(crate) id: WithdrawalId,
    pub(crate) reason: String,
    pub(crate) effect: Uuid,
}

impl Verb for ReturnWithdrawal {
    type Reply = ();

    fn keys(&self, keys: &mut HashSet<Key>) {
        keys.insert(Key::Withdrawal(self.id));
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<(), Refusal> {
        desk.change_effect(EffectChange::Done(self.effect));
        let withdrawal = desk.withdrawal(self.id).ok_or(Refusal::NotFound)?;
        if withdrawal.state != WithdrawalState::InFlight {
            return Ok(());
        }
        give_back(desk, &withdrawal, &self.reason)?;
        Ok(())
    }
}

/// Puts what a withdrawal holds back into its agent's balance.
pub(crate) fn give_back(
    desk: &mut Desk<'_>,
    withdrawal: &Withdrawal,
    reason: &str,
) -> Result<Arc<Withdrawal>, Refusal> {
    let from = Account::Withdrawal(withdrawal.id);
    let to = Account::Agent(withdrawal.agent.clone());
    let kind = EntryKind::WithdrawalReturned;
    let draft = EntryDraft::transfer(kind, from, to, withdrawal.held());
    let draft = draft.map_err(|_| Refusal::NotFound)?;
    desk.post(draft.because(format!("Withdrawal {} was refused", withdrawal.id)))?;
    let data = wallet_data(&[("amount", withdrawal.amount)], &[("reason", reason)]);
    emit(desk, withdrawal.id, &withdrawal.agent, "wallet.withdrawal_returned", data);
    let state = WithdrawalState::Returned { reason: reason.to_owned() };
    Ok(desk.write_withdrawal(withdrawal.version, Withdrawal { state, ..withdrawal.clone() }))
}
