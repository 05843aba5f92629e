//! Reading: never touches the write queue.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use marketplace_escrow::{Delivery, Order, OrderStatus};
use marketplace_listings::Listing;
use marketplace_money::{Amount, Did, Gaps, ListingId, OrderId, Timestamp};
use marketplace_ports::{
    Audit, Key, OrderFilter, Page, PayoutPolicy, StatementLine, TegBalance, WalletSums,
};
use marketplace_search::{Highlighter, Query, SearchError};

use crate::catalog::FoundPage;
use crate::marketplace::Marketplace;
use crate::refusal::Error;
use crate::verbs::OrderView;

/// What an agent has, here and at the TEG.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wallet {
    /// Here.
    pub sums: WalletSums,
    /// At the TEG, where it tells us.
    pub teg: Option<TegBalance>,
    /// Whether there is play money for the asking.
    pub faucet_open: bool,
}

/// What the TEG holds for us, and what our books say of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reserves {
    /// At the TEG, available and staked.
    pub held: Amount,
    /// Minus the balance of the `teg` account.
    pub booked: Amount,
}

impl Marketplace {
    /// The store's clock and our downtime until then: to say what a deadline is worth.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn clock(&self) -> Result<(Timestamp, Gaps), Error> {
        Ok(self.store().clock().await?)
    }

    /// When an agent's balance is paid out by itself.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn payout_policy(&self, did: &Did) -> Result<PayoutPolicy, Error> {
        let agent = self.store().agent(did).await?;
        Ok(agent.map(|agent| agent.payout).unwrap_or_default())
    }

    /// An order with the time it was looked at.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn order(&self, id: OrderId) -> Result<Option<OrderView>, Error> {
        let Some(order) = self.store().order(id).await? else { return Ok(None) };
        Ok(Some(self.view_of(order).await?))
    }

    /// Those of these orders that there are, read at once.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn orders_named(
        &self,
        ids: impl IntoIterator<Item = OrderId>,
    ) -> Result<Vec<OrderView>, Error> {
        let keys: HashSet<Key> = ids.into_iter().map(Key::Order).collect();
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let found = self.store().load(&keys).await?.orders;
        let page = Page { items: found.into_values().collect(), next: None };
        Ok(self.views_of(page).await?.items)
    }

    async fn view_of(&self, order: Arc<Order>) -> Result<OrderView, Error> {
        let (now, gaps) = self.store().clock().await?;
        Ok(OrderView { order, now, gaps })
    }

    /// An agent's orders, newest first.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn orders(&self, filter: &OrderFilter) -> Result<Page<OrderView>, Error> {
        let page = self.store().orders(filter).await?;
        self.views_of(page).await
    }

    /// An agent's orders; when there are none, waits for one, at most `wait`. This is how a
    /// seller hears of an order.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn orders_or_wait(
        &self,
        filter: &OrderFilter,
        wait: Duration,
    ) -> Result<Page<OrderView>, Error> {
        self.orders_newer_than(filter, None, wait).await
    }

    /// An agent's orders that are newer than one it knows, newest first; when there are none,
    /// waits for one, at most `wait`.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn orders_newer_than(
        &self,
        filter: &OrderFilter,
        known: Option<OrderId>,
        wait: Duration,
    ) -> Result<Page<OrderView>, Error> {
        let watch = self.inner.publisher.watch(&filter.agent);
        let deadline = tokio::time::Instant::now() + wait;
        loop {
            // Registered before looking, so that nothing falls between.
            let notified = watch.notify.notified();
            tokio::pin!(notified);
            notified.as_mut().enable();
            let mut page = self.store().orders(filter).await?;
            if let Some(at) = page.items.iter().position(|order| Some(order.id) == known) {
                page.items.truncate(at);
                page.next = None;
            }
            if !page.items.is_empty() {
                return self.views_of(page).await;
            }
            if tokio::time::timeout_at(deadline, notified).await.is_err() {
                return self.views_of(page).await;
            }
        }
    }

    async fn views_of(&self, page: Page<Arc<Order>>) -> Result<Page<OrderView>, Error> {
        let (now, gaps) = self.store().clock().await?;
        let view = |order| OrderView { order, now, gaps: gaps.clone() };
        Ok(Page { items: page.items.into_iter().map(view).collect(), next: page.next })
    }

    /// All orders, newest first: for operators.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn all_orders(
        &self,
        status: Option<OrderStatus>,
        cursor: Option<u64>,
        limit: u32,
    ) -> Result<Page<OrderView>, Error> {
        let page = self.store().all_orders(status, cursor, limit).await?;
        self.views_of(page).await
    }

    /// The bytes of an order's last delivery, where we have them.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn delivered_bytes(
        &self,
        order: OrderId,
        delivery: &Delivery,
    ) -> Result<Option<Arc<[u8]>>, Error> {
        Ok(self.store().blob(order, delivery.sha256).await?)
    }

    /// A listing in whatever status.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn listing(&self, id: ListingId) -> Result<Option<Arc<Listing>>, Error> {
        Ok(self.store().listing(id).await?)
    }

    /// A provider's listings in every status, newest first.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn listings_of(
        &self,
        provider: &Did,
        cursor: Option<u64>,
        limit: u32,
    ) -> Result<Page<Arc<Listing>>, Error> {
        Ok(self.store().listings_of(provider, cursor, limit).await?)
    }

    /// A provider's standing as this server knows it.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn reputation_of(&self, did: &Did) -> Result<marketplace_money::Reputation, Error> {
        self.reputation(did).await
    }

    /// Searches the active listings; answered from this server's memory. Listings age by the
    /// store's clock, whatever the query says.
    ///
    /// # Errors
    /// When the query exceeds its bounds, or the listings are still being read after a start.
    pub fn search(&self, query: &Query) -> Result<FoundPage, SearchError> {
        let query = Query { now: self.inner.publisher.last_time(), ..query.clone() };
        self.inner.publisher.catalog.search(&query)
    }

    /// Marks the words of a query in the texts of what it finds.
    #[must_use]
    pub fn highlighter(&self, query: &Query) -> Highlighter {
        self.inner.publisher.catalog.highlighter(query)
    }

    /// Whether searches are answered: not before all listings were read once.
    #[must_use]
    pub fn is_searchable(&self) -> bool {
        self.inner.publisher.catalog.ready().is_ok()
    }

    /// How many listings this server's memory holds.
    #[must_use]
    pub fn listing_count(&self) -> usize {
        self.inner.publisher.catalog.len()
    }

    /// What the workers of this process did since its start, by name.
    #[must_use]
    pub fn worked(&self) -> [(&'static str, u64); 4] {
        self.inner.publisher.figures.read()
    }

    /// What an agent has.
    ///
    /// # Errors
    /// When the store does not answer; a TEG that does not is left out.
    pub async fn wallet(&self, did: &Did) -> Result<Wallet, Error> {
        let sums = self.store().wallet(did).await?;
        let teg = match self.teg().balance_of(did).await {
            Ok(balance) => balance,
            Err(error) => {
                tracing::warn!(%error, "a wallet is shown without its TEG balance");
                None
            }
        };
        Ok(Wallet { sums, teg, faucet_open: self.teg().faucet_open() })
    }

    /// An agent's statement, newest first.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn statement(
        &self,
        did: &Did,
        cursor: Option<u64>,
        limit: u32,
    ) -> Result<Page<StatementLine>, Error> {
        Ok(self.store().statement(did, cursor, limit).await?)
    }

    /// Compares what the TEG holds for us with our books. They differ by transfers that were made
    /// and not yet booked; at rest they are equal.
    ///
    /// # Errors
    /// When store or TEG do not answer.
    pub async fn reserves(&self) -> Result<Reserves, Error> {
        let balance = self.teg().balance().await.map_err(|error| Error::unavailable(error, 5))?;
        let held = balance.available.checked_add(balance.staked);
        let booked = self.store().account_sum(&marketplace_ledger::Account::Teg).await?;
        let fault = || Error::Fault("reserves are out of range".to_owned());
        Ok(Reserves {
            held: held.ok_or_else(fault)?,
            booked: booked.checked_neg().ok_or_else(fault)?,
        })
    }

    /// Checks the invariants over everything.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn audit(&self) -> Result<Audit, Error> {
        Ok(self.store().audit().await?)
    }
}
