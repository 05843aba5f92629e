//! The books: accounts, and entries that move tokens between them. Nothing else writes balances.

use std::fmt;

use diesel::prelude::*;
use marketplace_money::{Amount, Did, Timestamp};
use uuid::Uuid;

use crate::failure::Failure;
use crate::schema::{accounts, agents, entries, movements};

/// A place where tokens are.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Account {
    /// Where tokens come from: minus all that exist.
    Issuer,
    /// Where transfer fees go.
    Treasury,
    /// What an agent may transfer.
    Available(Did),
    /// What an agent has locked.
    Staked(Did),
}

impl Account {
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Issuer => "issuer",
            Self::Treasury => "treasury",
            Self::Available(_) => "available",
            Self::Staked(_) => "staked",
        }
    }

    pub(crate) const fn agent(&self) -> Option<&Did> {
        match self {
            Self::Issuer | Self::Treasury => None,
            Self::Available(agent) | Self::Staked(agent) => Some(agent),
        }
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.agent() {
            Some(agent) => write!(f, "{}:{agent}", self.kind()),
            None => f.write_str(self.kind()),
        }
    }
}

/// An account as it stands inside the current transaction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Purse {
    pub(crate) id: i64,
    pub(crate) balance: Amount,
}

/// Why an entry was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Issue,
    Transfer,
    Pull,
    Stake,
    Unstake,
}

impl Verb {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Issue => "issue",
            Self::Transfer => "transfer",
            Self::Pull => "pull",
            Self::Stake => "stake",
            Self::Unstake => "unstake",
        }
    }
}

/// Who asked for an entry, and under which key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) caller: &'a Did,
    pub(crate) key: Uuid,
}

/// Takes `amount`, above zero, from one account and gives it to another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Movement {
    pub(crate) from: i64,
    pub(crate) to: i64,
    pub(crate) amount: Amount,
}

/// The account, if anything was ever on it.
pub(crate) fn find(conn: &mut SqliteConnection, account: &Account) -> QueryResult<Option<Purse>> {
    let columns = (accounts::account_id, accounts::balance);
    // Two statements, not one over a nullable parameter: each partial index serves its own.
    let row: Option<(i64, i64)> = match account.agent() {
        Some(agent) => accounts::table
            .filter(accounts::agent.eq(agent.as_str()))
            .filter(accounts::kind.eq(account.kind()))
            .select(columns)
            .first(conn)
            .optional()?,
        None => accounts::table
            .filter(accounts::agent.is_null())
            .filter(accounts::kind.eq(account.kind()))
            .select(columns)
            .first(conn)
            .optional()?,
    };
    Ok(row.map(|(id, balance)| Purse { id, balance: Amount::from_nano(balance) }))
}

/// What is on the account; nothing on one that does not exist yet.
pub(crate) fn balance(conn: &mut SqliteConnection, account: &Account) -> QueryResult<Amount> {
    Ok(find(conn, account)?.map_or(Amount::ZERO, |purse| purse.balance))
}

/// The account; it and its agent come into being with the first movement.
pub(crate) fn find_or_open(conn: &mut SqliteConnection, account: &Account) -> QueryResult<Purse> {
    if let Some(purse) = find(conn, account)? {
        return Ok(purse);
    }
    if let Some(agent) = account.agent() {
        make_known(conn, agent)?;
    }
    let id = diesel::insert_into(accounts::table)
        .values((
            accounts::kind.eq(account.kind()),
            accounts::agent.eq(account.agent().map(Did::as_str)),
            accounts::balance.eq(0),
        ))
        .returning(accounts::account_id)
        .get_result(conn)?;
    Ok(Purse { id, balance: Amount::ZERO })
}

/// Makes sure that the agent exists, with a neutral reputation.
pub(crate) fn make_known(conn: &mut SqliteConnection, agent: &Did) -> QueryResult<()> {
    diesel::insert_or_ignore_into(agents::table)
        .values((agents::did.eq(agent.as_str()), agents::reputation.eq(0)))
        .execute(conn)
        .map(drop)
}

/// What the caller did under this key before: the entry and its verb.
pub(crate) fn find_entry(
    conn: &mut SqliteConnection,
    request: Request<'_>,
) -> QueryResult<Option<(i64, String)>> {
    entries::table
        .filter(entries::idempotency_key.eq(request.key.as_bytes().as_slice()))
        .filter(entries::caller.eq(request.caller.as_str()))
        .select((entries::sequence, entries::verb))
        .first(conn)
        .optional()
}

/// As [`find_entry`], for a repetition of `verb`: its sequence. Refused when the key went to
/// another verb.
pub(crate) fn find_repeated(
    conn: &mut SqliteConnection,
    request: Request<'_>,
    verb: Verb,
) -> Result<Option<i64>, Failure> {
    match find_entry(conn, request)? {
        Some((sequence, before)) if before == verb.as_str() => Ok(Some(sequence)),
        Some(_) => Err(Failure::mismatch()),
        None => Ok(None),
    }
}

/// Writes an entry and moves the balances. The caller has checked the funds; what it forgot, the
/// CHECK of the table stops.
pub(crate) fn post(
    conn: &mut SqliteConnection,
    verb: Verb,
    request: Option<Request<'_>>,
    at: Timestamp,
    steps: &[Movement],
) -> QueryResult<i64> {
    let sequence: i64 = diesel::insert_into(entries::table)
        .values((
            entries::verb.eq(verb.as_str()),
            entries::caller.eq(request.map(|request| request.caller.as_str())),
            entries::idempotency_key.eq(request.as_ref().map(|r| r.key.as_bytes().as_slice())),
            entries::at_micros.eq(at.micros()),
        ))
        .returning(entries::sequence)
        .get_result(conn)?;
    for (position, step) in (0_i64..).zip(steps) {
        diesel::insert_into(movements::table)
            .values((
                movements::sequence.eq(sequence),
                movements::position.eq(position),
                movements::from_account.eq(step.from),
                movements::to_account.eq(step.to),
                movements::amount.eq(step.amount.nano()),
            ))
            .execute(conn)?;
        add(conn, step.from, -step.amount.nano())?;
        add(conn, step.to, step.amount.nano())?;
    }
    Ok(sequence)
}

/// No overflow: no balance is further from zero than the issuer's, and that one is checked.
fn add(conn: &mut SqliteConnection, account: i64, nano: i64) -> QueryResult<()> {
    let changed = diesel::update(accounts::table.find(account))
        .set(accounts::balance.eq(accounts::balance + nano))
        .execute(conn)?;
    if changed == 1 { Ok(()) } else { Err(diesel::result::Error::NotFound) }
}
