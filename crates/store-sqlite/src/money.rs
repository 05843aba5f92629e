//! Wallets, statements, payouts and sums for readers.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use marketplace_ledger::Account;
use marketplace_money::{Amount, Did, Timestamp};
use marketplace_ports::{Page, PayoutPolicy, StatementLine, StoreError, WalletSums};
use marketplace_store_rows::{AgentRow, PostingRow, count, from_count, tables};

use crate::failure::Failure;
use crate::fetch::rows_by;
use crate::heads::OPEN_ESCROW;
use crate::retire::opening;

#[derive(QueryableByName)]
struct Sum {
    #[diesel(sql_type = Nullable<BigInt>)]
    amount: Option<i64>,
}

impl Sum {
    fn amount(self) -> Amount {
        Amount::from_nano(self.amount.unwrap_or(0))
    }
}

/// What an agent has with us.
pub(crate) fn wallet(connection: &mut SqliteConnection, did: &Did) -> Result<WalletSums, Failure> {
    let sum = |connection: &mut SqliteConnection, query: &'static str| {
        let query = diesel::sql_query(query).bind::<Text, _>(did.as_str());
        query.get_result::<Sum>(connection).map(Sum::amount)
    };
    Ok(WalletSums {
        available: balance(connection, &Account::Agent(did.clone()))?,
        in_escrow: sum(
            connection,
            "SELECT SUM(escrow) AS amount FROM orders
             WHERE buyer = ? AND status = 'ESCROW_FUNDED' AND status <> 'COMPLETED'",
        )?,
        in_bonds: bonds(connection, did)?,
        in_flight: sum(
            connection,
            "SELECT SUM(held) AS amount FROM withdrawals
             WHERE agent = ? AND held > 0",
        )?,
    })
}

/// In disputes, as a juror's stake, and as collateral.
fn bonds(connection: &mut SqliteConnection, did: &Did) -> Result<Amount, Failure> {
    const HELD: &str = "SELECT
        (SELECT COALESCE(SUM(held_by_buyer), 0) FROM disputes WHERE buyer = ?1)
        + (SELECT COALESCE(SUM(held_by_seller), 0) FROM disputes WHERE seller = ?1) AS amount";
    let held = diesel::sql_query(HELD).bind::<Text, _>(did.as_str());
    let held = held.get_result::<Sum>(connection)?.amount();
    let locked = [Account::Collateral(did.clone()), Account::Juror(did.clone())];
    let mut sum = held;
    for account in locked {
        let more = balance(connection, &account)?;
        let too_much = || StoreError::Corrupt(format!("the bonds of {did} are beyond all money"));
        sum = sum.checked_add(more).ok_or_else(too_much)?;
    }
    Ok(sum)
}

fn balance(connection: &mut SqliteConnection, account: &Account) -> Result<Amount, Failure> {
    use tables::balances::dsl;
    let query = dsl::balances.find(account.to_string()).select(dsl::amount);
    let amount: Option<i64> = query.get_result(connection).optional()?;
    Ok(Amount::from_nano(amount.unwrap_or(0)))
}

/// The escrow of the open orders that an agent sold.
pub(crate) fn exposure(connection: &mut SqliteConnection, did: &Did) -> Result<Amount, Failure> {
    use tables::balances::dsl;
    let account = Account::Agent(did.clone()).to_string();
    let open = dsl::balances.find(account).select(dsl::exposure).get_result(connection);
    Ok(Amount::from_nano(open.optional()?.unwrap_or(0)))
}

/// A posting with its place in its account's chain.
type Link = (i64, PostingRow, Option<i64>, Option<i64>);

/// An agent's statement: the chain of its postings, from the end.
pub(crate) fn statement(
    connection: &mut SqliteConnection,
    did: &Did,
    cursor: Option<u64>,
    limit: u32,
) -> Result<Page<StatementLine>, Failure> {
    use tables::postings::dsl;
    let account = Account::Agent(did.clone()).to_string();
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut page = Page { items: Vec::new(), next: None };
    let mut next = match cursor {
        Some(cursor) => Some(count(cursor)),
        None => last_posting(connection, &account)?,
    };
    while let Some(position) = next {
        if page.items.len() >= limit {
            page.next = Some(from_count(position));
            break;
        }
        let selection = (dsl::position, PostingRow::as_select(), dsl::balance, dsl::previous);
        let found = dsl::postings.find(position).select(selection).get_result(connection);
        let found: Option<Link> = found.optional()?;
        // A cursor that we did not give leads to somebody else's postings.
        let Some(link) = found.filter(|(_, row, ..)| row.account == account) else { break };
        next = link.3;
        page.items.push(line(connection, link)?);
    }
    Ok(page)
}

fn last_posting(connection: &mut SqliteConnection, account: &str) -> Result<Option<i64>, Failure> {
    use tables::balances::dsl;
    let last = dsl::balances.find(account).select(dsl::last_posting).get_result(connection);
    Ok(last.optional()?.flatten())
}

/// The lines of an entry stand side by side.
fn line(connection: &mut SqliteConnection, link: Link) -> Result<StatementLine, Failure> {
    use tables::postings::dsl;
    let (position, row, balance, _) = link;
    let first = position - row.line;
    let accounts: Vec<(i64, String)> = dsl::postings
        .filter(dsl::position.ge(first))
        .filter(dsl::position.lt(first + row.lines))
        .order(dsl::position)
        .select((dsl::position, dsl::account))
        .load(connection)?;
    let mut others = Vec::with_capacity(accounts.len());
    for (_, account) in accounts.into_iter().filter(|(other, _)| *other != position) {
        others.push(PostingRow { account, ..row.clone() }.account()?);
    }
    Ok(StatementLine {
        position: from_count(position),
        entry: row.entry()?,
        kind: row.kind()?,
        others,
        delta: row.delta(),
        balance: Amount::from_nano(balance.unwrap_or(0)),
        at: Timestamp::from_micros(row.at),
        reason: row.reason,
    })
}

#[derive(QueryableByName)]
struct Due {
    #[diesel(sql_type = Text)]
    account: String,
    #[diesel(sql_type = BigInt)]
    amount: i64,
}

/// Agents whose balance their policy wants paid out: the rows of an index that has no others.
pub(crate) fn payouts_due(
    connection: &mut SqliteConnection,
    limit: u32,
) -> Result<Vec<(Did, PayoutPolicy, Amount)>, Failure> {
    let rows: Vec<Due> = diesel::sql_query(
        "SELECT account, amount FROM balances WHERE amount >= payout_at ORDER BY account LIMIT ?",
    )
    .bind::<BigInt, _>(i64::from(limit))
    .load(connection)?;
    let mut names = Vec::with_capacity(rows.len());
    let mut amounts = HashMap::with_capacity(rows.len());
    for row in rows {
        let name = row.account.strip_prefix("agent:").unwrap_or_default().to_owned();
        amounts.insert(name.clone(), row.amount);
        names.push(name);
    }
    let agents = rows_by!(connection, agents.did, AgentRow::as_select(), AgentRow, &names);
    let mut due = Vec::with_capacity(agents.len());
    for row in agents {
        let agent = row.agent()?;
        let amount = amounts.get(agent.did.as_str()).copied().unwrap_or(0);
        due.push((agent.did, agent.payout, Amount::from_nano(amount)));
    }
    Ok(due)
}

/// What all open orders hold.
pub(crate) fn open_escrow(connection: &mut SqliteConnection) -> Result<Amount, Failure> {
    use tables::sums;
    let sum: Option<i64> =
        sums::table.find(OPEN_ESCROW).select(sums::amount).get_result(connection).optional()?;
    Ok(Amount::from_nano(sum.unwrap_or(0)))
}

/// The journal's word on an account. Told by the last posting where postings carry a balance, by
/// the running sum of revenue and the like; orders, disputes and withdrawals are summed up over
/// the whole journal.
pub(crate) fn account_sum(
    connection: &mut SqliteConnection,
    account: &Account,
) -> Result<Amount, Failure> {
    use tables::{postings, sums};
    let name = account.to_string();
    if account.has_balance_row() {
        let Some(last) = last_posting(connection, &name)? else { return Ok(Amount::ZERO) };
        let query = postings::table.find(last).select(postings::balance);
        let balance: Option<Option<i64>> = query.get_result(connection).optional()?;
        // Its postings may all be put away.
        let Some(balance) = balance else { return Ok(opening(connection, &name)?) };
        return Ok(Amount::from_nano(balance.unwrap_or(0)));
    }
    let sum: Option<i64> =
        sums::table.find(&name).select(sums::amount).get_result(connection).optional()?;
    if let Some(sum) = sum {
        return Ok(Amount::from_nano(sum));
    }
    let query = diesel::sql_query("SELECT SUM(delta) AS amount FROM postings WHERE account = ?");
    let kept = query.bind::<Text, _>(name.as_str()).get_result::<Sum>(connection)?.amount();
    let too_much = || StoreError::Corrupt(format!("{name} is beyond all money"));
    Ok(kept.checked_add(opening(connection, &name)?).ok_or_else(too_much)?)
}
