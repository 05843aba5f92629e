//! The money of a commit: lines of the journal, and what they do to balances.

use std::collections::BTreeMap;

use marketplace_ledger::{Account, Entry};
use marketplace_ports::{StoreError, Writes};
use marketplace_store_rows::{PostingsDigest, account_text, party_key, payout_at, postings_of};

use super::{Draft, OPEN_ESCROW, small};
use crate::lock::{Standing, StandingBalance};

/// A balance on its way through the lines of a commit.
pub(super) struct Running {
    stood: Option<StandingBalance>,
    amount: i64,
    payout_at: Option<i64>,
}

impl Draft {
    pub(super) fn add_entries(
        &mut self,
        entries: &[Entry],
        balances: &mut BTreeMap<Account, Running>,
    ) -> Result<(), StoreError> {
        let mut digest = PostingsDigest::default();
        let mut sums: BTreeMap<String, i64> = BTreeMap::new();
        let (number, at) = (self.whole.batch.number, self.whole.batch.at);
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
                let account_key = balance.map(|_| party_key(&row.account));
                self.whole.postings.push((
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
                    account_key,
                ));
            }
        }
        self.whole.batch.postings = small(self.whole.postings.position.len())?;
        self.whole.batch.postings_digest = digest.finish().to_vec();
        (self.whole.batch.sum_accounts, self.whole.batch.sum_deltas) =
            sums.into_iter().filter(|(_, delta)| *delta != 0).unzip();
        Ok(())
    }

    pub(super) fn add_balances(&mut self, balances: BTreeMap<Account, Running>) {
        let number = self.whole.batch.number;
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
                None => {
                    let columns = (name, running.amount, running.payout_at, number);
                    self.whole.balances.push(columns);
                }
                Some(stood) => {
                    let delta = running.amount - stood.amount;
                    if delta != 0 || stood.payout_at != running.payout_at {
                        let columns = (name, delta, running.payout_at, stood.changed_by, number);
                        self.whole.changed_balances.push(columns);
                    }
                }
            }
        }
    }
}

/// The balances that a commit moves, or whose payout policy it changes, as they stand.
pub(super) fn running(writes: &Writes, standing: &Standing) -> BTreeMap<Account, Running> {
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
