//! Checks the invariants over everything that the in-memory store holds.

use std::collections::BTreeMap;

use marketplace_escrow::Phase;
use marketplace_ledger::Account;
use marketplace_money::{Amount, Did, EntryId, OrderId, Seconds, WithdrawalId};
use marketplace_ports::{Audit, StoreError, Subject};

use super::journal::amount;
use super::state::State;

/// A timer that waits longer than this was forgotten by the workers.
const LATE: Seconds = Seconds(60);

impl State {
    pub(crate) fn audit(&self) -> Result<Audit, StoreError> {
        let sums = self.sums();
        let count = |wrong: usize| wrong as u64;
        Ok(Audit {
            totals: totals(&sums)?,
            unbalanced_entries: self.unbalanced_entries(),
            wrong_balances: count(self.wrong_balances(&sums)),
            wrong_escrows: count(self.wrong_escrows(&sums)),
            wrong_exposures: count(self.wrong_exposures()),
            wrong_withdrawals: count(self.wrong_withdrawals(&sums)),
            wrong_disputes: count(self.wrong_disputes(&sums)),
            stray_disputes: count(self.stray_disputes()),
            orders_without_timer: count(self.orders_without_timer()),
            broken_hashes: self.broken_hashes(),
            orders: self.orders.len() as u64,
            postings: self.journal.lines.len() as u64,
            late_timers: count(self.timers.due_before(self.now.minus(LATE))),
            open_effects: count(self.effects.len()),
        })
    }

    /// The journal's word on each account, in nano-AVT.
    fn sums(&self) -> BTreeMap<Account, i128> {
        let mut sums = BTreeMap::new();
        for line in &self.journal.lines {
            *sums.entry(line.account.clone()).or_default() += i128::from(line.delta.nano());
        }
        sums
    }

    fn unbalanced_entries(&self) -> u64 {
        let mut entries: BTreeMap<EntryId, i128> = BTreeMap::new();
        for line in &self.journal.lines {
            *entries.entry(line.entry).or_default() += i128::from(line.delta.nano());
        }
        entries.values().filter(|sum| **sum != 0).count() as u64
    }

    fn wrong_balances(&self, sums: &BTreeMap<Account, i128>) -> usize {
        let wrong = |account: &&Account| {
            let sum = sums.get(*account).copied().unwrap_or_default();
            i128::from(self.balance(account).nano()) != sum || sum < 0
        };
        let unwritten = sums.keys().filter(|account| !self.balances.contains_key(*account));
        let accounts = self.balances.keys().chain(unwritten);
        accounts.filter(|account| account.has_balance_row()).filter(wrong).count()
    }

    /// Escrow accounts without an order included.
    fn wrong_escrows(&self, sums: &BTreeMap<Account, i128>) -> usize {
        let mut held: BTreeMap<OrderId, i128> = BTreeMap::new();
        for (account, sum) in sums {
            if let Account::Order(id) = account {
                held.insert(*id, *sum);
            }
        }
        let mut wrong = 0;
        for order in self.orders.rows() {
            let sum = held.remove(&order.id).unwrap_or_default();
            wrong += usize::from(sum != i128::from(order.escrow().nano()));
        }
        wrong + held.values().filter(|sum| **sum != 0).count()
    }

    fn wrong_exposures(&self) -> usize {
        let mut open: BTreeMap<Did, i128> = BTreeMap::new();
        for order in self.orders.rows() {
            *open.entry(order.seller.clone()).or_default() += i128::from(order.escrow().nano());
        }
        for (seller, kept) in &self.exposures {
            *open.entry(seller.clone()).or_default() -= i128::from(kept.nano());
        }
        open.values().filter(|difference| **difference != 0).count()
    }

    fn wrong_withdrawals(&self, sums: &BTreeMap<Account, i128>) -> usize {
        let mut held: BTreeMap<WithdrawalId, i128> = BTreeMap::new();
        for (account, sum) in sums {
            if let Account::Withdrawal(id) = account {
                held.insert(*id, *sum);
            }
        }
        let mut wrong = 0;
        for withdrawal in self.withdrawals.values() {
            let sum = held.remove(&withdrawal.id).unwrap_or_default();
            wrong += usize::from(sum != i128::from(withdrawal.held().nano()));
        }
        wrong + held.values().filter(|sum| **sum != 0).count()
    }

    fn orders_without_timer(&self) -> usize {
        let forgotten = self.orders.rows().filter(|order| {
            let phase = order.phase();
            let waits = !phase.is_terminal() && phase != Phase::Disputed;
            let timer = order.timer().map(|timer| (Subject::Order(order.id), timer.kind.name()));
            waits && timer.is_none_or(|key| !self.timers.contains(&key))
        });
        forgotten.count()
    }

    /// What no batch accounts for counts as one more that is broken.
    fn broken_hashes(&self) -> u64 {
        let (mut before, mut end) = ([0; 32], (0, 0));
        let mut broken = 0;
        for batch in &self.journal.batches {
            let follows = (batch.lines.start, batch.events.start) == end;
            broken += u64::from(!follows || self.journal.hash(&before, batch) != batch.hash);
            (before, end) = (batch.hash, (batch.lines.end, batch.events.end));
        }
        broken + u64::from((self.journal.lines.len(), self.journal.events.len()) != end)
    }
}

fn totals(sums: &BTreeMap<Account, i128>) -> Result<Vec<(String, Amount)>, StoreError> {
    let mut totals: BTreeMap<String, i128> = BTreeMap::new();
    for (account, sum) in sums {
        let name = match account {
            Account::Fees(_) => account.to_string(),
            other => other.to_string().split(':').next().unwrap_or_default().to_owned(),
        };
        *totals.entry(name).or_default() += sum;
    }
    totals.into_iter().map(|(name, sum)| Ok((name, amount(sum)?))).collect()
}
