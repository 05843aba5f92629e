//! Balances that their agents want paid out.

use futures::future::join_all;
use marketplace_escrow::Phase;
use marketplace_ledger::{Account, EntryKind};
use marketplace_money::{Amount, Did, OrderId};
use marketplace_ports::{Key, PayoutPolicy};

use super::BITE;
use super::jobs::Job;
use crate::refusal::Error;
use crate::verbs::{PayOut, Withdraw};

/// Lines of a statement that are looked at for orders which a payout takes out.
const LOOK_BACK: u32 = 100;

impl Job {
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
        let payouts = due.into_iter().filter_map(|(agent, policy, balance)| {
            let amount = fees.largest(balance).unwrap_or_default();
            let fee = fees.on(amount).unwrap_or(Amount::MAX);
            // A payout that the fee would eat waits for more.
            let waits = policy == PayoutPolicy::Manual || !amount.is_positive() || amount <= fee;
            let starts = !waits && !self.marketplace.is_frozen(&agent);
            starts.then_some(Withdraw { agent, amount, fee })
        });
        let payouts: Vec<Withdraw> = payouts.collect();
        let mut started = 0;
        for some in payouts.chunks(self.marketplace.inner.abreast()) {
            for outcome in join_all(some.iter().map(|one| self.start_payout(one.clone()))).await {
                started += usize::from(outcome?);
            }
        }
        Ok(started)
    }

    /// Whether it was started.
    async fn start_payout(&self, withdraw: Withdraw) -> Result<bool, Error> {
        let order = self.accepted_since_payout(&withdraw.agent).await?;
        match self.marketplace.execute(PayOut { withdraw, order }, None).await {
            Ok(_) => Ok(true),
            // The balance moved meanwhile: next time.
            Err(Error::Refused(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The newest order that its buyer accepted, of those that were released to an agent since its
    /// last withdrawal.
    async fn accepted_since_payout(&self, agent: &Did) -> Result<Option<OrderId>, Error> {
        let store = self.marketplace.store();
        let lines = store.statement(agent, None, LOOK_BACK).await?.items;
        let since = lines.iter().take_while(|line| line.kind != EntryKind::Withdrawal);
        let released: Vec<OrderId> = since
            .filter(|line| line.kind == EntryKind::EscrowReleased)
            .flat_map(|line| &line.others)
            .filter_map(|account| match account {
                Account::Order(order) => Some(*order),
                _ => None,
            })
            .collect();
        if released.is_empty() {
            return Ok(None);
        }
        let view = store.load(&released.iter().copied().map(Key::Order).collect()).await?;
        let accepted = |order: &OrderId| {
            let order = view.orders.get(order);
            order.is_some_and(|known| known.seller == *agent && known.phase() == Phase::Accepted)
        };
        Ok(released.into_iter().find(accepted))
    }
}
