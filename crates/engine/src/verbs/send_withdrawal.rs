//! The way of a withdrawal to the TEG: when its transfer may have left, when nobody knows what became
//! of it, and what the operators decide then.

use std::collections::HashSet;
use std::sync::Arc;

use marketplace_money::{Timestamp, WithdrawalId};
use marketplace_ports::{EffectChange, EffectKind, Key, Resolution, Withdrawal, WithdrawalState};
use uuid::Uuid;

use super::outbox::RetryEffect;
use super::withdraw::{emit, give_back};
use crate::desk::Desk;
use crate::events::wallet_data;
use crate::job::Verb;
use crate::refusal::Refusal;

/// Notes, before the TEG is called, that the transfer may reach it from now on. Every call begins
/// with this, so that nobody takes for certain what another worker is about to change.
#[derive(Clone, Debug)]
pub(crate) struct MarkSent {
    pub(crate) id: WithdrawalId,
}

/// A withdrawal whose transfer may be made now.
#[derive(Clone, Debug)]
pub(crate) struct Marked {
    pub(crate) withdrawal: Arc<Withdrawal>,
    /// When it may first have reached the TEG before; nothing for the first call.
    pub(crate) before: Option<Timestamp>,
    pub(crate) now: Timestamp,
}

impl Verb for MarkSent {
    type Reply = Marked;

    fn keys(&self, keys: &mut HashSet<Key>) {
        keys.insert(Key::Withdrawal(self.id));
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Marked, Refusal> {
        let withdrawal = desk.withdrawal(self.id).ok_or(Refusal::NotFound)?;
        if withdrawal.state != WithdrawalState::InFlight {
            return Err(Refusal::AlreadyDone);
        }
        let (before, now) = (withdrawal.sent_at, desk.now());
        let sent_at = before.or(Some(now));
        let marked = Withdrawal { sent_at, ..withdrawal.as_ref().clone() };
        let withdrawal = desk.write_withdrawal(withdrawal.version, marked);
        Ok(Marked { withdrawal, before, now })
    }
}

/// The TEG was called and nothing moved, for certain: the withdrawal is as if never sent.
#[derive(Clone, Debug)]
pub(crate) struct UnmarkSent {
    pub(crate) id: WithdrawalId,
    /// The version in which this attempt marked it. Another worker may be about to send it by now.
    pub(crate) version: u64,
    pub(crate) retry: RetryEffect,
}

impl Verb for UnmarkSent {
    type Reply = ();

    fn keys(&self, keys: &mut HashSet<Key>) {
        keys.insert(Key::Withdrawal(self.id));
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<(), Refusal> {
        let known = desk.withdrawal(self.id).filter(|known| known.version == self.version);
        if let Some(withdrawal) = known {
            let unsent = Withdrawal { sent_at: None, ..withdrawal.as_ref().clone() };
            desk.write_withdrawal(withdrawal.version, unsent);
        }
        self.retry.decide(desk)
    }
}

/// Nobody knows what became of the transfer, and its key is too old to be sent again.
#[derive(Clone, Debug)]
pub(crate) struct HoldWithdrawal {
    pub(crate) id: WithdrawalId,
    pub(crate) reason: String,
    pub(crate) effect: Uuid,
}

impl Verb for HoldWithdrawal {
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
        let data = wallet_data(&[("amount", withdrawal.amount)], &[("reason", &self.reason)]);
        emit(desk, self.id, &withdrawal.agent, "wallet.withdrawal_waiting", data);
        let state = WithdrawalState::Waiting { reason: self.reason.clone() };
        let held = Withdrawal { state, ..withdrawal.as_ref().clone() };
        desk.write_withdrawal(withdrawal.version, held);
        Ok(())
    }
}

/// Ends the waiting of a withdrawal in the version that the operators looked at: what they found
/// out about it says nothing about a later waiting.
///
/// # Errors
/// When it does not wait any more, or waits again.
pub(crate) fn resolve(
    desk: &mut Desk<'_>,
    (id, version): (WithdrawalId, u64),
    resolution: Resolution,
    reason: &str,
) -> Result<(), Refusal> {
    let withdrawal = desk.withdrawal(id).ok_or(Refusal::NotFound)?;
    let waits = matches!(withdrawal.state, WithdrawalState::Waiting { .. });
    if !waits || withdrawal.version != version {
        return Err(Refusal::AlreadyDone);
    }
    match resolution {
        Resolution::Return => drop(give_back(desk, &withdrawal, reason)?),
        Resolution::Resend => {
            let now = desk.now();
            desk.add_effect(EffectKind::SendWithdrawal(id), now);
            let data = wallet_data(&[("amount", withdrawal.amount)], &[]);
            emit(desk, id, &withdrawal.agent, "wallet.withdrawal_resent", data);
            let (state, sent_at) = (WithdrawalState::InFlight, None);
            let again = Withdrawal { state, sent_at, ..withdrawal.as_ref().clone() };
            desk.write_withdrawal(withdrawal.version, again);
        }
    }
    Ok(())
}
