//! Balances that their agents want paid out.

use marketplace_money::Amount;
use marketplace_ports::PayoutPolicy;

use super::{BITE, Worker};
use crate::refusal::Error;
use crate::verbs::{PayOut, Withdraw};

impl Worker {
    /// Starts a withdrawal of the whole balance for each agent whose policy says so. Everything
    /// that came in since the last look goes out in one transfer.
    pub(super) async fn start_payouts(&self) -> Result<usize, Error> {
        let due = self.marketplace.store().payouts_due(BITE).await?;
        // What a stopped edge would only queue stays where its agent can spend it.
        if due.is_empty() || self.marketplace.edge_stop().await?.is_some() {
            return Ok(0);
        }
        // A worker of its own process follows no feed.
        self.marketplace.refresh_in_force().await?;
        let fees = self.marketplace.transfer_fee().await?;
        let mut started = 0;
        for (agent, policy, balance) in due {
            if self.marketplace.is_frozen(&agent) {
                continue;
            }
            let amount = fees.largest(balance).unwrap_or_default();
            let fee = fees.on(amount).unwrap_or(Amount::MAX);
            // A payout that the fee would eat waits for more.
            if policy == PayoutPolicy::Manual || !amount.is_positive() || amount <= fee {
                continue;
            }
            let order = self.accepted_since_payout(&agent).await?;
            let payout = PayOut { withdraw: Withdraw { agent, amount, fee }, order };
            match self.marketplace.execute(payout, None).await {
                Ok(_) => started += 1,
                // The balance moved meanwhile: next time.
                Err(Error::Refused(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(started)
    }
}
