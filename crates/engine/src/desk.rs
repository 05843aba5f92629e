//! The desk of one decision: the state that it sees, and the change set that it fills.
//!
//! A desk sees the loaded view and everything that earlier commands of the same batch decided.
//! What it writes is private until the command has decided well.

use std::sync::Arc;

use marketplace_escrow::{Order, OrderEvent, evolve, posting};
use marketplace_ledger::{Account, EntryDraft};
use marketplace_listings::{Invalid, Listing};
use marketplace_money::{
    Amount, CommandId, DepositId, Did, DisputeId, EntryId, EventId, Gaps, ListingId, OrderId,
    Timestamp, WithdrawalId,
};
use marketplace_ports::{
    Agent, ApiKey, Blob, Change, ChangeSet, CountChange, Deposit, Docket, Effect, EffectChange,
    EffectKind, Event, Exhibit, ExposureChange, IdempotencyKey, IdempotencyRecord, Juror, Key,
    Motion, Nonce, Notifier, OrderReviews, Subject, Task, TaskKey, TegRecord, TegRecordState,
    TegTransactionId, Timer, TimerChange, View, Withdrawal,
};
use uuid::Uuid;

use crate::events::order_data;
use crate::ids::derived;
use crate::notices::notices;
use crate::refusal::Refusal;

/// What a decision sees and writes.
pub struct Desk<'a> {
    view: &'a View,
    notifier: &'a dyn Notifier,
    command: CommandId,
    made: u8,
    set: ChangeSet,
}

impl<'a> Desk<'a> {
    pub(crate) fn new(view: &'a View, command: CommandId, notifier: &'a dyn Notifier) -> Self {
        Self { view, notifier, command, made: 0, set: ChangeSet::default() }
    }

    pub(crate) fn finish(self) -> ChangeSet {
        self.set
    }

    /// The change set as it stands, to come back to.
    pub(crate) fn checkpoint(&self) -> ChangeSet {
        self.set.clone()
    }

    /// Takes back everything written since the checkpoint.
    pub(crate) fn roll_back(&mut self, checkpoint: ChangeSet) {
        self.set = checkpoint;
    }

    /// The command that is decided.
    #[must_use]
    pub const fn command(&self) -> CommandId {
        self.command
    }

    /// The store's clock.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.view.now
    }

    /// Our downtime.
    #[must_use]
    pub const fn gaps(&self) -> &Gaps {
        &self.view.gaps
    }

    /// An id that belongs to this command and is the same in every attempt.
    pub fn fresh(&mut self) -> Uuid {
        self.made += 1;
        derived(self.command.uuid(), self.made)
    }

    /// An order, or nothing.
    #[must_use]
    pub fn order(&self, id: OrderId) -> Option<Arc<Order>> {
        let own = self.set.orders.iter().rev().find(|change| change.row.id == id);
        own.map(|change| &change.row).or_else(|| self.view.orders.get(&id)).cloned()
    }

    /// A listing, or nothing.
    #[must_use]
    pub fn listing(&self, id: ListingId) -> Option<Arc<Listing>> {
        self.view.listings.get(&id).cloned()
    }

    /// What is remembered of an agent; a fresh row for one that never did anything.
    #[must_use]
    pub fn agent(&self, did: &Did) -> Arc<Agent> {
        let own = self.set.agents.iter().find(|change| change.row.did == *did);
        let known = own.map(|change| &change.row).or_else(|| self.view.agents.get(did));
        known.cloned().unwrap_or_else(|| Arc::new(Agent::unknown(did.clone())))
    }

    /// An API key, or nothing.
    #[must_use]
    pub fn api_key(&self, sha256: &[u8; 32]) -> Option<Arc<ApiKey>> {
        self.view.api_keys.get(sha256).cloned()
    }

    /// A motion of the operators, or nothing.
    #[must_use]
    pub fn motion(&self, id: Uuid) -> Option<Arc<Motion>> {
        self.view.motions.get(&id).cloned()
    }

    /// What is kept of a task, or nothing.
    #[must_use]
    pub fn task(&self, key: &TaskKey) -> Option<Arc<Task>> {
        let own = self.set.tasks.iter().rev().find(|change| change.row.key == *key);
        own.map(|change| &change.row).or_else(|| self.view.tasks.get(key)).cloned()
    }

    /// The order that this command wrote last, if it wrote one.
    #[must_use]
    pub fn written_order(&self) -> Option<Arc<Order>> {
        self.set.orders.last().map(|change| change.row.clone())
    }

    /// A withdrawal, or nothing.
    #[must_use]
    pub fn withdrawal(&self, id: WithdrawalId) -> Option<Arc<Withdrawal>> {
        self.view.withdrawals.get(&id).cloned()
    }

    /// A deposit, or nothing.
    #[must_use]
    pub fn deposit(&self, id: DepositId) -> Option<Arc<Deposit>> {
        self.view.deposits.get(&id).cloned()
    }

    /// What is known of a transfer at the TEG, or nothing.
    #[must_use]
    pub fn teg_record(&self, id: &TegTransactionId) -> Option<Arc<TegRecord>> {
        let own = self.set.teg_records.iter().find(|change| change.row.id == *id);
        own.map(|change| &change.row).or_else(|| self.view.teg_records.get(id)).cloned()
    }

    /// Whether a transfer was booked before.
    #[must_use]
    pub fn is_booked(&self, id: &TegTransactionId) -> bool {
        let record = self.teg_record(id);
        record.is_some_and(|record| matches!(record.state, TegRecordState::Booked(_)))
    }

    /// Whether a nonce was used before.
    #[must_use]
    pub fn is_used(&self, nonce: &Nonce) -> bool {
        self.view.nonces.contains(nonce)
    }

    /// A dispute, or nothing.
    #[must_use]
    pub fn docket(&self, id: DisputeId) -> Option<Arc<Docket>> {
        let own = self.set.disputes.iter().rev().find(|change| change.row.dispute.id == id);
        own.map(|change| &change.row).or_else(|| self.view.disputes.get(&id)).cloned()
    }

    /// What is known of an agent as a juror; a fresh row for one that never was one.
    #[must_use]
    pub fn juror(&self, did: &Did) -> Arc<Juror> {
        let own = self.set.jurors.iter().rev().find(|change| change.row.did == *did);
        let known = own.map(|change| &change.row).or_else(|| self.view.jurors.get(did));
        known.cloned().unwrap_or_else(|| Arc::new(Juror::unknown(did.clone())))
    }

    /// What the parties of an order say of each other, or nothing.
    #[must_use]
    pub fn reviews(&self, order: OrderId) -> Option<Arc<OrderReviews>> {
        self.view.reviews.get(&order).cloned()
    }

    /// Writes what parties say of each other; its version is set here.
    pub fn write_reviews(&mut self, read: u64, reviews: OrderReviews) -> Arc<OrderReviews> {
        let row = Arc::new(OrderReviews { version: read + 1, ..reviews });
        self.set.reviews.push(Change { read, row: row.clone() });
        row
    }

    /// The escrow of a seller's open orders; known when its balance was asked for.
    #[must_use]
    pub fn exposure(&self, seller: &Did) -> Amount {
        let own = self.set.exposures.iter().filter(|change| change.seller == *seller);
        let stored = self.view.exposures.get(seller).copied().unwrap_or_default();
        own.fold(stored, |open, change| open.checked_add(change.delta).unwrap_or(open))
    }

    /// Whether so much more may wait on a seller.
    ///
    /// # Errors
    /// [`Refusal::ExposureReached`] when it may not.
    pub fn check_exposure(
        &self,
        seller: &Did,
        more: Amount,
        limit: Option<Amount>,
    ) -> Result<(), Refusal> {
        let Some(limit) = limit else { return Ok(()) };
        let open = self.exposure(seller);
        match open.checked_add(more).filter(|after| *after <= limit) {
            Some(_) => Ok(()),
            None => Err(Refusal::ExposureReached { limit, open }),
        }
    }

    /// Has the commit check that what this command adds stays below the limit.
    pub fn limit_exposure(&mut self, seller: &Did, limit: Option<Amount>) {
        for change in &mut self.set.exposures {
            if change.seller == *seller && change.delta.is_positive() {
                change.limit = limit;
            }
        }
    }

    /// What waits on a seller follows from the escrow of its orders.
    fn expose(&mut self, order: &Order, before: Amount) {
        let delta = order.escrow().checked_sub(before).unwrap_or_default();
        if !delta.is_zero() {
            let seller = order.seller.clone();
            self.set.exposures.push(ExposureChange { seller, delta, limit: None });
        }
    }

    /// A balance, with what this command did to it so far.
    #[must_use]
    pub fn balance(&self, account: &Account) -> Amount {
        let stored = self.view.balances.get(account).copied().unwrap_or_default();
        let deltas = self.set.balance_deltas();
        let delta = deltas.iter().find(|(own, _)| own == account).and_then(|(_, delta)| *delta);
        stored.checked_add(delta.unwrap_or_default()).unwrap_or(stored)
    }

    /// Relies on a row that is not written: the commit checks that it has not moved.
    pub fn rely_on(&mut self, key: Key, version: u64) {
        self.set.reads.push((key, version));
    }

    /// Posts an entry.
    ///
    /// # Errors
    /// [`Refusal::InsufficientBalance`] when an account would end below zero.
    pub fn post(&mut self, draft: EntryDraft) -> Result<EntryId, Refusal> {
        for posting in draft.postings() {
            if !posting.account.has_balance_row() || !posting.delta.is_negative() {
                continue;
            }
            let available = self.balance(&posting.account);
            let after = available.checked_add(posting.delta);
            if after.is_none_or(Amount::is_negative) {
                let need = posting.delta.checked_neg().unwrap_or(Amount::MAX);
                return Err(Refusal::InsufficientBalance { need, available });
            }
        }
        let id = EntryId::new(self.fresh());
        self.set.entries.push(draft.named(id));
        Ok(id)
    }

    /// Writes what is known of a transfer at the TEG; its version is set here.
    pub fn write_teg_record(&mut self, record: TegRecord) {
        let id = &record.id;
        let own = self.set.teg_records.iter_mut().find(|change| change.row.id == *id);
        if let Some(change) = own {
            let version = change.row.version;
            change.row = Arc::new(TegRecord { version, ..record });
            return;
        }
        let read = self.view.teg_records.get(id).map_or(0, |known| known.version);
        let row = Arc::new(TegRecord { version: read + 1, ..record });
        self.set.teg_records.push(Change { read, row });
    }

    /// Places a new order and applies what was decided on it at once.
    ///
    /// # Errors
    /// [`Refusal::InsufficientBalance`] when the money is not there.
    pub fn place_order(
        &mut self,
        placed: Order,
        events: &[OrderEvent],
    ) -> Result<Arc<Order>, Refusal> {
        let mut order = placed;
        for event in events {
            self.post_event(&order, event)?;
            order = evolve(order, event);
            self.tell(&order, event);
        }
        let audience = vec![order.buyer.clone(), order.seller.clone()];
        let data = order_data(&order, None);
        self.emit(Subject::Order(order.id), "order.placed", audience, data);
        let row = Arc::new(order);
        self.expose(&row, Amount::ZERO);
        set_timer(&mut self.set, None, &row);
        self.set.orders.push(Change { read: 0, row: row.clone() });
        Ok(row)
    }

    /// Applies decided events to an order: the new row, the money, the facts and the clock.
    ///
    /// # Errors
    /// [`Refusal::InsufficientBalance`] when the money is not there.
    pub fn change_order(
        &mut self,
        order: &Order,
        events: &[OrderEvent],
    ) -> Result<Arc<Order>, Refusal> {
        // Events name the version that they make: who has read that has seen them.
        let mut stage = Order { version: order.version + 1, ..order.clone() };
        for event in events {
            self.post_event(&stage, event)?;
            stage = evolve(stage, event);
            self.tell(&stage, event);
            let audience = vec![order.buyer.clone(), order.seller.clone()];
            let data = order_data(&stage, Some(event));
            self.emit(Subject::Order(order.id), event.name(), audience, data);
        }
        let row = Arc::new(stage.changed(self.now()));
        self.expose(&row, order.escrow());
        set_timer(&mut self.set, Some(order), &row);
        self.set.orders.push(Change { read: order.version, row: row.clone() });
        Ok(row)
    }

    /// Has the parties told, where they can be: what nobody would hear is not written.
    fn tell(&mut self, order: &Order, event: &OrderEvent) {
        for (agent, notice) in notices(order, event) {
            if self.notifier.may_reach(&agent) {
                let due = self.now();
                self.add_effect(EffectKind::Notify { order: order.id, agent, notice }, due);
            }
        }
    }

    fn post_event(&mut self, order: &Order, event: &OrderEvent) -> Result<(), Refusal> {
        let draft = posting(order, event);
        let draft = draft.map_err(|_| Invalid::new("price", "is out of range"))?;
        draft.map_or(Ok(()), |draft| self.post(draft).map(|_| ()))
    }

    /// Writes a listing: `read` is the version that was loaded, 0 for a new one.
    pub fn write_listing(&mut self, read: u64, listing: Listing) -> Arc<Listing> {
        let row = Arc::new(listing);
        self.set.listings.push(Change { read, row: row.clone() });
        row
    }

    /// Writes what is remembered of an agent. Its version is set here.
    pub fn write_agent(&mut self, read: u64, agent: Agent) {
        let row = Arc::new(Agent { version: read + 1, ..agent });
        self.set.agents.push(Change { read, row });
    }

    /// Writes a withdrawal; its version is set here.
    pub fn write_withdrawal(&mut self, read: u64, withdrawal: Withdrawal) -> Arc<Withdrawal> {
        let row = Arc::new(Withdrawal { version: read + 1, ..withdrawal });
        self.set.withdrawals.push(Change { read, row: row.clone() });
        row
    }

    /// Writes what is kept of a task; its version is set here.
    pub fn write_task(&mut self, read: u64, task: Task) -> Arc<Task> {
        let row = Arc::new(Task { version: read + 1, ..task });
        self.set.tasks.push(Change { read, row: row.clone() });
        row
    }

    /// Writes an API key; its version is set here.
    pub fn write_api_key(&mut self, read: u64, key: ApiKey) -> Arc<ApiKey> {
        let row = Arc::new(ApiKey { version: read + 1, ..key });
        self.set.api_keys.push(Change { read, row: row.clone() });
        row
    }

    /// Writes a motion of the operators; its version is set here.
    pub fn write_motion(&mut self, read: u64, motion: Motion) -> Arc<Motion> {
        let row = Arc::new(Motion { version: read + 1, ..motion });
        self.set.motions.push(Change { read, row: row.clone() });
        row
    }

    /// Writes a dispute.
    pub fn write_docket(&mut self, read: u64, docket: Docket) -> Arc<Docket> {
        let row = Arc::new(docket);
        self.set.disputes.push(Change { read, row: row.clone() });
        row
    }

    /// Writes what is known of a juror; its version is set here.
    pub fn write_juror(&mut self, read: u64, juror: Juror) -> Arc<Juror> {
        let row = Arc::new(Juror { version: read + 1, ..juror });
        self.set.jurors.push(Change { read, row: row.clone() });
        row
    }

    /// Writes a deposit; its version is set here.
    pub fn write_deposit(&mut self, read: u64, deposit: Deposit) -> Arc<Deposit> {
        let row = Arc::new(Deposit { version: read + 1, ..deposit });
        self.set.deposits.push(Change { read, row: row.clone() });
        row
    }

    /// Changes the number of listings.
    ///
    /// # Errors
    /// [`Refusal::TooManyListings`] when there are as many as there may be.
    pub fn count_listings(&mut self, delta: i64, limit: i64) -> Result<(), Refusal> {
        if delta > 0 && self.view.listing_count + delta > limit {
            return Err(Refusal::TooManyListings { limit });
        }
        if delta != 0 {
            self.set.listing_count = Some(CountChange { delta, limit });
        }
        Ok(())
    }

    /// Records a fact.
    pub fn emit(&mut self, subject: Subject, name: &'static str, audience: Vec<Did>, data: String) {
        let id = EventId::new(self.fresh());
        let at = self.now();
        self.set.events.push(Event { id, subject, name, audience, at, data });
    }

    /// Sets a clock.
    pub fn set_timer(&mut self, timer: Timer) {
        self.set.timers.push(TimerChange::Set(timer));
    }

    /// Takes a clock away.
    pub fn clear_timer(&mut self, subject: Subject, kind: &'static str) {
        self.set.timers.push(TimerChange::Clear { subject, kind });
    }

    /// Adds work for after the commit.
    pub fn add_effect(&mut self, kind: EffectKind, due: Timestamp) {
        let effect = Effect { id: self.fresh(), kind, due, attempts: 0 };
        self.set.effects.push(EffectChange::Add(effect));
    }

    /// Writes what became of work of the outbox.
    pub fn change_effect(&mut self, change: EffectChange) {
        self.set.effects.push(change);
    }

    /// Uses up a nonce.
    pub fn use_nonce(&mut self, nonce: Nonce, until: Timestamp) {
        self.set.nonce = Some((nonce, until));
    }

    /// Keeps bytes.
    pub fn keep(&mut self, blob: Blob) {
        self.set.blobs.push(blob);
    }

    /// Keeps bytes of a dispute.
    pub fn exhibit(&mut self, exhibit: Exhibit) {
        self.set.exhibits.push(exhibit);
    }

    /// Whether an agent can be told anything: what nobody would hear is not written.
    #[must_use]
    pub fn reaches(&self, agent: &Did) -> bool {
        self.notifier.may_reach(agent)
    }

    pub(crate) fn remember(&mut self, key: IdempotencyKey, record: IdempotencyRecord) {
        self.set.idempotency = Some((key, record));
    }
}

/// The clock of an order follows from its state alone.
fn set_timer(set: &mut ChangeSet, before: Option<&Order>, row: &Order) {
    let subject = Subject::Order(row.id);
    let old = before.and_then(Order::timer);
    let new = row.timer();
    if let Some(old) = old
        && new.is_none_or(|new| new.kind != old.kind)
    {
        set.timers.push(TimerChange::Clear { subject, kind: old.kind.name() });
    }
    if let Some(new) = new
        && old != Some(new)
    {
        let kind = new.kind.name();
        let timer = Timer { subject, kind, sequence: row.version, due: new.deadline.due };
        set.timers.push(TimerChange::Set(timer));
    }
}

/// Shows the result of a decided command to the later ones of its batch.
pub(crate) fn advance(view: &mut View, set: &ChangeSet) {
    view.orders.extend(set.orders.iter().map(|c| (c.row.id, c.row.clone())));
    view.listings.extend(set.listings.iter().map(|c| (c.row.id, c.row.clone())));
    view.agents.extend(set.agents.iter().map(|c| (c.row.did.clone(), c.row.clone())));
    view.disputes.extend(set.disputes.iter().map(|c| (c.row.dispute.id, c.row.clone())));
    view.jurors.extend(set.jurors.iter().map(|c| (c.row.did.clone(), c.row.clone())));
    view.tasks.extend(set.tasks.iter().map(|c| (c.row.key.clone(), c.row.clone())));
    view.api_keys.extend(set.api_keys.iter().map(|c| (c.row.sha256, c.row.clone())));
    view.motions.extend(set.motions.iter().map(|c| (c.row.id, c.row.clone())));
    view.withdrawals.extend(set.withdrawals.iter().map(|c| (c.row.id, c.row.clone())));
    view.deposits.extend(set.deposits.iter().map(|c| (c.row.id, c.row.clone())));
    for (account, delta) in set.balance_deltas() {
        let balance = view.balances.entry(account).or_default();
        // The desk has checked the sum.
        *balance = delta.and_then(|delta| balance.checked_add(delta)).unwrap_or(*balance);
    }
    view.idempotency.extend(set.idempotency.clone());
    view.reviews.extend(set.reviews.iter().map(|c| (c.row.reviews.order, c.row.clone())));
    for change in &set.exposures {
        let open = view.exposures.entry(change.seller.clone()).or_default();
        *open = open.checked_add(change.delta).unwrap_or(*open);
    }
    view.nonces.extend(set.nonce.iter().map(|(nonce, _)| nonce.clone()));
    view.teg_records.extend(set.teg_records.iter().map(|c| (c.row.id.clone(), c.row.clone())));
    view.listing_count += set.listing_count.map_or(0, |count| count.delta);
}
