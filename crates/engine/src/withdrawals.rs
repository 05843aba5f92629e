//! Tokens that leave for the TEG, and what that costs.

use std::sync::Arc;

use marketplace_money::{Amount, Did, WithdrawalId};
use marketplace_ports::{TransferFee, Withdrawal};

use crate::job::{Done, Idempotency};
use crate::marketplace::Marketplace;
use crate::refusal::{Error, Refusal};
use crate::verbs::Withdraw;

/// What a withdrawal would cost its agent now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WithdrawalQuote {
    /// What arrives.
    pub amount: Amount,
    /// What the TEG takes for it.
    pub fee: Amount,
    /// What leaves the balance.
    pub total: Amount,
    /// The balance now.
    pub available: Amount,
}

impl Marketplace {
    /// What the TEG takes for transfers. While it does not answer, what it said last, before a
    /// restart too: so that withdrawals can be queued.
    ///
    /// # Errors
    /// When the TEG has not said it yet.
    pub async fn transfer_fee(&self) -> Result<TransferFee, Error> {
        match self.teg().transfer_fee().await {
            Ok(fee) => {
                self.remember_fee(fee).await?;
                Ok(fee)
            }
            Err(error) => self.remembered_fee().await?.ok_or_else(|| Error::unavailable(error, 5)),
        }
    }

    /// What a withdrawal of `amount` costs its agent now.
    ///
    /// # Errors
    /// When the TEG does not say, or the sum is beyond all money.
    pub async fn withdrawal_fee(&self, amount: Amount) -> Result<Amount, Error> {
        let fee = self.transfer_fee().await?.on(amount);
        Ok(fee.ok_or_else(out_of_range)?)
    }

    /// A withdrawal without doing it.
    ///
    /// # Errors
    /// When the TEG does not say its fee.
    pub async fn withdrawal_quote(
        &self,
        agent: &Did,
        amount: Amount,
    ) -> Result<WithdrawalQuote, Error> {
        let fee = self.withdrawal_fee(amount).await?;
        let total = amount.checked_add(fee).ok_or_else(out_of_range)?;
        let available = self.store().wallet(agent).await?.available;
        Ok(WithdrawalQuote { amount, fee, total, available })
    }

    /// Sends tokens from the balance to the agent's account at the TEG. The balance pays the
    /// TEG's fee on top of `amount`. While the edge is stopped it waits in the queue.
    ///
    /// # Errors
    /// When the balance does not cover amount and fee.
    pub async fn withdraw(
        &self,
        agent: &Did,
        amount: Amount,
        idempotency: Option<Idempotency<Arc<Withdrawal>>>,
    ) -> Result<Done<Arc<Withdrawal>>, Error> {
        let fee = self.withdrawal_fee(amount).await?;
        self.execute(Withdraw { agent: agent.clone(), amount, fee }, idempotency).await
    }

    /// Withdrawals that have not ended, by id: for operators.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn open_withdrawals(
        &self,
        after: Option<WithdrawalId>,
        limit: u32,
    ) -> Result<Vec<Arc<Withdrawal>>, Error> {
        Ok(self.store().open_withdrawals(after, limit).await?)
    }
}

fn out_of_range() -> Refusal {
    marketplace_listings::Invalid::new("amount", "is out of range").into()
}
