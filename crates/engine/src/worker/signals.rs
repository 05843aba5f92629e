//! The word of a buyer who was content, told to the TEG on the transfer that paid its seller out:
//! once, whatever dies in between. A transfer that was rated before was rated by us.

use marketplace_money::{OrderId, Seconds, WithdrawalId};
use marketplace_ports::{Effect, Key, TegError, TegTransactionId, WithdrawalState};

use super::Worker;
use crate::refusal::Error;
use crate::verbs::{FinishEffect, PutOffEffect, RetryEffect};

/// Tries of a signal, over about a day; then it is a dead letter.
const ATTEMPTS: u32 = 300;
/// A transfer that is on its way is looked at again after so long.
const ON_ITS_WAY: Seconds = Seconds(5);
/// And one that waits for the operator, or for an edge that is stopped.
const STOPPED: Seconds = Seconds(60);

impl Worker {
    pub(super) async fn signal(
        &self,
        withdrawal: WithdrawalId,
        order: OrderId,
        effect: Effect,
    ) -> Result<(), Error> {
        let market = &self.marketplace;
        let keys = [Key::Withdrawal(withdrawal)].into_iter().collect();
        let view = market.store().load(&keys).await?;
        let known = view.withdrawals.get(&withdrawal);
        let (why, after) = match known.map(|known| &known.state) {
            // Nothing left, so there is nothing to rate.
            None | Some(WithdrawalState::Returned { .. }) => return self.end_signal(&effect).await,
            Some(WithdrawalState::Settled(transfer)) => match market.edge_stop().await? {
                None => return self.send_signal(transfer, order, effect).await,
                Some(stop) => (stop.to_string(), STOPPED),
            },
            Some(WithdrawalState::InFlight) => ("the payout is on its way".into(), ON_ITS_WAY),
            Some(WithdrawalState::Waiting { reason }) => (reason.clone(), STOPPED),
        };
        market.execute(PutOffEffect { effect, why, after }, None).await.map(|_| ())
    }

    async fn send_signal(
        &self,
        transfer: &TegTransactionId,
        order: OrderId,
        effect: Effect,
    ) -> Result<(), Error> {
        let market = &self.marketplace;
        let (error, after, give_up) = match market.teg().signal(transfer, true).await {
            // Rated before: an answer to us was lost.
            Ok(())
            | Err(TegError::Refused { code: TegError::ALREADY_SIGNALED, .. })
            | Err(TegError::Unsupported { .. }) => return self.end_signal(&effect).await,
            Err(TegError::Refused { reason, .. }) => (reason, None, true),
            Err(TegError::Unavailable { reason, retry_after }) => {
                (reason, retry_after, effect.attempts + 1 >= ATTEMPTS)
            }
            Err(TegError::Unknown { reason }) => (reason, None, effect.attempts + 1 >= ATTEMPTS),
        };
        if give_up {
            let transfer = transfer.0.as_str();
            tracing::warn!(id = %effect.id, %order, transfer, error, "a signal is given up");
        }
        market.execute(RetryEffect { effect, error, after, give_up }, None).await.map(|_| ())
    }

    async fn end_signal(&self, effect: &Effect) -> Result<(), Error> {
        self.marketplace.execute(FinishEffect { id: effect.id }, None).await.map(|_| ())
    }
}
