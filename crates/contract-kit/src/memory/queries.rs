//! What the in-memory store answers to readers.

use std::sync::Arc;

use marketplace_escrow::{Order, OrderStatus};
use marketplace_ledger::Account;
use marketplace_listings::{Listing, ListingStatus};
use marketplace_money::{Amount, Did};
use marketplace_ports::{
    Agent, OrderFilter, OrderReviews, Page, PayoutPolicy, SealedEvent, StatementLine, StoreError,
    WalletSums,
};

use super::journal::amount;
use super::shelf::page;
use super::state::{Party, State};

impl State {
    pub(crate) fn events_after(&self, position: u64, limit: u32) -> Vec<SealedEvent> {
        let skipped = usize::try_from(position).unwrap_or(usize::MAX);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        self.journal.events.iter().skip(skipped).take(limit).cloned().collect()
    }

    pub(crate) fn events_for(&self, did: &Did, position: u64, limit: u32) -> Vec<SealedEvent> {
        let skipped = usize::try_from(position).unwrap_or(usize::MAX);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let later = self.journal.events.iter().skip(skipped);
        later.filter(|event| event.audience.contains(did)).take(limit).cloned().collect()
    }

    pub(crate) fn orders(&self, filter: &OrderFilter) -> Page<Arc<Order>> {
        let party = if filter.as_seller { Party::Seller } else { Party::Buyer };
        let key = (filter.agent.clone(), party);
        let numbers = self.orders_of.get(&key).map_or(&[][..], Vec::as_slice);
        let end = filter.cursor.unwrap_or(u64::MAX);
        let numbers = numbers.iter().rev().copied().filter(|number| *number < end);
        page(self.with_status(numbers, filter.status), filter.limit)
    }

    pub(crate) fn all_orders(
        &self,
        status: Option<OrderStatus>,
        cursor: Option<u64>,
        limit: u32,
    ) -> Page<Arc<Order>> {
        page(self.with_status(self.orders.newest_first(cursor), status), limit)
    }

    fn with_status(
        &self,
        numbers: impl Iterator<Item = u64>,
        status: Option<OrderStatus>,
    ) -> impl Iterator<Item = (u64, Arc<Order>)> {
        let found = numbers.filter_map(|number| Some((number, self.orders.at(number)?.clone())));
        found.filter(move |(_, order)| status.is_none_or(|status| order.status() == status))
    }

    pub(crate) fn active_listings(
        &self,
        cursor: Option<u64>,
        limit: u32,
    ) -> Page<(Arc<Listing>, Arc<Agent>)> {
        let numbers = self.listings.oldest_first(cursor);
        let found = numbers.filter_map(|number| Some((number, self.listings.at(number)?)));
        let active = found.filter(|(_, listing)| listing.status == ListingStatus::Active);
        let rows = active.map(|(number, listing)| {
            let provider = self.agents.get(&listing.provider).cloned();
            let unknown = || Arc::new(Agent::unknown(listing.provider.clone()));
            (number, (listing.clone(), provider.unwrap_or_else(unknown)))
        });
        page(rows, limit)
    }

    pub(crate) fn listings_of(
        &self,
        provider: &Did,
        cursor: Option<u64>,
        limit: u32,
    ) -> Page<Arc<Listing>> {
        let numbers = self.listings.newest_first(cursor);
        let found = numbers.filter_map(|number| Some((number, self.listings.at(number)?.clone())));
        page(found.filter(|(_, listing)| listing.provider == *provider), limit)
    }

    pub(crate) fn balance(&self, account: &Account) -> Amount {
        self.balances.get(account).copied().unwrap_or_default()
    }

    pub(crate) fn wallet(&self, did: &Did) -> Result<WalletSums, StoreError> {
        let bought = self.orders_of.get(&(did.clone(), Party::Buyer));
        let bought = bought.map_or(&[][..], Vec::as_slice).iter();
        let orders = bought.filter_map(|number| self.orders.at(*number));
        let leaving = self.withdrawals.values().filter(|w| w.agent == *did && w.is_open());
        Ok(WalletSums {
            available: self.balance(&Account::Agent(did.clone())),
            in_escrow: amount(orders.map(|order| i128::from(order.escrow().nano())).sum())?,
            in_bonds: amount(self.bonds_of(did))?,
            in_flight: amount(leaving.map(|w| i128::from(w.held().nano())).sum())?,
        })
    }

    /// In disputes, as a juror's stake, and as collateral.
    fn bonds_of(&self, did: &Did) -> i128 {
        let locked = [Account::Collateral(did.clone()), Account::Juror(did.clone())];
        let locked: i128 = locked.iter().map(|own| i128::from(self.balance(own).nano())).sum();
        locked + self.disputes.held_by(did)
    }

    pub(crate) fn reviews_of(
        &self,
        agent: &Did,
        cursor: Option<u64>,
        limit: u32,
    ) -> Page<Arc<OrderReviews>> {
        let numbers = self.reviews.newest_first(cursor);
        let found = numbers.filter_map(|number| Some((number, self.reviews.at(number)?.clone())));
        page(found.filter(|(_, row)| row.side_of(agent).is_some()), limit)
    }

    pub(crate) fn statement(
        &self,
        did: &Did,
        cursor: Option<u64>,
        limit: u32,
    ) -> Result<Page<StatementLine>, StoreError> {
        let end = cursor.unwrap_or(u64::MAX);
        let account = Account::Agent(did.clone());
        let lines = self.journal.of_account(&account).filter(|(position, _)| *position < end);
        let found = page(lines.map(|(position, line)| (position, (position, line))), limit);
        let line = |(position, line): (u64, &super::journal::Line)| {
            Ok(StatementLine {
                position,
                entry: line.entry,
                kind: line.kind,
                others: self.journal.others(position),
                delta: line.delta,
                balance: amount(line.after)?,
                reason: line.reason.as_ref().to_owned(),
                at: line.at,
            })
        };
        let items = found.items.into_iter().map(line).collect::<Result<_, StoreError>>()?;
        Ok(Page { items, next: found.next })
    }

    pub(crate) fn payouts_due(&self, limit: u32) -> Vec<(Did, PayoutPolicy, Amount)> {
        let rows = self.agents.values().map(|agent| {
            let balance = self.balance(&Account::Agent(agent.did.clone()));
            (agent.did.clone(), agent.payout, balance)
        });
        let due = rows.filter(|(_, policy, balance)| match policy {
            PayoutPolicy::Manual => false,
            PayoutPolicy::Immediate => balance.is_positive(),
            PayoutPolicy::Threshold(least) => balance.is_positive() && balance >= least,
        });
        due.take(usize::try_from(limit).unwrap_or(usize::MAX)).collect()
    }
}
