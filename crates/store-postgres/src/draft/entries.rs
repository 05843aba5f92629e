//! The money of a commit: lines of the journal, and what they do to balances.

use std::collections::BTreeMap;

use marketplace_ledger::{Account, Entry};
use marketplace_ports::{StoreError, Writes};
use marketplace_store_rows::{PostingsDigest, account_text, party_key, payout_at, postings_of};

use super::{Draft, OPEN_ESCROW, small};
use crate::lock::Standing;

/// A balance on its way through the lines of a commit.
pub(super) struct Running {
    /// Its place among those that are changed; new ones have none.
    slot: Option<i32>,
    /// What the commit adds to it.
    total: i64,
    /// Of that, what its lines added so far.
    added: i64,
}

impl Draft {
    pub(super) fn add_entries(
        &mut self,
        entries: &[Entry],
        balances: &mut BTreeMap<Account, Running>,
    ) -> Result<(), StoreError> {
        let mut digest = PostingsDigest::default();
        let mut sums: BTreeMap<String, i64> = BTreeMap::new();
        let at = marketplace_money::Timestamp::from_micros(self.whole.batch.at);
        for entry in entries {
            for (account, row) in postings_of(entry, at) {
                let overflow = || {
                    StoreError::Rejected(format!("the sum of {account} does not fit into 64 bits"))
                };
                let (mut slot, mut later) = (None, None);
                if let Some(held) = balances.get_mut(account) {
                    // Within a set the sum may pass through what no balance may be.
                    held.added = held.added.checked_add(row.delta).ok_or_else(overflow)?;
                    let before = if held.slot.is_some() { held.total } else { 0 };
                    later = Some(before.checked_sub(held.added).ok_or_else(overflow)?);
                    slot = held.slot;
                } else if is_summed(account) {
                    let sum = sums.entry(account_text(account)).or_default();
                    *sum = sum.checked_add(row.delta).ok_or_else(overflow)?;
                } else if matches!(account, Account::Order(_)) {
                    let sum = sums.entry(OPEN_ESCROW.to_owned()).or_default();
                    *sum = sum.checked_add(row.delta).ok_or_else(overflow)?;
                }
                digest.add(&row);
                let place = self.place();
                let account_key = later.map(|_| party_key(&row.account));
                self.whole.postings.push((
                    place,
                    row.entry,
                    row.line,
                    row.lines,
                    row.account,
                    row.delta,
                    row.kind,
                    row.reason,
                    slot,
                    later,
                    account_key,
                ));
            }
        }
        self.whole.batch.postings = small(self.whole.postings.place.len())?;
        self.whole.batch.postings_digest = digest.finish().to_vec();
        (self.whole.batch.sum_accounts, self.whole.batch.sum_deltas) =
            sums.into_iter().filter(|(_, delta)| *delta != 0).unzip();
        Ok(())
    }

    /// What the commit does to balances; says of each where its lines find it.
    pub(super) fn add_balances(
        &mut self,
        writes: &Writes,
        standing: &Standing,
    ) -> Result<BTreeMap<Account, Running>, StoreError> {
        let mut balances = BTreeMap::new();
        // In the order of accounts, as rows are locked everywhere.
        for (account, (total, exposed)) in moves(writes) {
            let slot = self.add_balance(&account, (total, exposed), writes, standing)?;
            balances.insert(account, Running { slot, total, added: 0 });
        }
        Ok(balances)
    }

    fn add_balance(
        &mut self,
        account: &Account,
        (total, exposed): (i64, i64),
        writes: &Writes,
        standing: &Standing,
    ) -> Result<Option<i32>, StoreError> {
        let name = account_text(account);
        if standing.balances.contains_key(&name) {
            let place = small(self.whole.changed_balances.account.len())? + 1;
            // Who looked first has locked the row, and knows that all limits are kept.
            let ceiling = match (account, standing.number) {
                (Account::Agent(did), None) if exposed > 0 => writes.exposure_limits.get(did),
                _ => None,
            };
            let ceiling = ceiling.map(|limit| limit.nano());
            self.whole.changed_balances.push((name, place, total, exposed, ceiling));
            return Ok(Some(place));
        }
        if (total != 0 || exposed != 0) && !is_written(writes, account) {
            self.whole.balances.push((name, total, None, exposed));
        }
        Ok(None)
    }

    /// From which balance on agents are paid out, where that changes. Their rows are locked then,
    /// and what stands is known.
    pub(super) fn add_policies(&mut self, writes: &Writes, standing: &Standing) {
        for (did, write) in &writes.agents {
            let account = Account::Agent(did.clone());
            let delta = writes.balances.get(&account).map_or(0, |delta| delta.nano());
            let exposed = writes.exposures.get(did).map_or(0, |delta| delta.nano());
            let name = account_text(&account);
            let policy = payout_at(write.row.payout);
            let stood = standing.balances.get(&name);
            let amount = stood.map_or(0, |stood| stood.amount).saturating_add(delta);
            match stood {
                Some(stood) if stood.payout_at == policy => continue,
                Some(_) => self.policies.push((name.clone(), policy)),
                None if amount == 0 && policy.is_none() && exposed == 0 => continue,
                None => self.whole.balances.push((name.clone(), amount, policy, exposed)),
            }
            if policy.is_some_and(|at| amount >= at) {
                self.payouts.push((name,));
            } else {
                self.ended_payouts.push((name,));
            }
        }
    }
}

/// What is added to each balance, and to what waits on its agent.
fn moves(writes: &Writes) -> BTreeMap<Account, (i64, i64)> {
    let balances = writes.balances.iter();
    let mut moves: BTreeMap<Account, (i64, i64)> =
        balances.map(|(account, total)| (account.clone(), (total.nano(), 0))).collect();
    for (did, delta) in writes.exposures.iter().filter(|(_, delta)| !delta.is_zero()) {
        moves.entry(Account::Agent(did.clone())).or_default().1 = delta.nano();
    }
    moves
}

/// Whether the account is that of an agent whose row is written too.
fn is_written(writes: &Writes, account: &Account) -> bool {
    matches!(account, Account::Agent(did) if writes.agents.contains_key(did))
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
