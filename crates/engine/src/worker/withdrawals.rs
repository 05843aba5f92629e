//! Withdrawals on their way to the TEG: once, whatever dies in between.
//!
//! Before every call it is written down that the transfer may be made. While its key is remembered
//! by the TEG, the same call may be repeated, after a look whether it was made; after that nobody
//! calls any more, and the operator decides.

use marketplace_money::{Seconds, WithdrawalId};
use marketplace_ports::{
    Effect, Key, TegError, TegTransfer, TransferOrder, Withdrawal, WithdrawalState,
};

use super::Worker;
use crate::job::Done;
use crate::refusal::{Error, Refusal};
use crate::verbs::{
    FinishEffect, HoldWithdrawal, MarkSent, Marked, RetryEffect, ReturnWithdrawal,
    SettleWithdrawal, UnmarkSent,
};

/// While the edge is stopped, somebody looks again after so long.
const STOPPED: Seconds = Seconds(30);

impl Worker {
    pub(super) async fn send_withdrawal(
        &self,
        id: WithdrawalId,
        effect: Effect,
    ) -> Result<(), Error> {
        let market = &self.marketplace;
        let keys = [Key::Withdrawal(id)].into_iter().collect();
        let view = market.store().load(&keys).await?;
        let known = view.withdrawals.get(&id);
        if known.is_none_or(|known| known.state != WithdrawalState::InFlight) {
            return self.finish(effect).await;
        }
        if let Some(stop) = market.edge_stop().await? {
            return self.retry(effect, stop.to_string(), Some(STOPPED)).await;
        }
        let marked = match market.execute(MarkSent { id }, None).await {
            Ok(Done::Fresh(marked)) => marked,
            Ok(Done::Repeated(_)) | Err(Error::Refused(_)) => return self.finish(effect).await,
            Err(error) => return Err(error),
        };
        if marked.before.is_none() {
            return self.transfer(marked, effect).await;
        }
        match market.teg().find(id.uuid()).await {
            Ok(Some(transfer)) => self.settle(id, transfer, &effect).await,
            Ok(None) if self.may_repeat(&marked) => self.transfer(marked, effect).await,
            Ok(None) => {
                let reason = "the TEG does not show the transfer and may have forgotten its key";
                self.hold(id, reason.to_owned(), &effect).await
            }
            Err(error) => self.later(effect, &error).await,
        }
    }

    fn may_repeat(&self, marked: &Marked) -> bool {
        let life = self.marketplace.config().transfer_key_life;
        marked.before.is_none_or(|before| marked.now < before.plus(life))
    }

    async fn transfer(&self, marked: Marked, effect: Effect) -> Result<(), Error> {
        let market = &self.marketplace;
        let Withdrawal { id, version, .. } = *marked.withdrawal;
        let order = TransferOrder {
            key: id.uuid(),
            counterparty: marked.withdrawal.agent.clone(),
            amount: marked.withdrawal.amount,
            memo: format!("withdrawal:{id}"),
        };
        match market.teg().transfer(&order).await {
            Ok(transfer) => self.settle(id, transfer, &effect).await,
            // The key moved something else: only a person can say what.
            Err(TegError::Refused { code: TegError::IDEMPOTENCY_MISMATCH, reason }) => {
                self.hold(id, reason, &effect).await
            }
            Err(TegError::Refused { reason, .. }) => {
                let effect = effect.id;
                let verb = ReturnWithdrawal { id, reason, effect };
                market.execute(verb, None).await.map(|_| ())
            }
            Err(TegError::Unavailable { reason, retry_after }) if marked.before.is_none() => {
                let (error, after) = (reason, retry_after);
                let retry = RetryEffect { effect, error, after, give_up: false };
                market.execute(UnmarkSent { id, version, retry }, None).await.map(|_| ())
            }
            Err(error) => self.later(effect, &error).await,
        }
    }

    async fn settle(
        &self,
        id: WithdrawalId,
        transfer: TegTransfer,
        effect: &Effect,
    ) -> Result<(), Error> {
        let effect = effect.id;
        let verb = SettleWithdrawal { id, transfer, effect };
        match self.marketplace.execute(verb, None).await {
            Ok(_) | Err(Error::Refused(Refusal::AlreadyDone)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn hold(&self, id: WithdrawalId, reason: String, effect: &Effect) -> Result<(), Error> {
        tracing::error!(%id, reason, "a withdrawal waits for the operator");
        let effect = effect.id;
        let verb = HoldWithdrawal { id, reason, effect };
        self.marketplace.execute(verb, None).await.map(|_| ())
    }

    async fn finish(&self, effect: Effect) -> Result<(), Error> {
        self.marketplace.execute(FinishEffect { id: effect.id }, None).await.map(|_| ())
    }

    async fn retry(
        &self,
        effect: Effect,
        error: String,
        after: Option<Seconds>,
    ) -> Result<(), Error> {
        let retry = RetryEffect { effect, error, after, give_up: false };
        self.marketplace.execute(retry, None).await.map(|_| ())
    }

    async fn later(&self, effect: Effect, error: &TegError) -> Result<(), Error> {
        let after = match error {
            TegError::Unavailable { retry_after, .. } => *retry_after,
            _ => None,
        };
        self.retry(effect, error.to_string(), after).await
    }
}
