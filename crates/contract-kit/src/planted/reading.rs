//! The port of a buggy store: bugs in what it answers, everything else passed on.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use marketplace_escrow::{Order, OrderStatus};
use marketplace_ledger::Account;
use marketplace_listings::{Listing, ListingStatus};
use marketplace_money::{Amount, Did, Gaps, ListingId, OrderId, Seconds, Timestamp, WithdrawalId};
use marketplace_ports::{
    Agent, ApiKey, Audit, Batch, CommitOutcome, DeadEffect, Dues, Effect, Key, Lease,
    LiabilitiesAt, Liability, LiabilitySink, Motion, OrderFilter, OrderReviews, Page, PayoutPolicy,
    SealedEvent, StatementLine, Store, StoreError, Task, TaskKey, TegPosition, Timer, View,
    WalletSums, Withdrawal, WithdrawalState,
};
use uuid::Uuid;

use super::{BuggyStore, PlantedBug};
use crate::faults::lock;

impl BuggyStore {
    fn lease(&self, lease: Lease) -> Lease {
        let duration = match self.bug {
            Some(PlantedBug::LeaseNotHonoured) => Seconds(0),
            Some(PlantedBug::LeaseForEver) => Seconds(u32::MAX),
            _ => lease.duration,
        };
        Lease { duration, ..lease }
    }

    fn limit(&self, limit: u32) -> u32 {
        if self.has(PlantedBug::LeaseLimitIgnored) { u32::MAX } else { limit }
    }

    fn cursor(&self, cursor: Option<u64>) -> Option<u64> {
        match self.bug {
            Some(PlantedBug::PageRepeats) => cursor.map(|cursor| cursor + 1),
            Some(PlantedBug::PageSkips) => cursor.map(|cursor| cursor.saturating_sub(1)),
            _ => cursor,
        }
    }

    fn status(&self, status: Option<OrderStatus>) -> Option<OrderStatus> {
        status.filter(|_| !self.has(PlantedBug::StatusFilterIgnored))
    }

    fn orders_page(&self, mut page: Page<Arc<Order>>, limit: u32) -> Page<Arc<Order>> {
        let is_full = page.items.len() == usize::try_from(limit).unwrap_or(usize::MAX);
        if self.has(PlantedBug::LastPageHasNext) && is_full {
            page.next = page.next.or(Some(0));
        }
        if self.has(PlantedBug::ChangedOrderMovesUp) {
            page.items.sort_by_key(|order| std::cmp::Reverse(order.version));
        }
        page
    }
}

#[async_trait]
impl Store for BuggyStore {
    async fn load(&self, keys: &HashSet<Key>) -> Result<View, StoreError> {
        let mut view = self.inner.load(keys).await?;
        lock(&self.memory).loaded.clone_from(keys);
        view.now = self.shown(view.now);
        if self.has(PlantedBug::ForgetsTooEarly) {
            let soon = view.now.plus(Seconds(60));
            view.idempotency.retain(|_, record| record.expires_at > soon);
        }
        Ok(view)
    }

    async fn commit(&self, batch: Batch) -> Result<Vec<CommitOutcome>, StoreError> {
        self.commit_wrongly(batch).await
    }

    async fn outcome(&self, batch: Uuid) -> Result<Option<Vec<CommitOutcome>>, StoreError> {
        let forgets = self.has(PlantedBug::OutcomeForgotten)
            || self.is_reopened_with(PlantedBug::RestartForgetsOutcomes);
        if forgets { Ok(None) } else { self.inner.outcome(batch).await }
    }

    async fn now(&self) -> Result<Timestamp, StoreError> {
        Ok(self.shown(self.inner.now().await?))
    }

    async fn clock(&self) -> Result<(Timestamp, Gaps), StoreError> {
        let (now, gaps) = self.inner.clock().await?;
        Ok((self.shown(now), gaps))
    }

    async fn lease_timers(&self, lease: Lease, limit: u32) -> Result<Vec<Timer>, StoreError> {
        if self.is_reopened_with(PlantedBug::RestartForgetsOpenWork) {
            return Ok(Vec::new());
        }
        let mut timers = self.inner.lease_timers(self.lease(lease), self.limit(limit)).await?;
        if self.has(PlantedBug::TimersReversed) {
            timers.reverse();
        }
        Ok(timers)
    }

    async fn lease_effects(&self, lease: Lease, limit: u32) -> Result<Vec<Effect>, StoreError> {
        if self.is_reopened_with(PlantedBug::RestartForgetsOpenWork) {
            return Ok(Vec::new());
        }
        self.inner.lease_effects(self.lease(lease), self.limit(limit)).await
    }

    async fn lease_job(&self, name: &str, lease: Lease) -> Result<bool, StoreError> {
        let leased = self.inner.lease_job(name, self.lease(lease)).await?;
        Ok(leased || self.has(PlantedBug::JobForEverybody))
    }

    async fn release_leases(&self, owner: Uuid) -> Result<(), StoreError> {
        if self.has(PlantedBug::ReleaseForgotten) {
            return Ok(());
        }
        self.inner.release_leases(owner).await
    }

    async fn dead_effects(&self, limit: u32) -> Result<Vec<DeadEffect>, StoreError> {
        let mut dead = self.inner.dead_effects(limit).await?;
        if self.has(PlantedBug::DeadLetterWithoutReason) {
            dead.iter_mut().for_each(|dead| dead.error.clear());
        }
        Ok(dead)
    }

    async fn dues(&self) -> Result<Dues, StoreError> {
        let dues = self.inner.dues().await?;
        Ok(if self.has(PlantedBug::NextDueForgotten) { Dues::default() } else { dues })
    }

    async fn heartbeat(&self, server: Uuid) -> Result<(), StoreError> {
        let is_first = {
            let mut memory = lock(&self.memory);
            memory.heartbeats += 1;
            memory.heartbeats == 1
        };
        let deaf = self.has(PlantedBug::GapForgotten)
            || (is_first && self.is_reopened_with(PlantedBug::RestartForgetsHeartbeat));
        if deaf { Ok(()) } else { self.inner.heartbeat(server).await }
    }

    async fn last_heartbeat(&self) -> Result<Option<Timestamp>, StoreError> {
        let last = self.inner.last_heartbeat().await?;
        Ok(last.filter(|_| !self.has(PlantedBug::LastHeartbeatForgotten)))
    }

    async fn forget(&self, limit: u32) -> Result<u64, StoreError> {
        self.inner.forget(limit).await
    }

    async fn secret(&self, name: &str, fresh: [u8; 32]) -> Result<[u8; 32], StoreError> {
        let first = self.inner.secret(name, fresh).await?;
        Ok(if self.has(PlantedBug::SecretOverwritten) { fresh } else { first })
    }

    async fn note(&self, name: &str) -> Result<Option<String>, StoreError> {
        let note = self.inner.note(name).await?;
        Ok(note.filter(|_| !self.is_reopened_with(PlantedBug::RestartForgetsNotes)))
    }

    async fn set_note(&self, name: &str, value: &str) -> Result<(), StoreError> {
        let keeps = self.has(PlantedBug::NoteNotOverwritten);
        if keeps && self.inner.note(name).await?.is_some() {
            return Ok(());
        }
        self.inner.set_note(name, value).await
    }

    async fn events_after(
        &self,
        position: u64,
        limit: u32,
    ) -> Result<Vec<SealedEvent>, StoreError> {
        match self.bug {
            Some(PlantedBug::EventRepeated) => {
                self.inner.events_after(position.saturating_sub(1), limit).await
            }
            Some(PlantedBug::EventPositionsWithHoles) => {
                let mut events = self.inner.events_after(position / 2, limit).await?;
                events.iter_mut().for_each(|event| event.position *= 2);
                Ok(events)
            }
            _ => self.inner.events_after(position, limit).await,
        }
    }

    async fn events_for(
        &self,
        did: &Did,
        position: u64,
        limit: u32,
    ) -> Result<Vec<SealedEvent>, StoreError> {
        match self.bug {
            Some(PlantedBug::EventsOfStrangers) => self.inner.events_after(position, limit).await,
            Some(PlantedBug::EventsForFirstOfAudience) => {
                let mut events = self.inner.events_for(did, position, limit).await?;
                events.retain(|event| event.audience.first() == Some(did));
                Ok(events)
            }
            Some(PlantedBug::EventRepeated) => {
                self.inner.events_for(did, position.saturating_sub(1), limit).await
            }
            _ => self.inner.events_for(did, position, limit).await,
        }
    }

    async fn feed_head(&self) -> Result<u64, StoreError> {
        let head = self.inner.feed_head().await?;
        Ok(head + u64::from(self.has(PlantedBug::HeadTooFar)))
    }

    async fn await_events(&self, position: u64) {
        let deaf = self.has(PlantedBug::FeedWakesNobody);
        self.inner.await_events(if deaf { u64::MAX } else { position }).await;
    }

    fn is_shared(&self) -> bool {
        self.inner.is_shared()
    }

    async fn order(&self, id: OrderId) -> Result<Option<Arc<Order>>, StoreError> {
        self.inner.order(id).await
    }

    async fn orders(&self, filter: &OrderFilter) -> Result<Page<Arc<Order>>, StoreError> {
        let (status, cursor) = (self.status(filter.status), self.cursor(filter.cursor));
        let page = self.inner.orders(&OrderFilter { status, cursor, ..filter.clone() }).await?;
        Ok(self.orders_page(page, filter.limit))
    }

    async fn all_orders(
        &self,
        status: Option<OrderStatus>,
        cursor: Option<u64>,
        limit: u32,
    ) -> Result<Page<Arc<Order>>, StoreError> {
        let (status, cursor) = (self.status(status), self.cursor(cursor));
        let page = self.inner.all_orders(status, cursor, limit).await?;
        Ok(self.orders_page(page, limit))
    }

    async fn blob(
        &self,
        order: OrderId,
        sha256: [u8; 32],
    ) -> Result<Option<Arc<[u8]>>, StoreError> {
        let found = self.inner.blob(order, sha256).await?;
        let others = || lock(&self.memory).blobs.get(&sha256).cloned();
        Ok(found.or_else(|| self.has(PlantedBug::BlobOfAnotherOrder).then(others).flatten()))
    }

    async fn listing(&self, id: ListingId) -> Result<Option<Arc<Listing>>, StoreError> {
        self.inner.listing(id).await
    }

    async fn active_listings(
        &self,
        cursor: Option<u64>,
        limit: u32,
    ) -> Result<Page<(Arc<Listing>, Arc<Agent>)>, StoreError> {
        let mut page = self.inner.active_listings(cursor, limit).await?;
        if self.has(PlantedBug::ListingProviderForgotten) {
            for (listing, agent) in &mut page.items {
                *agent = Arc::new(Agent::unknown(listing.provider.clone()));
            }
        }
        Ok(page)
    }

    async fn listings_of(
        &self,
        provider: &Did,
        cursor: Option<u64>,
        limit: u32,
    ) -> Result<Page<Arc<Listing>>, StoreError> {
        let mut page = self.inner.listings_of(provider, cursor, limit).await?;
        if self.has(PlantedBug::PausedListingsHidden) {
            page.items.retain(|listing| listing.status == ListingStatus::Active);
        }
        Ok(page)
    }

    async fn agent(&self, did: &Did) -> Result<Option<Arc<Agent>>, StoreError> {
        self.inner.agent(did).await
    }

    async fn api_key(&self, sha256: &[u8; 32]) -> Result<Option<Arc<ApiKey>>, StoreError> {
        let found = self.inner.api_key(sha256).await?;
        if self.has(PlantedBug::ApiKeyNeverRevoked) {
            let good =
                |key: Arc<ApiKey>| Arc::new(ApiKey { revoked_at: None, ..key.as_ref().clone() });
            return Ok(found.map(good));
        }
        Ok(found)
    }

    async fn api_keys(&self, agent: &Did, limit: u32) -> Result<Vec<Arc<ApiKey>>, StoreError> {
        let mut keys = self.inner.api_keys(agent, limit).await?;
        if self.has(PlantedBug::ApiKeysNotListed) {
            keys.clear();
        }
        Ok(keys)
    }

    async fn motion(&self, id: Uuid) -> Result<Option<Arc<Motion>>, StoreError> {
        self.inner.motion(id).await
    }

    async fn motions(
        &self,
        before: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<Arc<Motion>>, StoreError> {
        self.inner.motions(before, limit).await
    }

    async fn task(&self, key: &TaskKey) -> Result<Option<Arc<Task>>, StoreError> {
        self.inner.task(key).await
    }

    async fn tasks(
        &self,
        owner: &Did,
        after: Option<&Task>,
        limit: u32,
    ) -> Result<Vec<Arc<Task>>, StoreError> {
        self.inner.tasks(owner, after, limit).await
    }

    async fn lasting_tasks(
        &self,
        owner: Option<&Did>,
        after: Option<&TaskKey>,
        limit: u32,
    ) -> Result<Vec<Arc<Task>>, StoreError> {
        self.inner.lasting_tasks(owner, after, limit).await
    }

    async fn reviews_of(
        &self,
        agent: &Did,
        cursor: Option<u64>,
        limit: u32,
    ) -> Result<Page<Arc<OrderReviews>>, StoreError> {
        let page = self.inner.reviews_of(agent, cursor, limit).await?;
        let only_seller = self.has(PlantedBug::ReviewsOfBuyersHidden);
        let shown = |row: &Arc<OrderReviews>| !only_seller || row.seller == *agent;
        Ok(Page { items: page.items.into_iter().filter(shown).collect(), next: page.next })
    }

    async fn reviews(&self, order: OrderId) -> Result<Option<Arc<OrderReviews>>, StoreError> {
        self.inner.reviews(order).await
    }

    async fn exposure(&self, seller: &Did) -> Result<Amount, StoreError> {
        match self.has(PlantedBug::ExposureNeverShown) {
            true => Ok(Amount::ZERO),
            false => self.inner.exposure(seller).await,
        }
    }

    async fn wallet(&self, did: &Did) -> Result<WalletSums, StoreError> {
        let mut wallet = self.inner.wallet(did).await?;
        if self.has(PlantedBug::WalletForgetsInFlight) {
            wallet.in_flight = Amount::ZERO;
        }
        Ok(wallet)
    }

    async fn statement(
        &self,
        did: &Did,
        cursor: Option<u64>,
        limit: u32,
    ) -> Result<Page<StatementLine>, StoreError> {
        let mut page = self.inner.statement(did, cursor, limit).await?;
        match self.bug {
            Some(PlantedBug::StatementWithoutBalance) => {
                page.items.iter_mut().for_each(|line| line.balance = line.delta);
            }
            Some(PlantedBug::StatementReversed) => page.items.reverse(),
            _ => {}
        }
        Ok(page)
    }

    async fn payouts_due(
        &self,
        limit: u32,
    ) -> Result<Vec<(Did, PayoutPolicy, Amount)>, StoreError> {
        let mut due = self.inner.payouts_due(limit).await?;
        if self.has(PlantedBug::PayoutsForgotten) {
            due.retain(|(_, policy, _)| !matches!(policy, PayoutPolicy::Threshold(_)));
        }
        Ok(due)
    }

    async fn account_sum(&self, account: &Account) -> Result<Amount, StoreError> {
        if self.has(PlantedBug::SumsOfBalanceRowsOnly) && !account.has_balance_row() {
            return Ok(Amount::ZERO);
        }
        self.inner.account_sum(account).await
    }

    async fn open_escrow(&self) -> Result<Amount, StoreError> {
        if self.has(PlantedBug::OpenEscrowForgotten) {
            return Ok(Amount::ZERO);
        }
        self.inner.open_escrow().await
    }

    async fn teg_position(&self) -> Result<TegPosition, StoreError> {
        let mut position = self.inner.teg_position().await?;
        if self.has(PlantedBug::DustForgotten) {
            position.dust = 0;
        }
        if self.has(PlantedBug::UnmatchedHidden) {
            position.unmatched.clear();
        }
        Ok(position)
    }

    async fn open_withdrawals(
        &self,
        after: Option<WithdrawalId>,
        limit: u32,
    ) -> Result<Vec<Arc<Withdrawal>>, StoreError> {
        let mut found = self.inner.open_withdrawals(after, limit).await?;
        if self.has(PlantedBug::WaitingHidden) {
            found.retain(|withdrawal| withdrawal.state == WithdrawalState::InFlight);
        }
        Ok(found)
    }

    async fn liabilities(&self, sink: LiabilitySink) -> Result<LiabilitiesAt, StoreError> {
        if !self.has(PlantedBug::LiabilityHidden) {
            return self.inner.liabilities(sink).await;
        }
        let escrow = |liability: &Liability| matches!(liability.account, Account::Order(_));
        let less: LiabilitySink =
            Arc::new(move |part| sink(part.into_iter().filter(|l| !escrow(l)).collect()));
        self.inner.liabilities(less).await
    }

    async fn audit(&self) -> Result<Audit, StoreError> {
        let audit = self.inner.audit().await?;
        if self.has(PlantedBug::AuditBlind) {
            let (orders, postings) = (audit.orders, audit.postings);
            return Ok(Audit { orders, postings, ..Audit::default() });
        }
        Ok(audit)
    }
}
