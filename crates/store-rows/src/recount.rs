//! Counts the journal again, line by line: for audits.
//!
//! One walk in the order of the journal answers what a dozen queries over all of it would: which
//! balances, escrows and sums follow from the lines. What has come back to zero is forgotten, so
//! that memory grows with the agents and the open orders, not with history.

use std::collections::{BTreeMap, HashMap, HashSet};

use marketplace_money::Amount;

use crate::{PostingRow, RowError};

/// What a walk over the journal has found so far.
#[derive(Debug, Default)]
pub struct Recount {
    /// How many lines there are.
    pub postings: u64,
    /// Entries whose lines do not sum to zero.
    pub unbalanced_entries: u64,
    /// Running sums by account; those that are zero need not be there.
    accounts: HashMap<String, i128>,
    kinds: BTreeMap<String, i128>,
    /// Accounts of which a line says another balance than the lines before it.
    broken: HashSet<String>,
    entry: Option<(String, i128)>,
}

/// Whether rules read the balance of an account: then its lines carry it.
fn has_balance(account: &str) -> bool {
    let kinds = ["agent:", "juror:", "collateral:"];
    account == "insurance" || kinds.iter().any(|kind| account.starts_with(kind))
}

/// Under which name an account is summed up: `agent`, `order`, `fees:transaction`, `teg`, ….
fn kind(account: &str) -> &str {
    match account.split_once(':') {
        Some((kind, _)) if kind != "fees" => kind,
        _ => account,
    }
}

impl Recount {
    /// What an account held before the first line of the walk.
    pub fn open(&mut self, account: &str, amount: i64) {
        self.add(account, amount.into());
    }

    /// The next line, with the balance that it says its account has after it.
    pub fn line(&mut self, row: &PostingRow, balance: Option<i64>) {
        self.postings += 1;
        let after = self.add(&row.account, row.delta.into());
        let expect = has_balance(&row.account).then_some(after);
        if balance.map(i128::from) != expect {
            self.broken.insert(row.account.clone());
        }
        match &mut self.entry {
            Some((entry, sum)) if *entry == row.entry => *sum += i128::from(row.delta),
            _ => {
                self.end_entry();
                self.entry = Some((row.entry.clone(), row.delta.into()));
            }
        }
    }

    fn add(&mut self, account: &str, delta: i128) -> i128 {
        let kind = kind(account);
        match self.kinds.get_mut(kind) {
            Some(sum) => *sum += delta,
            None => {
                self.kinds.insert(kind.to_owned(), delta);
            }
        }
        let Some(sum) = self.accounts.get_mut(account) else {
            if delta != 0 {
                self.accounts.insert(account.to_owned(), delta);
            }
            return delta;
        };
        *sum += delta;
        let after = *sum;
        if after == 0 {
            self.accounts.remove(account);
        }
        after
    }

    fn end_entry(&mut self) {
        if let Some((_, sum)) = self.entry.take() {
            self.unbalanced_entries += u64::from(sum != 0);
        }
    }

    /// After the last line.
    pub fn end(&mut self) {
        self.end_entry();
    }

    /// What a row elsewhere says of an account, once for each account: whether the lines say the
    /// same.
    pub fn agrees(&mut self, account: &str, amount: i64) -> bool {
        let counted = self.accounts.remove(account).unwrap_or(0);
        counted == i128::from(amount) && !self.broken.remove(account)
    }

    /// How many accounts that `wanted` names hold something by their lines, or have a broken line,
    /// and no row said so.
    #[must_use]
    pub fn left(&self, wanted: impl Fn(&str) -> bool) -> u64 {
        let holding = self.accounts.keys().filter(|account| wanted(account.as_str()));
        let broken = self.broken.iter().filter(|account| {
            wanted(account.as_str()) && !self.accounts.contains_key(account.as_str())
        });
        (holding.count() + broken.count()) as u64
    }

    /// What all accounts of a kind hold together.
    #[must_use]
    pub fn total_of(&self, kind: &str) -> i128 {
        self.kinds.get(kind).copied().unwrap_or(0)
    }

    /// Sums by account kind.
    ///
    /// # Errors
    /// When a sum does not fit into 64 bits.
    pub fn totals(&self) -> Result<Vec<(String, Amount)>, RowError> {
        let total = |(kind, sum): (&String, &i128)| {
            let problem = || RowError::new("postings", kind, "the sum does not fit into 64 bits");
            let nano = i64::try_from(*sum).map_err(|_| problem())?;
            Ok((kind.clone(), Amount::from_nano(nano)))
        };
        self.kinds.iter().map(total).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(entry: &str, account: &str, delta: i64) -> PostingRow {
        PostingRow {
            entry: entry.to_owned(),
            line: 0,
            lines: 2,
            account: account.to_owned(),
            delta,
            kind: "deposit".into(),
            reason: String::new(),
            at: 0,
        }
    }

    fn walk(lines: &[(&str, &str, i64, Option<i64>)]) -> Recount {
        let mut recount = Recount::default();
        recount.open("agent:b", 7);
        for (entry, account, delta, balance) in lines {
            recount.line(&row(entry, account, *delta), *balance);
        }
        recount.end();
        recount
    }

    #[test]
    fn what_follows_from_the_lines() {
        let mut recount = walk(&[
            ("1", "teg", -5, None),
            ("1", "agent:a", 5, Some(5)),
            ("2", "agent:b", -7, Some(0)),
            ("2", "order:x", 6, None),
            ("2", "fees:listing", 1, None),
        ]);
        assert_eq!((recount.postings, recount.unbalanced_entries), (5, 0));
        let totals: Vec<(String, Amount)> =
            [("agent", 5), ("fees:listing", 1), ("order", 6), ("teg", -5)]
                .map(|(kind, nano)| (kind.to_owned(), Amount::from_nano(nano)))
                .into();
        assert_eq!(recount.totals().unwrap(), totals);
        assert!(recount.agrees("agent:a", 5) && recount.agrees("agent:b", 0));
        assert!(recount.agrees("agent:never", 0));
        assert_eq!(recount.left(|account| account.starts_with("order:")), 1);
        assert!(!recount.agrees("order:x", 5));
        assert_eq!(recount.left(|account| account.starts_with("order:")), 0);
    }

    #[test]
    fn broken_lines_are_found() {
        let check = |lines: &[(&str, &str, i64, Option<i64>)], expect: u64| {
            assert_eq!(walk(lines).left(|account| account == "agent:a"), expect, "{lines:?}");
        };
        check(&[("1", "agent:a", 5, Some(5)), ("1", "agent:a", -5, Some(0))], 0);
        check(&[("1", "agent:a", 5, Some(4)), ("1", "agent:a", -5, Some(0))], 1);
        check(&[("1", "agent:a", 5, None), ("1", "agent:a", -5, Some(0))], 1);
        check(&[("1", "agent:a", 5, Some(5))], 1);
        let unbalanced = walk(&[("1", "teg", -5, None), ("2", "teg", 5, None)]);
        assert_eq!(unbalanced.unbalanced_entries, 2);
    }
}
