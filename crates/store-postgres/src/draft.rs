//! All rows of a commit, made between its two round trips.

use std::collections::BTreeMap;

use marketplace_escrow::Order;
use marketplace_ledger::{Account, Entry};
use marketplace_ports::{EffectChange, Event, RowWrite, StoreError, Writes};
use marketplace_store_rows::{
    AgentRow, ApiKeyRow, DepositRow, EffectRow, EventRow, EventsDigest, IdempotencyRow, ListingRow,
    MotionRow, NonceRow, OrderChange, OrderRow, PostingsDigest, TegRecordRow, TimerRow,
    WithdrawalRow, account_text, count, id_text, payout_at, postings_of, subject_text,
};
use sha2::{Digest, Sha256};

use crate::arrays::Arrays;
use crate::judged::Judged;
use crate::keys::{answer_id, nonce_id};
use crate::lock::{COMPLETED, Standing, StandingBalance};
use crate::rows::{
    ChangedAgents, ChangedApiKeys, ChangedBalances, ChangedDeposits, ChangedListings,
    ChangedMotions, ChangedOrders, ChangedTegRecords, ChangedWithdrawals, ClearedTimers,
    CompletedOrders, EndedPayouts, FinishedEffects, NewAgents, NewAnswers, NewApiKeys, NewBalances,
    NewBlobs, NewChecks, NewDeposits, NewEffects, NewEvents, NewListings, NewMotions, NewNonces,
    NewOrders, NewPayouts, NewPostings, NewTegRecords, NewTimers, NewWithdrawals, OpenOrders,
    RetriedEffects,
};

/// Positions that a commit has: bits of a position below the commit's number.
const PLACE_BITS: u32 = 20;

/// The row of the commit itself.
#[derive(Debug, Default)]
pub(crate) struct BatchRow {
    pub(crate) number: i64,
    pub(crate) id: String,
    pub(crate) at: i64,
    pub(crate) outcomes: String,
    pub(crate) postings: i32,
    pub(crate) events: i32,
    pub(crate) postings_digest: [u8; 32],
    pub(crate) events_digest: [u8; 32],
    pub(crate) sum_accounts: Vec<String>,
    pub(crate) sum_deltas: Vec<i64>,
}

/// Everything that a commit writes.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    pub(crate) batch: BatchRow,
    pub(crate) listing_count: i64,
    answers: NewAnswers,
    nonces: NewNonces,
    orders: NewOrders,
    changed_orders: ChangedOrders,
    open_orders: OpenOrders,
    completed_orders: CompletedOrders,
    checks: NewChecks,
    listings: NewListings,
    changed_listings: ChangedListings,
    agents: NewAgents,
    changed_agents: ChangedAgents,
    withdrawals: NewWithdrawals,
    changed_withdrawals: ChangedWithdrawals,
    deposits: NewDeposits,
    changed_deposits: ChangedDeposits,
    api_keys: NewApiKeys,
    changed_api_keys: ChangedApiKeys,
    teg_records: NewTegRecords,
    changed_teg_records: ChangedTegRecords,
    motions: NewMotions,
    changed_motions: ChangedMotions,
    balances: NewBalances,
    changed_balances: ChangedBalances,
    payouts: NewPayouts,
    ended_payouts: EndedPayouts,
    postings: NewPostings,
    events: NewEvents,
    timers: NewTimers,
    cleared_timers: ClearedTimers,
    effects: NewEffects,
    retried_effects: RetriedEffects,
    finished_effects: FinishedEffects,
    blobs: NewBlobs,
    judged: Judged,
    /// Positions given so far.
    places: i64,
}

/// A balance on its way through the lines of a commit.
struct Running {
    stood: Option<StandingBalance>,
    amount: i64,
    payout_at: Option<i64>,
}

impl Draft {
    /// Makes the rows of `writes` on what stands.
    pub(crate) fn new(
        id: String,
        outcomes: String,
        writes: Writes,
        standing: &Standing,
    ) -> Result<Self, StoreError> {
        let mut draft = Self { listing_count: writes.listing_count, ..Self::default() };
        draft.batch.number = standing.number;
        draft.batch.id = id;
        draft.batch.at = standing.at;
        draft.batch.outcomes = outcomes;
        draft.add_orders(&writes.orders, standing);
        draft.add_parties(&writes);
        draft.add_edges(&writes);
        let mut balances = running(&writes, standing);
        draft.add_entries(&writes.entries, &mut balances)?;
        draft.add_balances(balances);
        let number = draft.batch.number;
        draft.judged = Judged::of(&writes, number, || draft.place());
        draft.add_work(&writes);
        draft.add_answers(&writes);
        draft.add_events(writes.events)?;
        Ok(draft)
    }

    /// The statements that have something to write, in the order in which they are sent. What is
    /// inserted under a key that somebody else may take at the same time comes first, in the order
    /// of its keys.
    pub(crate) fn statements(&self) -> Vec<(&'static str, &dyn Arrays)> {
        let all: [&dyn Arrays; 33] = [
            &self.answers,
            &self.nonces,
            &self.orders,
            &self.listings,
            &self.agents,
            &self.withdrawals,
            &self.deposits,
            &self.api_keys,
            &self.teg_records,
            &self.motions,
            &self.balances,
            &self.checks,
            &self.changed_orders,
            &self.open_orders,
            &self.completed_orders,
            &self.changed_listings,
            &self.changed_agents,
            &self.changed_withdrawals,
            &self.changed_deposits,
            &self.changed_api_keys,
            &self.changed_teg_records,
            &self.changed_motions,
            &self.changed_balances,
            &self.payouts,
            &self.ended_payouts,
            &self.postings,
            &self.events,
            &self.timers,
            &self.cleared_timers,
            &self.effects,
            &self.retried_effects,
            &self.finished_effects,
            &self.blobs,
        ];
        let all = all.into_iter().chain(self.judged.statements());
        all.filter(|rows| !rows.is_empty()).map(|rows| (rows.text(), rows)).collect()
    }

    /// The next position of this commit.
    fn place(&mut self) -> i64 {
        self.places += 1;
        (self.batch.number << PLACE_BITS) + self.places
    }

    fn add_orders(
        &mut self,
        orders: &BTreeMap<marketplace_money::OrderId, RowWrite<Order>>,
        standing: &Standing,
    ) {
        for write in orders.values() {
            let order = &write.row;
            let (status, escrow) = (order.status().name(), order.escrow().nano());
            let parties = || (order.buyer.as_str().to_owned(), order.seller.as_str().to_owned());
            if write.stored == 0 {
                let position = self.add_order(order);
                if status != COMPLETED {
                    let (buyer, seller) = parties();
                    self.open_orders.push((position, buyer, seller, status, escrow));
                }
                continue;
            }
            let next = OrderChange::new(order);
            if let Some(before) = standing.orders.get(&next.id) {
                if status == COMPLETED {
                    if before.is_open {
                        self.completed_orders.push((before.position,));
                    }
                } else if before.status != status || before.escrow != escrow {
                    let (buyer, seller) = parties();
                    self.open_orders.push((before.position, buyer, seller, status, escrow));
                }
            }
            self.changed_orders.push((
                next.id,
                count(write.stored),
                next.version,
                next.status,
                next.phase,
                next.escrow,
                next.state,
            ));
        }
    }

    fn add_order(&mut self, order: &Order) -> i64 {
        let text = &order.terms.checks;
        let checks = (!text.is_empty()).then(|| Sha256::digest(text.as_bytes()).into());
        let row = OrderRow::new(order, checks);
        if let Some(sha256) = &row.checks {
            self.checks.push((sha256.clone(), text.as_ref().to_owned()));
        }
        let position = self.place();
        self.orders.push((
            position,
            row.id,
            row.version,
            row.buyer,
            row.seller,
            row.listing,
            row.status,
            row.phase,
            row.price,
            row.fee,
            row.total,
            row.escrow,
            row.created_at,
            row.service,
            row.terms,
            row.checks,
            row.state,
        ));
        position
    }

    fn add_parties(&mut self, writes: &Writes) {
        for write in writes.listings.values() {
            let row = ListingRow::new(&write.row);
            let (status, price, data) = (row.status, row.price, row.data);
            if write.stored == 0 {
                let position = self.place();
                let made = (position, row.id, row.version, row.provider);
                self.listings.push((
                    made.0,
                    made.1,
                    made.2,
                    made.3,
                    status,
                    price,
                    row.created_at,
                    data,
                ));
            } else {
                let read = count(write.stored);
                self.changed_listings.push((row.id, read, row.version, status, price, data));
            }
        }
        for write in writes.agents.values() {
            let row = AgentRow::new(&write.row);
            let (payout, threshold) = (row.payout, row.payout_threshold);
            let counts = (row.unfunded_orders, row.listings, row.reputation_milli);
            if write.stored == 0 {
                let columns =
                    (row.did, row.version, payout, threshold, counts.0, counts.1, counts.2);
                self.agents.push(columns);
            } else {
                let read = count(write.stored);
                let columns =
                    (row.did, read, row.version, payout, threshold, counts.0, counts.1, counts.2);
                self.changed_agents.push(columns);
            }
        }
    }

    fn add_edges(&mut self, writes: &Writes) {
        for write in writes.withdrawals.values() {
            let (r, read) = (WithdrawalRow::new(&write.row), count(write.stored));
            if read == 0 {
                self.withdrawals.push((
                    r.id, r.version, r.agent, r.amount, r.fee, r.held, r.at, r.sent_at, r.state,
                    r.detail,
                ));
            } else {
                self.changed_withdrawals.push((
                    r.id, read, r.version, r.agent, r.amount, r.fee, r.held, r.at, r.sent_at,
                    r.state, r.detail,
                ));
            }
        }
        for write in writes.deposits.values() {
            let (r, read) = (DepositRow::new(&write.row), count(write.stored));
            if read == 0 {
                self.deposits.push((r.id, r.version, r.agent, r.amount, r.at, r.state, r.detail));
            } else {
                self.changed_deposits
                    .push((r.id, read, r.version, r.agent, r.amount, r.at, r.state, r.detail));
            }
        }
        for write in writes.api_keys.values() {
            let (r, read) = (ApiKeyRow::new(&write.row), count(write.stored));
            if read == 0 {
                self.api_keys.push((r.sha256, r.version, r.agent, r.label, r.at, r.revoked_at));
            } else {
                self.changed_api_keys.push((
                    r.sha256,
                    read,
                    r.version,
                    r.agent,
                    r.label,
                    r.at,
                    r.revoked_at,
                ));
            }
        }
        for write in writes.motions.values() {
            let (r, read) = (MotionRow::new(&write.row), count(write.stored));
            if read == 0 {
                self.motions.push((r.id, r.version, r.body));
            } else {
                self.changed_motions.push((r.id, read, r.version, r.body));
            }
        }
        for write in writes.teg_records.values() {
            let (r, read) = (TegRecordRow::new(&write.row), count(write.stored));
            if read == 0 {
                self.teg_records.push((
                    r.id, r.version, r.state, r.entry, r.payer, r.amount, r.dust, r.memo, r.at,
                    r.used_for,
                ));
            } else {
                self.changed_teg_records.push((
                    r.id, read, r.version, r.state, r.entry, r.payer, r.amount, r.dust, r.memo,
                    r.at, r.used_for,
                ));
            }
        }
    }

    fn add_entries(
        &mut self,
        entries: &[Entry],
        balances: &mut BTreeMap<Account, Running>,
    ) -> Result<(), StoreError> {
        let mut digest = PostingsDigest::default();
        let mut sums: BTreeMap<String, i64> = BTreeMap::new();
        let (number, at) = (self.batch.number, self.batch.at);
        for entry in entries {
            for (account, row) in postings_of(entry, marketplace_money::Timestamp::from_micros(at))
            {
                let overflow = || {
                    StoreError::Rejected(format!("the sum of {account} does not fit into 64 bits"))
                };
                let mut balance = None;
                if let Some(held) = balances.get_mut(account) {
                    // Within a set the sum may pass through what no balance may be.
                    held.amount = held.amount.checked_add(row.delta).ok_or_else(overflow)?;
                    balance = Some(held.amount);
                } else if is_summed(account) {
                    let sum = sums.entry(account_text(account)).or_default();
                    *sum = sum.checked_add(row.delta).ok_or_else(overflow)?;
                } else if matches!(account, Account::Order(_)) {
                    let sum = sums.entry(OPEN_ESCROW.to_owned()).or_default();
                    *sum = sum.checked_add(row.delta).ok_or_else(overflow)?;
                }
                digest.add(&row, balance);
                let position = self.place();
                self.postings.push((
                    position,
                    row.entry,
                    row.line,
                    row.lines,
                    row.account,
                    row.delta,
                    row.kind,
                    row.reason,
                    row.at,
                    number,
                    balance,
                ));
            }
        }
        self.batch.postings = small(self.postings.position.len())?;
        self.batch.postings_digest = digest.finish();
        (self.batch.sum_accounts, self.batch.sum_deltas) =
            sums.into_iter().filter(|(_, delta)| *delta != 0).unzip();
        Ok(())
    }

    fn add_balances(&mut self, balances: BTreeMap<Account, Running>) {
        for (account, running) in balances {
            let name = account_text(&account);
            let is_due = |amount: i64, at: Option<i64>| at.is_some_and(|at| amount >= at);
            let was = running.stood.is_some_and(|stood| is_due(stood.amount, stood.payout_at));
            let due = is_due(running.amount, running.payout_at);
            if due && !was {
                self.payouts.push((name.clone(),));
            } else if was && !due {
                self.ended_payouts.push((name.clone(),));
            }
            match running.stood {
                None if running.amount == 0 && running.payout_at.is_none() => {}
                None => self.balances.push((name, running.amount, running.payout_at)),
                Some(stood) => {
                    let delta = running.amount - stood.amount;
                    if delta != 0 || stood.payout_at != running.payout_at {
                        self.changed_balances.push((name, delta, running.payout_at));
                    }
                }
            }
        }
    }

    fn add_events(&mut self, events: Vec<Event>) -> Result<(), StoreError> {
        let mut digest = EventsDigest::default();
        let (number, at) = (self.batch.number, self.batch.at);
        self.batch.events = small(events.len())?;
        for (line, event) in (0..).zip(events) {
            let row = EventRow::new(event);
            digest.add(&row);
            self.events.push((
                number,
                line,
                row.id,
                row.subject,
                row.name,
                row.audience,
                row.at,
                row.data,
                at,
            ));
        }
        self.batch.events_digest = digest.finish();
        Ok(())
    }

    fn add_work(&mut self, writes: &Writes) {
        for ((subject, kind), timer) in &writes.timers {
            match timer {
                Some(timer) => {
                    let row = TimerRow::new(timer);
                    self.timers.push((row.subject, row.kind, row.sequence, row.due));
                }
                None => self.cleared_timers.push((subject_text(*subject), kind)),
            }
        }
        for effect in writes.effects.values() {
            let row = EffectRow::new(effect);
            self.effects.push((row.id, row.work, row.due, row.attempts));
        }
        for change in &writes.effects_retried {
            if let EffectChange::Retry { id, due, attempts, error } = change {
                let columns = (id_text(*id), due.micros(), i64::from(*attempts), error.clone());
                self.retried_effects.push(columns);
            }
        }
        for id in &writes.effects_done {
            self.finished_effects.push((id_text(*id),));
        }
        for blob in &writes.blobs {
            let order = id_text(blob.order.uuid());
            self.blobs.push((order, blob.sha256.to_vec(), blob.bytes.to_vec()));
        }
    }

    /// By their keys: two commits that take the same ones wait for each other in one order.
    fn add_answers(&mut self, writes: &Writes) {
        let answers: BTreeMap<[u8; 32], _> = writes
            .idempotency
            .iter()
            .map(|(key, record)| (answer_id(key), (key, record)))
            .collect();
        for (id, (key, record)) in answers {
            let row = IdempotencyRow::new(key, record);
            self.answers.push((
                id.to_vec(),
                row.caller,
                row.route,
                row.key,
                row.body_sha256,
                row.reply,
                row.expires_at,
            ));
        }
        let nonces: BTreeMap<[u8; 32], _> =
            writes.nonces.iter().map(|(nonce, until)| (nonce_id(nonce), (nonce, until))).collect();
        for (id, (nonce, until)) in nonces {
            let row = NonceRow::new(nonce, *until);
            self.nonces.push((id.to_vec(), row.signer, row.value, row.expires_at));
        }
    }
}

/// The balances that a commit moves, or whose payout policy it changes, as they stand.
fn running(writes: &Writes, standing: &Standing) -> BTreeMap<Account, Running> {
    let mut balances = BTreeMap::new();
    let start = |account: &Account| {
        let stood = standing.balances.get(&account_text(account)).copied();
        Running {
            stood,
            amount: stood.map_or(0, |stood| stood.amount),
            payout_at: stood.and_then(|stood| stood.payout_at),
        }
    };
    for account in writes.balances.keys() {
        balances.insert(account.clone(), start(account));
    }
    for (did, write) in &writes.agents {
        let account = Account::Agent(did.clone());
        let running = balances.entry(account.clone()).or_insert_with(|| start(&account));
        running.payout_at = payout_at(write.row.payout);
    }
    balances
}

fn small(count: usize) -> Result<i32, StoreError> {
    let fits = i32::try_from(count).ok().filter(|count| *count < 1 << (PLACE_BITS - 1));
    fits.ok_or_else(|| StoreError::Rejected(format!("{count} rows are too many for one commit")))
}

/// The name of the sum of all orders' accounts; no account is called so.
pub(crate) const OPEN_ESCROW: &str = "orders";

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
