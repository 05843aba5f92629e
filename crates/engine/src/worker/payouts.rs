//! Balances that their agents want paid out.

use marketplace_ports::PayoutPolicy;

use super::{BITE, Worker};
use crate::refusal::Error;
use crate::verbs::Withdraw;

impl Worker {
    /// Starts a withdrawal of the whole balance for each agent whose policy says so. Everything
    /// that came in since the last look goes out in one transfer.
    pub(super) async fn start_payouts(&self) -> Result<usize, Error> {
        let due = self.marketplace.store().payouts_due(BITE).await?;
        if due.is_empty() {
            return Ok(0);
        }
        let fee = self.marketplace.withdrawal_fee().await?;
        let mut started = 0;
        for (agent, policy, balance) in due {
            let amount = balance.checked_sub(fee).unwrap_or_default();
            // A payout that the fee would eat waits for more.
            if policy == PayoutPolicy::Manual || !amount.is_positive() || amount <= fee {
                continue;
            }
            match self.marketplace.execute(Withdraw { agent, amount, fee }, None).await {
                Ok(_) => started += 1,
                // The balance moved meanwhile: next time.
                Err(Error::Refused(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(started)
    }
}
