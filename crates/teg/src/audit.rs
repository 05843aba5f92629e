//! Proves the books: the sum of all accounts, and each balance against its own movements.

use std::collections::HashMap;

use diesel::prelude::*;
use marketplace_money::Amount;

use crate::book::Account;
use crate::failure::Failure;
use crate::history;
use crate::schema::{accounts, movements};

/// One account, as it is kept and as its movements explain it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditedAccount {
    /// Which.
    pub account: Account,
    /// What is kept.
    pub balance: Amount,
    /// The sum of all movements; anything but `balance` is a breach.
    pub explained: i128,
}

/// The whole of the books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    /// The sum of all balances in nano-AVT; anything but 0 is a breach.
    pub sum: i128,
    /// All accounts, in order.
    pub accounts: Vec<AuditedAccount>,
}

impl Audit {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.sum == 0 && self.accounts.iter().all(|a| i128::from(a.balance.nano()) == a.explained)
    }

    /// What is kept on an account; nothing on one that does not exist.
    #[must_use]
    pub fn balance(&self, account: &Account) -> Amount {
        let found = self.accounts.iter().find(|audited| audited.account == *account);
        found.map_or(Amount::ZERO, |audited| audited.balance)
    }
}

/// Reads everything: its cost grows with the history.
pub(crate) fn audit(conn: &mut SqliteConnection) -> Result<Audit, Failure> {
    let mut explained: HashMap<i64, i128> = HashMap::new();
    let steps = movements::table
        .select((movements::from_account, movements::to_account, movements::amount))
        .load_iter::<(i64, i64, i64), _>(conn)?;
    for step in steps {
        let (from, to, amount) = step?;
        *explained.entry(from).or_default() -= i128::from(amount);
        *explained.entry(to).or_default() += i128::from(amount);
    }
    let rows: Vec<(i64, String, Option<String>, i64)> = accounts::table
        .select((accounts::account_id, accounts::kind, accounts::agent, accounts::balance))
        .load(conn)?;
    let mut sum = 0;
    let mut audited = Vec::with_capacity(rows.len());
    for (id, kind, agent, balance) in rows {
        sum += i128::from(balance);
        audited.push(AuditedAccount {
            account: account(&kind, agent.as_deref())?,
            balance: Amount::from_nano(balance),
            explained: explained.get(&id).copied().unwrap_or_default(),
        });
    }
    audited.sort_by(|a, b| a.account.cmp(&b.account));
    Ok(Audit { sum, accounts: audited })
}

fn account(kind: &str, agent: Option<&str>) -> QueryResult<Account> {
    match (kind, agent.map(history::did).transpose()?) {
        ("issuer", None) => Ok(Account::Issuer),
        ("treasury", None) => Ok(Account::Treasury),
        ("available", Some(agent)) => Ok(Account::Available(agent)),
        ("staked", Some(agent)) => Ok(Account::Staked(agent)),
        _ => Err(diesel::result::Error::DeserializationError(
            format!("an account of kind {kind}").into(),
        )),
    }
}
