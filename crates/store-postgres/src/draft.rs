//! All rows of a commit.

mod entries;
mod facts;

use std::collections::BTreeMap;

use marketplace_escrow::Order;
use marketplace_ports::{RowWrite, StoreError, Writes};
use marketplace_store_rows::{
    AgentRow, ApiKeyRow, DepositRow, ListingRow, MotionRow, OrderChange, OrderRow, ReviewsRow,
    TaskRow, TegRecordRow, WithdrawalRow, count, party_key,
};
use sha2::{Digest, Sha256};

use crate::arrays::Arrays;
use crate::judged::Judged;
use crate::lock::{COMPLETED, Standing};
use crate::rows::{
    ChangedAgents, ChangedApiKeys, ChangedDeposits, ChangedListings, ChangedMotions,
    ChangedPolicies, ChangedReviews, ChangedTasks, ChangedTegRecords, ChangedWithdrawals,
    EndedPayouts, FinishedEffects, NewAgents, NewApiKeys, NewBlobs, NewChecks, NewDeposits,
    NewEffects, NewListings, NewMotions, NewNonces, NewPayouts, NewReviews, NewTasks,
    NewTegRecords, NewTimers, NewWithdrawals, RetriedEffects,
};
use crate::whole::Whole;

/// Positions that a commit has: bits of a position below the commit's number.
const PLACE_BITS: u32 = 20;

/// Everything that a commit writes.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    /// What one statement writes.
    pub(crate) whole: Whole,
    pub(crate) listing_count: i64,
    nonces: NewNonces,
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
    tasks: NewTasks,
    changed_tasks: ChangedTasks,
    teg_records: NewTegRecords,
    changed_teg_records: ChangedTegRecords,
    motions: NewMotions,
    changed_motions: ChangedMotions,
    policies: ChangedPolicies,
    reviews: NewReviews,
    changed_reviews: ChangedReviews,
    payouts: NewPayouts,
    ended_payouts: EndedPayouts,
    timers: NewTimers,
    effects: NewEffects,
    retried_effects: RetriedEffects,
    finished_effects: FinishedEffects,
    blobs: NewBlobs,
    judged: Judged,
    /// Positions given so far.
    places: i64,
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
        draft.whole.batch.number = standing.number;
        draft.whole.batch.id = id;
        draft.whole.batch.at = standing.at;
        draft.whole.batch.outcomes = outcomes;
        draft.add_orders(&writes.orders);
        draft.add_parties(&writes);
        draft.add_edges(&writes);
        draft.add_reviews(&writes);
        let mut balances = draft.add_balances(&writes, standing)?;
        draft.add_entries(&writes.entries, &mut balances)?;
        draft.add_policies(&writes, standing);
        let number = standing.number.unwrap_or_default();
        draft.judged = Judged::of(&writes, number, || draft.position());
        draft.add_work(&writes);
        draft.add_answers(&writes);
        draft.add_events(writes.events)?;
        draft.whole.count();
        Ok(draft)
    }

    /// The other statements that have something to write, in the order in which they are sent. What
    /// is inserted under a key that somebody else may take at the same time comes first, in the
    /// order of its keys.
    pub(crate) fn statements(&self) -> Vec<(&'static str, &dyn Arrays)> {
        let all: [&dyn Arrays; 28] = [
            &self.nonces,
            &self.listings,
            &self.agents,
            &self.withdrawals,
            &self.deposits,
            &self.api_keys,
            &self.tasks,
            &self.teg_records,
            &self.motions,
            &self.reviews,
            &self.checks,
            &self.changed_listings,
            &self.changed_agents,
            &self.changed_withdrawals,
            &self.changed_deposits,
            &self.changed_api_keys,
            &self.changed_tasks,
            &self.changed_teg_records,
            &self.changed_motions,
            &self.policies,
            &self.changed_reviews,
            &self.payouts,
            &self.ended_payouts,
            &self.timers,
            &self.effects,
            &self.retried_effects,
            &self.finished_effects,
            &self.blobs,
        ];
        let all = all.into_iter().chain(self.judged.statements());
        all.filter(|rows| !rows.is_empty()).map(|rows| (rows.text(), rows)).collect()
    }

    /// The next place in this commit.
    fn place(&mut self) -> i64 {
        self.places += 1;
        self.places
    }

    /// The next position of this commit, where its number is known before: nothing else is written
    /// in one statement alone.
    fn position(&mut self) -> i64 {
        let number = self.whole.batch.number.unwrap_or_default();
        (number << PLACE_BITS) + self.place()
    }

    fn add_orders(&mut self, orders: &BTreeMap<marketplace_money::OrderId, RowWrite<Order>>) {
        for write in orders.values() {
            let order = &write.row;
            let (status, escrow) = (order.status().name(), order.escrow().nano());
            if write.stored == 0 {
                let place = self.add_order(order);
                if status != COMPLETED {
                    let buyer = party_key(order.buyer.as_str());
                    let seller = party_key(order.seller.as_str());
                    self.whole.open_orders.push((place, buyer, seller, status, escrow));
                }
                continue;
            }
            let next = OrderChange::new(order);
            self.whole.changed_orders.push((
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
        let place = self.place();
        let keys = (party_key(&row.buyer), party_key(&row.seller));
        self.whole.orders.push((
            place,
            row.id,
            row.version,
            row.buyer,
            row.seller,
            keys.0,
            keys.1,
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
        place
    }

    fn add_parties(&mut self, writes: &Writes) {
        for write in writes.listings.values() {
            let row = ListingRow::new(&write.row);
            let (status, price, data) = (row.status, row.price, row.data);
            if write.stored == 0 {
                let position = self.position();
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
                let columns = (
                    row.did,
                    row.version,
                    payout,
                    threshold,
                    counts.0,
                    counts.1,
                    counts.2,
                    row.backing,
                );
                self.agents.push(columns);
            } else {
                let read = count(write.stored);
                let columns = (
                    row.did,
                    read,
                    row.version,
                    payout,
                    threshold,
                    counts.0,
                    counts.1,
                    counts.2,
                    row.backing,
                );
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
        self.add_papers(writes);
    }

    fn add_reviews(&mut self, writes: &Writes) {
        for write in writes.reviews.values() {
            let (r, read) = (ReviewsRow::new(&write.row), count(write.stored));
            if read == 0 {
                let position = self.position();
                self.reviews.push((
                    position,
                    r.order_id,
                    r.version,
                    r.buyer,
                    r.seller,
                    r.closed_at,
                    r.buyer_stars,
                    r.buyer_text,
                    r.buyer_at,
                    r.seller_stars,
                    r.seller_text,
                    r.seller_at,
                ));
            } else {
                self.changed_reviews.push((
                    r.order_id,
                    read,
                    r.version,
                    r.buyer_stars,
                    r.buyer_text,
                    r.buyer_at,
                    r.seller_stars,
                    r.seller_text,
                    r.seller_at,
                ));
            }
        }
    }

    /// What is kept as one text each.
    fn add_papers(&mut self, writes: &Writes) {
        for write in writes.motions.values() {
            let (r, read) = (MotionRow::new(&write.row), count(write.stored));
            if read == 0 {
                self.motions.push((r.id, r.version, r.body));
            } else {
                self.changed_motions.push((r.id, read, r.version, r.body));
            }
        }
        for write in writes.tasks.values() {
            let (r, read) = (TaskRow::new(&write.row), count(write.stored));
            if read == 0 {
                self.tasks.push((r.key, r.version, r.owner, r.changed_at, r.expires_at, r.body));
            } else {
                self.changed_tasks.push((
                    r.key,
                    read,
                    r.version,
                    r.changed_at,
                    r.expires_at,
                    r.body,
                ));
            }
        }
    }
}

fn small(count: usize) -> Result<i32, StoreError> {
    let fits = i32::try_from(count).ok().filter(|count| *count < 1 << (PLACE_BITS - 1));
    fits.ok_or_else(|| StoreError::Rejected(format!("{count} rows are too many for one commit")))
}

/// The name of the sum of all orders' accounts; no account is called so.
pub(crate) const OPEN_ESCROW: &str = "orders";
