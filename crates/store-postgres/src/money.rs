//! Wallets, statements, payouts and sums for readers.

use std::collections::BTreeMap;

use diesel::expression::{Expression, Selectable};
use diesel::pg::Pg;
use diesel::sql_types::{BigInt, Nullable, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use marketplace_ledger::Account;
use marketplace_money::{Amount, Did, Timestamp};
use marketplace_ports::{Page, PayoutPolicy, StatementLine, WalletSums};
use marketplace_store_rows::{AgentRow, PostingRow, account_text, count, from_count, party_key};

use crate::draft::OPEN_ESCROW;
use crate::failure::Failure;
use crate::query::query;

/// What is in open orders and in disputes is summed up over them: they are few for one agent.
const WALLET: &str = "\
SELECT
    COALESCE((SELECT amount FROM balances WHERE account = ?), 0),
    CAST(COALESCE((SELECT SUM(amount) FROM balances WHERE account IN (?, ?)), 0)
        + COALESCE((SELECT SUM(held_by_buyer) FROM disputes WHERE buyer = ?), 0)
        + COALESCE((SELECT SUM(held_by_seller) FROM disputes WHERE seller = ?), 0) AS BIGINT),
    CAST(COALESCE((SELECT SUM(n.escrow)
        FROM orders_not_completed n JOIN orders o ON o.position = n.position
        WHERE n.buyer_key = ? AND n.status = 'ESCROW_FUNDED' AND o.buyer = ?), 0) AS BIGINT),
    CAST(COALESCE((SELECT SUM(held) FROM withdrawals WHERE agent = ? AND held > 0), 0) AS BIGINT)";

/// What an agent has with us.
pub(crate) async fn wallet(
    connection: &mut AsyncPgConnection,
    did: &Did,
) -> Result<WalletSums, Failure> {
    let sums = query::<(BigInt, BigInt, BigInt, BigInt)>(WALLET)
        .text(account_text(&Account::Agent(did.clone())))
        .text(account_text(&Account::Collateral(did.clone())))
        .text(account_text(&Account::Juror(did.clone())))
        .text(did.as_str())
        .text(did.as_str())
        .number(party_key(did.as_str()))
        .text(did.as_str())
        .text(did.as_str());
    let sums: (i64, i64, i64, i64) = sums.get_result(connection).await?;
    Ok(WalletSums {
        available: Amount::from_nano(sums.0),
        in_bonds: Amount::from_nano(sums.1),
        in_escrow: Amount::from_nano(sums.2),
        in_flight: Amount::from_nano(sums.3),
    })
}

type PostingColumns = <<PostingRow as Selectable<Pg>>::SelectExpression as Expression>::SqlType;
/// A line with its place and the balance after it.
type Line = (i64, PostingRow, Option<i64>);

/// Two names may have the same key; compared inside, that would be the planner's reason to read all
/// lines of the account.
const STATEMENT: &str = "\
SELECT position, entry, line, lines, account, delta, kind, reason, at, balance FROM (
    SELECT * FROM postings WHERE account_key = ? AND position <= ? ORDER BY position DESC LIMIT ?
) p
WHERE account = ? ORDER BY position DESC";

/// The times say in which months to look.
const OTHERS: &str = "\
SELECT position, account FROM postings
WHERE position = ANY(?) AND at >= ? AND at <= ?";

/// An agent's statement.
pub(crate) async fn statement(
    connection: &mut AsyncPgConnection,
    did: &Did,
    cursor: Option<u64>,
    limit: u32,
) -> Result<Page<StatementLine>, Failure> {
    let account = account_text(&Account::Agent(did.clone()));
    let lines = query::<(BigInt, PostingColumns, Nullable<BigInt>)>(STATEMENT)
        .number(party_key(&account))
        .number(count(cursor.unwrap_or(u64::MAX)))
        .number(i64::from(limit) + 1)
        .text(account);
    let mut lines: Vec<Line> = lines.load(connection).await?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let next = lines.get(limit).map(|(position, ..)| from_count(*position));
    lines.truncate(limit);
    let accounts = others(connection, &lines).await?;
    let items = lines.into_iter().map(|line| statement_line(line, &accounts));
    Ok(Page { items: items.collect::<Result<_, _>>()?, next })
}

/// The lines of an entry stand side by side: the accounts of those beside the given ones.
async fn others(
    connection: &mut AsyncPgConnection,
    lines: &[Line],
) -> Result<BTreeMap<i64, String>, Failure> {
    let times = lines.iter().map(|(_, row, _)| row.at);
    let (Some(from), Some(until)) = (times.clone().min(), times.max()) else {
        return Ok(BTreeMap::new());
    };
    let beside = |(position, row, _): &Line| {
        let (first, own) = (position - row.line, *position);
        (first..first + row.lines).filter(move |other| *other != own)
    };
    let wanted: Vec<i64> = lines.iter().flat_map(beside).collect();
    let found = query::<(BigInt, Text)>(OTHERS).numbers(wanted).number(from).number(until);
    let found: Vec<(i64, String)> = found.load(connection).await?;
    Ok(found.into_iter().collect())
}

fn statement_line(
    (position, row, balance): Line,
    accounts: &BTreeMap<i64, String>,
) -> Result<StatementLine, Failure> {
    let first = position - row.line;
    let mut others = Vec::new();
    for (other, account) in accounts.range(first..first + row.lines) {
        // An entry may move the same account twice, and then both lines are asked for.
        if *other != position {
            others.push(PostingRow { account: account.clone(), ..row.clone() }.account()?);
        }
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

type AgentColumns = <<AgentRow as Selectable<Pg>>::SelectExpression as Expression>::SqlType;

/// `agent:` is six letters.
const PAYOUTS_DUE: &str = "\
SELECT b.amount, a.did, a.version, a.payout, a.payout_threshold, a.unfunded_orders, a.listings,
    a.reputation_milli, a.backing
FROM (SELECT account FROM payouts ORDER BY account LIMIT ?) p
JOIN balances b ON b.account = p.account
JOIN agents a ON a.did = SUBSTR(p.account, 7)
ORDER BY p.account";

/// Agents whose balance their policy wants paid out.
pub(crate) async fn payouts_due(
    connection: &mut AsyncPgConnection,
    limit: u32,
) -> Result<Vec<(Did, PayoutPolicy, Amount)>, Failure> {
    let due = query::<(BigInt, AgentColumns)>(PAYOUTS_DUE).number(limit);
    let due: Vec<(i64, AgentRow)> = due.load(connection).await?;
    let payout = |(amount, row): (i64, AgentRow)| {
        let agent = row.agent()?;
        Ok((agent.did, agent.payout, Amount::from_nano(amount)))
    };
    due.into_iter().map(payout).collect()
}

/// Where lines carry a balance, the last one tells it, or all that is put away.
const LAST_BALANCE: &str = "\
SELECT COALESCE(
    (SELECT balance FROM (
        SELECT account, balance, position FROM postings WHERE account_key = ?
        ORDER BY position DESC LIMIT 100
    ) p WHERE account = ? ORDER BY position DESC LIMIT 1),
    (SELECT amount FROM openings WHERE account = ?), 0)";

/// What the sealer has summed up, and what it has not come to yet.
const SUM: &str = "\
SELECT CAST(
    COALESCE((SELECT amount FROM sums WHERE account = ?), 0)
    + COALESCE((
        SELECT SUM(u.delta) FROM batches b, UNNEST(b.sum_accounts, b.sum_deltas) AS u(account, delta)
        WHERE b.position IS NULL AND b.outcomes IS NOT NULL AND u.account = ?
    ), 0)
AS BIGINT)";

/// Orders, disputes and withdrawals: over the whole journal.
const COUNTED: &str = "\
SELECT CAST(
    COALESCE((SELECT SUM(p.delta) FROM postings p JOIN batches b ON b.number = p.batch
        WHERE p.account = ?
        AND COALESCE(b.position > (SELECT position FROM retired), TRUE)), 0)
    + COALESCE((SELECT amount FROM openings WHERE account = ?), 0)
AS BIGINT)";

/// What all open orders hold.
pub(crate) async fn open_escrow(connection: &mut AsyncPgConnection) -> Result<Amount, Failure> {
    let sum = query::<BigInt>(SUM).text(OPEN_ESCROW).text(OPEN_ESCROW);
    Ok(Amount::from_nano(sum.get_result(connection).await?))
}

/// The journal's word on an account.
pub(crate) async fn account_sum(
    connection: &mut AsyncPgConnection,
    account: &Account,
) -> Result<Amount, Failure> {
    let name = account_text(account);
    let sum = if account.has_balance_row() {
        query::<BigInt>(LAST_BALANCE).number(party_key(&name)).text(name.as_str()).text(name)
    } else if is_summed(account) {
        query::<BigInt>(SUM).text(name.as_str()).text(name)
    } else {
        query::<BigInt>(COUNTED).text(name.as_str()).text(name)
    };
    let sum: i64 = sum.get_result(connection).await?;
    Ok(Amount::from_nano(sum))
}

/// Accounts that belong to nobody and that no rule reads.
pub(crate) const fn is_summed(account: &Account) -> bool {
    !matches!(account, Account::Order(_) | Account::Dispute(_) | Account::Withdrawal(_))
        && !account.has_balance_row()
}
