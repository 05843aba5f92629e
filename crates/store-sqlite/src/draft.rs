//! All rows of a commit, made before its transaction begins: once it has begun, it only writes.

use std::collections::{BTreeMap, BTreeSet};

use marketplace_escrow::Order;
use marketplace_ledger::{Account, Entry};
use marketplace_money::{Amount, Did, OrderId, Timestamp};
use marketplace_ports::{
    Blob, CommitOutcome, Effect, EffectChange, Event, RowWrite, StoreError, Subject, Timer, Writes,
};
use marketplace_store_rows::{
    AgentRow, ApiKeyRow, DepositRow, EffectRow, EventRow, IdempotencyRow, ListingRow, MotionRow,
    NonceRow, OrderChange, OrderRow, ReviewsRow, TaskRow, TegRecordRow, TimerRow, WithdrawalRow,
    account_text, count, id_text, payout_at, postings_of, subject_text,
};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::books::Books;
use crate::cache::BalanceRow;
use crate::disputes::Judged;
use crate::heads::{Heads, OPEN_ESCROW};
use crate::outcomes;
use crate::rows::{
    NewAnswer, NewBatch, NewBlob, NewChecks, NewEvent, NewListing, NewNonce, NewOrder, NewPosting,
    NewSum,
};
use crate::seal::Seal;

/// A row with the version that it replaces.
pub(crate) type Versioned<R> = (i64, R);

/// The rows of one commit, and where the tables end after it.
pub(crate) struct Draft {
    pub(crate) heads: Heads,
    pub(crate) orders: Vec<NewOrder>,
    pub(crate) order_updates: Vec<Versioned<OrderChange>>,
    pub(crate) checks: Vec<NewChecks>,
    pub(crate) listings: Vec<NewListing>,
    pub(crate) listing_updates: Vec<Versioned<ListingRow>>,
    pub(crate) agents: Vec<Versioned<AgentRow>>,
    pub(crate) withdrawals: Vec<Versioned<WithdrawalRow>>,
    pub(crate) deposits: Vec<Versioned<DepositRow>>,
    pub(crate) api_keys: Vec<Versioned<ApiKeyRow>>,
    pub(crate) tasks: Vec<Versioned<TaskRow>>,
    pub(crate) motions: Vec<Versioned<MotionRow>>,
    pub(crate) reviews: Vec<Versioned<ReviewsRow>>,
    pub(crate) balances: BTreeMap<Account, BalanceRow>,
    pub(crate) sums: Vec<NewSum>,
    pub(crate) postings: Vec<NewPosting>,
    pub(crate) events: Vec<NewEvent>,
    pub(crate) timers: Vec<TimerRow>,
    pub(crate) cleared: Vec<(String, &'static str)>,
    pub(crate) effects: Vec<EffectRow>,
    pub(crate) retried: Vec<EffectChange>,
    pub(crate) finished: Vec<Uuid>,
    pub(crate) answers: Vec<NewAnswer>,
    pub(crate) nonces: Vec<NewNonce>,
    pub(crate) teg_records: Vec<Versioned<TegRecordRow>>,
    pub(crate) blobs: Vec<NewBlob>,
    pub(crate) judged: Judged,
    pub(crate) listing_count_moved: bool,
    pub(crate) batch: NewBatch,
}

impl Books {
    /// Makes the rows of what a batch writes, at the places after the present ends.
    pub(crate) fn draft(
        &mut self,
        id: Uuid,
        outcomes: &[CommitOutcome],
        writes: &mut Writes,
    ) -> Result<Draft, StoreError> {
        let at = self.clock.now();
        let mut draft = Draft::new(self.heads.clone(), id, outcomes, at);
        draft.balances = self.balances(touched_accounts(writes))?;
        refuse_zeros(writes)?;
        draft.add_orders(&writes.orders);
        draft.add_parties(writes);
        draft.add_exposures(&writes.exposures)?;
        draft.add_entries(&writes.entries, at)?;
        draft.add_sums(&self.heads.sums, self.heads.open_escrow);
        draft.add_events(std::mem::take(&mut writes.events));
        draft.add_timers(&writes.timers);
        draft.add_effects(writes);
        draft.add_answers(writes);
        draft.add_blobs(&writes.blobs);
        draft.judged = Judged::of(writes, draft.batch.position);
        draft.listing_count_moved = writes.listing_count != 0;
        draft.heads.listing_count += writes.listing_count;
        draft.seal();
        Ok(draft)
    }
}

/// Accounts whose row changes: their balance, the end of one of their lists, or their policy.
fn touched_accounts(writes: &Writes) -> BTreeSet<Account> {
    let mut accounts: BTreeSet<Account> = writes.balances.keys().cloned().collect();
    for write in writes.orders.values().filter(|write| write.stored == 0) {
        accounts.insert(Account::Agent(write.row.buyer.clone()));
        accounts.insert(Account::Agent(write.row.seller.clone()));
    }
    accounts.extend(writes.agents.keys().cloned().map(Account::Agent));
    accounts.extend(writes.exposures.keys().cloned().map(Account::Agent));
    accounts
}

impl Draft {
    fn new(mut heads: Heads, id: Uuid, outcomes: &[CommitOutcome], at: Timestamp) -> Self {
        heads.batch += 1;
        let batch = NewBatch {
            position: heads.batch,
            id: id_text(id),
            at: at.micros(),
            outcomes: outcomes::to_text(outcomes),
            hash: Vec::new(),
        };
        Self {
            heads,
            orders: Vec::new(),
            order_updates: Vec::new(),
            checks: Vec::new(),
            listings: Vec::new(),
            listing_updates: Vec::new(),
            agents: Vec::new(),
            withdrawals: Vec::new(),
            deposits: Vec::new(),
            api_keys: Vec::new(),
            tasks: Vec::new(),
            motions: Vec::new(),
            reviews: Vec::new(),
            balances: BTreeMap::new(),
            sums: Vec::new(),
            postings: Vec::new(),
            events: Vec::new(),
            timers: Vec::new(),
            cleared: Vec::new(),
            effects: Vec::new(),
            retried: Vec::new(),
            finished: Vec::new(),
            answers: Vec::new(),
            nonces: Vec::new(),
            teg_records: Vec::new(),
            blobs: Vec::new(),
            judged: Judged::default(),
            listing_count_moved: false,
            batch,
        }
    }

    /// How many rows there are, about: what the log grows by follows from it.
    pub(crate) fn rows(&self) -> usize {
        self.orders.len()
            + self.order_updates.len()
            + self.postings.len()
            + self.balances.len()
            + self.events.len()
            + self.timers.len()
            + self.cleared.len()
            + self.answers.len()
            + self.judged.rows()
            + self.blobs.iter().map(|blob| 1 + blob.bytes.len() / 1_024).sum::<usize>()
            + 1
    }

    fn add_orders(&mut self, writes: &BTreeMap<OrderId, RowWrite<Order>>) {
        for write in writes.values() {
            let order = &write.row;
            if write.stored > 0 {
                self.order_updates.push((count(write.stored), OrderChange::new(order)));
                continue;
            }
            let text = &order.terms.checks;
            let checks = (!text.is_empty()).then(|| Sha256::digest(text.as_bytes()).into());
            let row = OrderRow::new(order, checks);
            if let Some(sha256) = &row.checks {
                self.checks
                    .push(NewChecks { sha256: sha256.clone(), body: text.as_ref().to_owned() });
            }
            self.heads.order += 1;
            let position = self.heads.order;
            let mut chain = |account: Account, end: fn(&mut BalanceRow) -> &mut Option<i64>| {
                let row = self.balances.get_mut(&account);
                row.and_then(|row| end(row).replace(position))
            };
            let bought_before =
                chain(Account::Agent(order.buyer.clone()), |row| &mut row.last_bought);
            let sold_before = chain(Account::Agent(order.seller.clone()), |row| &mut row.last_sold);
            self.orders.push(NewOrder { position, row, bought_before, sold_before });
        }
    }

    fn add_parties(&mut self, writes: &Writes) {
        for write in writes.listings.values() {
            let row = ListingRow::new(&write.row);
            if write.stored > 0 {
                self.listing_updates.push((count(write.stored), row));
            } else {
                self.heads.listing += 1;
                self.listings.push(NewListing { position: self.heads.listing, row });
            }
        }
        for (did, write) in &writes.agents {
            self.agents.push((count(write.stored), AgentRow::new(&write.row)));
            if let Some(balance) = self.balances.get_mut(&Account::Agent(did.clone())) {
                balance.payout_at = payout_at(write.row.payout);
            }
        }
        for write in writes.withdrawals.values() {
            self.withdrawals.push((count(write.stored), WithdrawalRow::new(&write.row)));
        }
        for write in writes.deposits.values() {
            self.deposits.push((count(write.stored), DepositRow::new(&write.row)));
        }
        for write in writes.teg_records.values() {
            self.teg_records.push((count(write.stored), TegRecordRow::new(&write.row)));
        }
        for write in writes.tasks.values() {
            self.tasks.push((count(write.stored), TaskRow::new(&write.row)));
        }
        for write in writes.reviews.values() {
            self.reviews.push((count(write.stored), ReviewsRow::new(&write.row)));
        }
        for write in writes.api_keys.values() {
            self.api_keys.push((count(write.stored), ApiKeyRow::new(&write.row)));
        }
        for write in writes.motions.values() {
            self.motions.push((count(write.stored), MotionRow::new(&write.row)));
        }
    }

    fn add_exposures(&mut self, writes: &BTreeMap<Did, Amount>) -> Result<(), StoreError> {
        for (seller, delta) in writes {
            let Some(row) = self.balances.get_mut(&Account::Agent(seller.clone())) else {
                continue;
            };
            let sum = row.exposure.checked_add(delta.nano()).filter(|sum| *sum >= 0);
            row.exposure = sum.ok_or_else(|| {
                StoreError::Rejected(format!("the exposure of {seller} is out of range"))
            })?;
        }
        Ok(())
    }

    fn add_entries(&mut self, entries: &[Entry], at: Timestamp) -> Result<(), StoreError> {
        let lines = entries.iter().map(|entry| entry.postings().len()).sum();
        self.postings.reserve(lines);
        for entry in entries {
            for (account, row) in postings_of(entry, at) {
                self.heads.posting += 1;
                let position = self.heads.posting;
                let overflow = || {
                    StoreError::Rejected(format!("the sum of {account} does not fit into 64 bits"))
                };
                let (mut balance, mut previous) = (None, None);
                if let Some(held) = self.balances.get_mut(account) {
                    // Within a set the sum may pass through what no balance may be.
                    held.amount = held.amount.checked_add(row.delta).ok_or_else(overflow)?;
                    balance = Some(held.amount);
                    previous = held.last_posting.replace(position);
                } else if is_summed(account) {
                    let sum = self.heads.sums.entry(account.clone()).or_default();
                    *sum = sum.checked_add(row.delta).ok_or_else(overflow)?;
                } else if matches!(account, Account::Order(_)) {
                    let sum = &mut self.heads.open_escrow;
                    *sum = sum.checked_add(row.delta).ok_or_else(overflow)?;
                }
                let batch = self.batch.position;
                self.postings.push(NewPosting { position, row, batch, balance, previous });
            }
        }
        Ok(())
    }

    fn add_sums(&mut self, before: &BTreeMap<Account, i64>, open_escrow: i64) {
        if self.heads.open_escrow != open_escrow {
            let amount = self.heads.open_escrow;
            self.sums.push(NewSum { account: OPEN_ESCROW.to_owned(), amount });
        }
        for (account, amount) in &self.heads.sums {
            if before.get(account) != Some(amount) {
                self.sums.push(NewSum { account: account_text(account), amount: *amount });
            }
        }
    }

    fn add_events(&mut self, events: Vec<Event>) {
        self.events.reserve(events.len());
        for event in events {
            self.heads.event += 1;
            let (position, batch) = (self.heads.event, self.batch.position);
            self.events.push(NewEvent { position, row: EventRow::new(event), batch });
        }
    }

    fn add_timers(&mut self, timers: &BTreeMap<(Subject, &'static str), Option<Timer>>) {
        for ((subject, kind), timer) in timers {
            match timer {
                Some(timer) => self.timers.push(TimerRow::new(timer)),
                None => self.cleared.push((subject_text(*subject), kind)),
            }
        }
    }

    fn add_effects(&mut self, writes: &Writes) {
        let rows = writes.effects.values().map(|effect: &Effect| EffectRow::new(effect));
        self.effects.extend(rows);
        self.retried.extend(writes.effects_retried.iter().cloned());
        self.finished.extend(&writes.effects_done);
    }

    fn add_answers(&mut self, writes: &Writes) {
        for (key, record) in &writes.idempotency {
            self.heads.answer += 1;
            let row = IdempotencyRow::new(key, record);
            self.answers.push(NewAnswer { position: self.heads.answer, row });
        }
        for (nonce, until) in &writes.nonces {
            self.heads.nonce += 1;
            let row = NonceRow::new(nonce, *until);
            self.nonces.push(NewNonce { position: self.heads.nonce, row });
        }
    }

    fn add_blobs(&mut self, blobs: &[Blob]) {
        for blob in blobs {
            self.blobs.push(NewBlob {
                order_id: id_text(blob.order.uuid()),
                sha256: blob.sha256.to_vec(),
                bytes: blob.bytes.to_vec(),
            });
        }
    }

    fn seal(&mut self) {
        let mut seal = Seal::begin(&self.heads.hash, &self.batch);
        self.postings.iter().for_each(|posting| seal.posting(posting));
        self.events.iter().for_each(|event| seal.event(event));
        let (hash, postings, events) = seal.finish_with_digests();
        let places = self.postings.iter().map(|posting| posting.position);
        self.judged.seal(places.clone().min(), places.max(), postings, events);
        self.heads.hash = hash;
        self.batch.hash = self.heads.hash.to_vec();
    }
}

/// SQLite would keep a text with U+0000, but its own functions and every shell see only the part
/// before it, and PostgreSQL refuses it: so does this store. In JSON it has another form.
fn refuse_zeros(writes: &Writes) -> Result<(), StoreError> {
    let orders = writes.orders.values().map(|write| write.row.service.as_ref());
    let entries = writes.entries.iter().map(Entry::reason);
    let events = writes.events.iter().map(|event| event.data.as_str());
    let answers = writes.idempotency.iter();
    let answers = answers.flat_map(|(key, record)| [&key.route, &key.key, &record.reply]);
    let nonces = writes.nonces.iter().map(|(nonce, _)| &nonce.value);
    let transfers = writes.teg_records.values();
    let transfers = transfers.flat_map(|write| [&write.row.id.0, &write.row.memo]);
    let opened = writes.disputes.values().map(|write| write.row.opened.reason.as_ref());
    let owned = answers.chain(nonces).chain(transfers).map(String::as_str);
    let mut texts = opened.chain(orders).chain(entries).chain(events).chain(owned);
    match texts.any(|text| text.as_bytes().contains(&0)) {
        true => Err(StoreError::Rejected("a text has U+0000 in it".to_owned())),
        false => Ok(()),
    }
}

/// Accounts that have no row of their own and no row that says what they hold.
const fn is_summed(account: &Account) -> bool {
    match account {
        Account::Fees(_)
        | Account::Capital
        | Account::TegFees
        | Account::Suspense
        | Account::Teg => true,
        Account::Agent(_)
        | Account::Order(_)
        | Account::Dispute(_)
        | Account::Juror(_)
        | Account::Collateral(_)
        | Account::Withdrawal(_)
        | Account::Insurance => false,
    }
}
