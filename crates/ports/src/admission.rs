//! Which change sets of a batch may be written: one rule for all stores.
//!
//! A store gives the current versions, balances and counters of everything that the batch
//! touches (locked), asks [`admit`], and writes [`Writes::merge`] of the admitted ones. A set
//! that was decided on the result of a refused one falls with it: it read a version, a balance
//! or a count that never came to be.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use marketplace_escrow::Order;
use marketplace_ledger::{Account, Entry};
use marketplace_listings::Listing;
use marketplace_money::{
    Amount, CommandId, DepositId, Did, DisputeId, ListingId, OrderId, Timestamp, WithdrawalId,
};
use uuid::Uuid;

use crate::{
    Agent, ApiKey, Blob, Change, ChangeSet, CommitOutcome, CountChange, Deposit, Docket, Effect,
    EffectChange, Event, Exhibit, ExposureChange, IdempotencyKey, IdempotencyRecord, Juror, Key,
    Motion, Nonce, OrderReviews, Subject, Task, TaskKey, TegRecord, TegTransactionId, Timer,
    TimerChange, View, Withdrawal,
};

/// The state that a batch meets, as far as the batch touches it.
#[derive(Clone, Debug, Default)]
pub struct Current {
    /// Versions of rows that exist.
    pub versions: HashMap<Key, u64>,
    /// Idempotency keys and nonces that exist.
    pub taken: HashSet<Key>,
    /// Balances that have a row.
    pub balances: HashMap<Account, Amount>,
    /// The open escrow of sellers.
    pub exposures: HashMap<Did, Amount>,
    /// How many listings there are.
    pub listing_count: i64,
}

impl Current {
    /// The state as a view shows it: for a store that knows that nothing was written since.
    #[must_use]
    pub fn from_view(view: &View) -> Self {
        let mut versions = HashMap::new();
        versions.extend(view.orders.iter().map(|(id, row)| (Key::Order(*id), row.version)));
        versions.extend(view.listings.iter().map(|(id, row)| (Key::Listing(*id), row.version)));
        versions.extend(view.agents.iter().map(|(id, row)| (Key::Agent(id.clone()), row.version)));
        versions
            .extend(view.withdrawals.iter().map(|(id, row)| (Key::Withdrawal(*id), row.version)));
        versions.extend(view.deposits.iter().map(|(id, row)| (Key::Deposit(*id), row.version)));
        versions.extend(view.reviews.iter().map(|(id, row)| (Key::Reviews(*id), row.version)));
        versions.extend(view.api_keys.iter().map(|(id, row)| (Key::ApiKey(*id), row.version)));
        versions.extend(view.motions.iter().map(|(id, row)| (Key::Motion(*id), row.version)));
        versions.extend(view.tasks.iter().map(|(key, row)| (Key::Task(key.clone()), row.version)));
        let transfers = view.teg_records.iter();
        versions.extend(transfers.map(|(id, row)| (Key::TegTransaction(id.clone()), row.version)));
        let disputes = view.disputes.iter();
        versions.extend(disputes.map(|(id, row)| (Key::Dispute(*id), row.dispute.version)));
        let jurors = view.jurors.iter();
        versions.extend(jurors.map(|(did, row)| (Key::Juror(did.clone()), row.version)));
        let mut taken = HashSet::new();
        taken.extend(view.idempotency.keys().cloned().map(Key::Idempotency));
        taken.extend(view.nonces.iter().cloned().map(Key::Nonce));
        Self {
            versions,
            taken,
            balances: view.balances.clone(),
            exposures: view.exposures.clone(),
            listing_count: view.listing_count,
        }
    }
}

impl ChangeSet {
    /// Every row that the set reads or writes, with the version that it read.
    pub fn versions(&self) -> impl Iterator<Item = (Key, u64)> + '_ {
        let reads = self.reads.iter().cloned();
        let orders = self.orders.iter().map(|c| (Key::Order(c.row.id), c.read));
        let listings = self.listings.iter().map(|c| (Key::Listing(c.row.id), c.read));
        let agents = self.agents.iter().map(|c| (Key::Agent(c.row.did.clone()), c.read));
        let withdrawals = self.withdrawals.iter().map(|c| (Key::Withdrawal(c.row.id), c.read));
        let deposits = self.deposits.iter().map(|c| (Key::Deposit(c.row.id), c.read));
        let api_keys = self.api_keys.iter().map(|c| (Key::ApiKey(c.row.sha256), c.read));
        let motions = self.motions.iter().map(|c| (Key::Motion(c.row.id), c.read));
        let tasks = self.tasks.iter().map(|c| (Key::Task(c.row.key.clone()), c.read));
        let transfers = self.teg_records.iter();
        let transfers = transfers.map(|c| (Key::TegTransaction(c.row.id.clone()), c.read));
        let disputes = self.disputes.iter().map(|c| (Key::Dispute(c.row.dispute.id), c.read));
        let jurors = self.jurors.iter().map(|c| (Key::Juror(c.row.did.clone()), c.read));
        let judged = disputes.chain(jurors);
        let parties = agents.chain(withdrawals).chain(deposits).chain(api_keys);
        let parties = parties.chain(tasks).chain(motions).chain(transfers);
        let reviews = self.reviews.iter().map(|c| (Key::Reviews(c.row.reviews.order), c.read));
        reads.chain(orders).chain(listings).chain(parties).chain(judged).chain(reviews)
    }

    /// Of these, those that it writes.
    fn written(&self) -> impl Iterator<Item = (Key, u64)> + '_ {
        self.versions().skip(self.reads.len())
    }

    /// Every key that the set takes for ever.
    pub fn takes(&self) -> impl Iterator<Item = Key> + '_ {
        let idempotency = self.idempotency.iter().map(|(key, _)| Key::Idempotency(key.clone()));
        let nonce = self.nonce.iter().map(|(nonce, _)| Key::Nonce(nonce.clone()));
        idempotency.chain(nonce)
    }

    /// The sum of what the entries do to each account with a balance row.
    #[must_use]
    pub fn balance_deltas(&self) -> Vec<(Account, Option<Amount>)> {
        let mut deltas: Vec<(Account, Option<Amount>)> = Vec::new();
        for posting in self.entries.iter().flat_map(Entry::postings) {
            if !posting.account.has_balance_row() {
                continue;
            }
            match deltas.iter_mut().find(|(account, _)| *account == posting.account) {
                Some((_, sum)) => *sum = sum.and_then(|sum| sum.checked_add(posting.delta)),
                None => deltas.push((posting.account.clone(), Some(posting.delta))),
            }
        }
        deltas
    }

    /// Every key whose state the store must know to admit the set.
    pub fn keys(&self) -> impl Iterator<Item = Key> + '_ {
        let versions = self.versions().map(|(key, _)| key);
        let balances = self.balance_deltas().into_iter().map(|(account, _)| Key::Balance(account));
        let count = self.listing_count.iter().map(|_| Key::ListingCount);
        let sellers = self.exposures.iter().map(|change| change.seller.clone());
        let exposures = sellers.map(|seller| Key::Balance(Account::Agent(seller)));
        versions.chain(self.takes()).chain(balances).chain(exposures).chain(count)
    }
}

/// What a set does to the state that admission looks at, taken out of it once.
struct Claim<'a> {
    reads: &'a [(Key, u64)],
    writes: Vec<(Key, u64)>,
    takes: Vec<Key>,
    deltas: Vec<(Account, Option<Amount>)>,
    exposures: &'a [ExposureChange],
    count: Option<CountChange>,
}

impl<'a> Claim<'a> {
    fn of(set: &'a ChangeSet) -> Self {
        Self {
            reads: &set.reads,
            writes: set.written().collect(),
            takes: set.takes().collect(),
            deltas: set.balance_deltas(),
            exposures: &set.exposures,
            count: set.listing_count,
        }
    }

    fn fits(&self, current: &Current) -> bool {
        let stands =
            |(key, read): &(Key, u64)| current.versions.get(key).copied().unwrap_or(0) == *read;
        let balances_fit = self.deltas.iter().all(|(account, delta)| {
            let balance = current.balances.get(account).copied().unwrap_or_default();
            let after = delta.and_then(|delta| balance.checked_add(delta));
            after.is_some_and(|after| !after.is_negative())
        });
        let count_fits = self.count.is_none_or(|count| {
            count.delta <= 0 || current.listing_count + count.delta <= count.limit
        });
        balances_fit
            && count_fits
            && self.exposures_fit(current)
            && self.reads.iter().chain(&self.writes).all(stands)
            && !self.takes.iter().any(|key| current.taken.contains(key))
    }

    /// In order: a set may end one order of a seller and begin another.
    fn exposures_fit(&self, current: &Current) -> bool {
        let mut open: HashMap<&Did, Amount> = HashMap::new();
        self.exposures.iter().all(|change| {
            let stands = current.exposures.get(&change.seller).copied().unwrap_or_default();
            let now = open.entry(&change.seller).or_insert(stands);
            let Some(after) = now.checked_add(change.delta) else { return false };
            *now = after;
            !change.delta.is_positive() || change.limit.is_none_or(|limit| after <= limit)
        })
    }

    fn advance(self, current: &mut Current) {
        current.versions.extend(self.writes.into_iter().map(|(key, read)| (key, read + 1)));
        current.taken.extend(self.takes);
        for (account, delta) in self.deltas {
            let balance = current.balances.entry(account).or_default();
            // `fits` has checked the sum.
            *balance = delta.and_then(|delta| balance.checked_add(delta)).unwrap_or(*balance);
        }
        for change in self.exposures {
            let open = current.exposures.entry(change.seller.clone()).or_default();
            *open = open.checked_add(change.delta).unwrap_or(*open);
        }
        current.listing_count += self.count.map_or(0, |count| count.delta);
    }
}

/// Decides for each set, in order, whether it still holds on `current`.
#[must_use]
pub fn admit(mut current: Current, sets: &[(CommandId, ChangeSet)]) -> Vec<CommitOutcome> {
    // Rows as a refused set would have left them. Their versions do not tell: whoever was faster
    // may have brought the same row to the very version that the refused set would have made.
    let mut never: HashSet<Key> = HashSet::new();
    let decide = |(_, set): &(CommandId, ChangeSet)| {
        let claim = Claim::of(set);
        let on_nothing = !never.is_empty()
            && claim.reads.iter().chain(&claim.writes).any(|(key, _)| never.contains(key));
        if claim.fits(&current) && !on_nothing {
            claim.advance(&mut current);
            CommitOutcome::Committed
        } else {
            never.extend(claim.writes.into_iter().map(|(key, _)| key));
            CommitOutcome::Conflict
        }
    };
    sets.iter().map(decide).collect()
}

/// A row to write once for the whole batch: the version that stands in the store, and the last
/// of the batch.
#[derive(Clone, Debug)]
pub struct RowWrite<T> {
    /// 0: insert.
    pub stored: u64,
    /// What it is after the batch.
    pub row: Arc<T>,
}

/// All rows of the admitted sets, each once, in key order.
#[derive(Clone, Debug, Default)]
pub struct Writes {
    /// Orders.
    pub orders: BTreeMap<OrderId, RowWrite<Order>>,
    /// Listings.
    pub listings: BTreeMap<ListingId, RowWrite<Listing>>,
    /// Agents.
    pub agents: BTreeMap<Did, RowWrite<Agent>>,
    /// Withdrawals.
    pub withdrawals: BTreeMap<WithdrawalId, RowWrite<Withdrawal>>,
    /// Deposits.
    pub deposits: BTreeMap<DepositId, RowWrite<Deposit>>,
    /// API keys.
    pub api_keys: BTreeMap<[u8; 32], RowWrite<ApiKey>>,
    /// Tasks of agent protocols.
    pub tasks: BTreeMap<TaskKey, RowWrite<Task>>,
    /// What operators propose.
    pub motions: BTreeMap<Uuid, RowWrite<Motion>>,
    /// Disputes: every entry of the log after the stored version is new.
    pub disputes: BTreeMap<DisputeId, RowWrite<Docket>>,
    /// Jurors.
    pub jurors: BTreeMap<Did, RowWrite<Juror>>,
    /// What parties say of each other.
    pub reviews: BTreeMap<OrderId, RowWrite<OrderReviews>>,
    /// What the open escrow of sellers changes by.
    pub exposures: BTreeMap<Did, Amount>,
    /// The least limit to it that a set of the batch named: whoever writes without a lock keeps the
    /// sum below it.
    pub exposure_limits: BTreeMap<Did, Amount>,
    /// What balances change by.
    pub balances: BTreeMap<Account, Amount>,
    /// What the number of listings changes by.
    pub listing_count: i64,
    /// In order.
    pub entries: Vec<Entry>,
    /// What is known of transfers at the TEG.
    pub teg_records: BTreeMap<TegTransactionId, RowWrite<TegRecord>>,
    /// In order.
    pub events: Vec<Event>,
    /// The last word on each timer: set, or cleared.
    pub timers: BTreeMap<(Subject, &'static str), Option<Timer>>,
    /// New work.
    pub effects: BTreeMap<Uuid, Effect>,
    /// Work that is done and was not new in this batch.
    pub effects_done: Vec<Uuid>,
    /// Work that failed for now.
    pub effects_retried: Vec<EffectChange>,
    /// Answers to remember.
    pub idempotency: Vec<(IdempotencyKey, IdempotencyRecord)>,
    /// Nonces used up.
    pub nonces: Vec<(Nonce, Timestamp)>,
    /// Bytes of deliveries.
    pub blobs: Vec<Blob>,
    /// Bytes of disputes.
    pub exhibits: Vec<Exhibit>,
}

fn merge_rows<K: Ord, T>(
    into: &mut BTreeMap<K, RowWrite<T>>,
    changes: Vec<Change<T>>,
    key: impl Fn(&T) -> K,
) {
    for change in changes {
        into.entry(key(&change.row))
            .and_modify(|write| write.row = change.row.clone())
            .or_insert(RowWrite { stored: change.read, row: change.row });
    }
}

impl Writes {
    /// Joins the sets that were admitted.
    #[must_use]
    pub fn merge(sets: Vec<(CommandId, ChangeSet)>, outcomes: &[CommitOutcome]) -> Self {
        let mut writes = Self::default();
        for ((_, set), outcome) in sets.into_iter().zip(outcomes) {
            if *outcome == CommitOutcome::Committed {
                writes.add(set);
            }
        }
        writes
    }

    fn add(&mut self, set: ChangeSet) {
        for (account, delta) in set.balance_deltas() {
            let sum = self.balances.entry(account).or_default();
            // Each prefix of the admitted sets was checked to fit.
            *sum = delta.and_then(|delta| sum.checked_add(delta)).unwrap_or(*sum);
        }
        merge_rows(&mut self.orders, set.orders, |row| row.id);
        merge_rows(&mut self.listings, set.listings, |row| row.id);
        merge_rows(&mut self.agents, set.agents, |row| row.did.clone());
        merge_rows(&mut self.withdrawals, set.withdrawals, |row| row.id);
        merge_rows(&mut self.deposits, set.deposits, |row| row.id);
        merge_rows(&mut self.api_keys, set.api_keys, |row| row.sha256);
        merge_rows(&mut self.tasks, set.tasks, |row| row.key.clone());
        merge_rows(&mut self.motions, set.motions, |row| row.id);
        merge_rows(&mut self.disputes, set.disputes, |row| row.dispute.id);
        merge_rows(&mut self.jurors, set.jurors, |row| row.did.clone());
        merge_rows(&mut self.reviews, set.reviews, |row| row.reviews.order);
        for change in set.exposures {
            if let Some(limit) = change.limit.filter(|_| change.delta.is_positive()) {
                let least = self.exposure_limits.entry(change.seller.clone()).or_insert(limit);
                *least = limit.min(*least);
            }
            let sum = self.exposures.entry(change.seller).or_default();
            // The same: each prefix was checked.
            *sum = sum.checked_add(change.delta).unwrap_or(*sum);
        }
        self.listing_count += set.listing_count.map_or(0, |count| count.delta);
        self.entries.extend(set.entries);
        merge_rows(&mut self.teg_records, set.teg_records, |row| row.id.clone());
        self.events.extend(set.events);
        for change in set.timers {
            match change {
                TimerChange::Set(timer) => {
                    self.timers.insert((timer.subject, timer.kind), Some(timer));
                }
                TimerChange::Clear { subject, kind } => {
                    self.timers.insert((subject, kind), None);
                }
            }
        }
        for change in set.effects {
            match change {
                EffectChange::Add(effect) => {
                    self.effects.insert(effect.id, effect);
                }
                EffectChange::Done(id) => {
                    if self.effects.remove(&id).is_none() {
                        self.effects_done.push(id);
                    }
                }
                retry @ EffectChange::Retry { .. } => self.effects_retried.push(retry),
            }
        }
        self.idempotency.extend(set.idempotency);
        self.nonces.extend(set.nonce);
        self.blobs.extend(set.blobs);
        self.exhibits.extend(set.exhibits);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An agent's row, read in one version and written in the next.
    fn write(read: u64) -> (CommandId, ChangeSet) {
        let did: Did = "did:a".parse().unwrap();
        let row = Arc::new(Agent { version: read + 1, ..Agent::unknown(did) });
        let set = ChangeSet { agents: vec![Change { read, row }], ..ChangeSet::default() };
        (CommandId::new(Uuid::nil()), set)
    }

    #[test]
    fn what_was_decided_on_a_refused_set_falls_with_it() {
        use CommitOutcome::{Committed, Conflict};
        let check = |stands: u64, reads: &[u64], expect: &[CommitOutcome]| {
            let key = Key::Agent("did:a".parse().unwrap());
            let versions = HashMap::from([(key, stands)]);
            let current = Current { versions, ..Current::default() };
            let sets: Vec<_> = reads.iter().map(|read| write(*read)).collect();
            assert_eq!(admit(current, &sets), expect, "{stands} {reads:?}");
        };
        check(1, &[1, 2, 3], &[Committed, Committed, Committed]);
        check(2, &[1, 2, 3], &[Conflict, Conflict, Conflict]);
        check(3, &[1, 2, 3], &[Conflict, Conflict, Conflict]);
        check(9, &[1, 2, 3], &[Conflict, Conflict, Conflict]);
    }
}
