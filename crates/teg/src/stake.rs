//! What agents have locked, and what anybody holds.

use diesel::prelude::*;
use marketplace_money::{Amount, Did, Timestamp};
use marketplace_ports::{TegBalance, TegError};
use uuid::Uuid;

use crate::book::{self, Account, Movement, Request, Verb};
use crate::failure::Failure;
use crate::schema::{entries, stakes};
use crate::settings::EmbeddedTegSettings;
use crate::transfer::transaction_id;

/// One stake of an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stake {
    /// Its name.
    pub id: Uuid,
    /// What is, or was, locked.
    pub amount: Amount,
    /// When it was locked.
    pub since: Timestamp,
    /// When it was given back.
    pub until: Option<Timestamp>,
}

/// What an agent holds; nothing when nobody has heard of it.
pub(crate) fn balance_of(conn: &mut SqliteConnection, agent: &Did) -> Result<TegBalance, Failure> {
    Ok(TegBalance {
        available: book::balance(conn, &Account::Available(agent.clone()))?,
        staked: book::balance(conn, &Account::Staked(agent.clone()))?,
        dust: 0,
    })
}

/// Locks some of an agent's tokens, and says which stake that made. A repetition answers the same.
pub(crate) fn stake(
    conn: &mut SqliteConnection,
    settings: &EmbeddedTegSettings,
    request: Request<'_>,
    amount: Amount,
) -> Result<i64, Failure> {
    let agent = request.caller;
    if !amount.is_positive() {
        let reason = format!("a stake must be above zero, not {amount} AVT");
        return Err(Failure::refused(TegError::INVALID_AMOUNT, reason));
    }
    if let Some(sequence) = book::find_repeated(conn, request, Verb::Stake)? {
        let before: i64 = stakes::table.find(sequence).select(stakes::amount).first(conn)?;
        return if before == amount.nano() { Ok(sequence) } else { Err(Failure::mismatch()) };
    }
    let available = book::find_or_open(conn, &Account::Available(agent.clone()))?;
    if available.balance < amount {
        let reason = format!("{agent} holds {} AVT, not {amount} AVT", available.balance);
        return Err(Failure::refused(TegError::INSUFFICIENT_BALANCE, reason));
    }

    // From here on it must succeed.
    let staked = book::find_or_open(conn, &Account::Staked(agent.clone()))?;
    let step = Movement { from: available.id, to: staked.id, amount };
    let sequence = book::post(conn, Verb::Stake, Some(request), (settings.clock)(), &[step])?;
    diesel::insert_into(stakes::table)
        .values((
            stakes::sequence.eq(sequence),
            stakes::agent.eq(agent.as_str()),
            stakes::amount.eq(amount.nano()),
        ))
        .execute(conn)?;
    Ok(sequence)
}

/// Unlocks one stake, or all of the agent's. With none there is an entry too, empty: the same key,
/// sent again after a later stake, must not unlock that one.
pub(crate) fn unstake(
    conn: &mut SqliteConnection,
    settings: &EmbeddedTegSettings,
    request: Request<'_>,
    one: Option<Uuid>,
) -> Result<(), Failure> {
    let agent = request.caller;
    if let Some(before) = book::find_repeated(conn, request, Verb::Unstake)? {
        return match one {
            Some(id) if ended_by(conn, agent, id)? != Some(before) => Err(Failure::mismatch()),
            _ => Ok(()),
        };
    }
    let ending: Vec<(i64, i64)> = match one {
        Some(id) => vec![active(conn, agent, id)?],
        None => stakes::table
            .filter(stakes::agent.eq(agent.as_str()))
            .filter(stakes::unstaked_by.is_null())
            .select((stakes::sequence, stakes::amount))
            .load(conn)?,
    };

    // From here on it must succeed.
    let available = book::find_or_open(conn, &Account::Available(agent.clone()))?;
    let staked = book::find_or_open(conn, &Account::Staked(agent.clone()))?;
    // No overflow: together they are a balance.
    let amount = Amount::from_nano(ending.iter().map(|(_, amount)| amount).sum());
    let step = Movement { from: staked.id, to: available.id, amount };
    let steps = if amount.is_positive() { vec![step] } else { Vec::new() };
    let entry = book::post(conn, Verb::Unstake, Some(request), (settings.clock)(), &steps)?;
    let ended: Vec<i64> = ending.iter().map(|(sequence, _)| *sequence).collect();
    diesel::update(stakes::table.filter(stakes::sequence.eq_any(ended)))
        .set(stakes::unstaked_by.eq(entry))
        .execute(conn)?;
    Ok(())
}

/// All stakes of an agent, oldest first.
pub(crate) fn stakes_of(conn: &mut SqliteConnection, agent: &Did) -> Result<Vec<Stake>, Failure> {
    let sequences: Vec<i64> = stakes::table
        .filter(stakes::agent.eq(agent.as_str()))
        .order(stakes::sequence)
        .select(stakes::sequence)
        .load(conn)?;
    let stakes = sequences.into_iter().map(|sequence| one(conn, sequence));
    Ok(stakes.collect::<QueryResult<_>>()?)
}

/// The stake that this entry made.
pub(crate) fn one(conn: &mut SqliteConnection, sequence: i64) -> QueryResult<Stake> {
    let (amount, unstaked_by): (i64, Option<i64>) =
        stakes::table.find(sequence).select((stakes::amount, stakes::unstaked_by)).first(conn)?;
    let since = at_of(conn, sequence)?;
    let until = unstaked_by.map(|entry| at_of(conn, entry)).transpose()?;
    let id = transaction_id(since, sequence);
    Ok(Stake { id, amount: Amount::from_nano(amount), since, until })
}

fn at_of(conn: &mut SqliteConnection, entry: i64) -> QueryResult<Timestamp> {
    let at = entries::table.find(entry).select(entries::at_micros).first(conn)?;
    Ok(Timestamp::from_micros(at))
}

/// The stake's sequence and amount, while it is locked.
fn active(conn: &mut SqliteConnection, agent: &Did, id: Uuid) -> Result<(i64, i64), Failure> {
    let stake: Option<(i64, i64, Option<i64>)> = stakes::table
        .find(sequence_in(id))
        .filter(stakes::agent.eq(agent.as_str()))
        .select((stakes::sequence, stakes::amount, stakes::unstaked_by))
        .first(conn)
        .optional()?;
    match stake {
        Some((sequence, amount, None))
            if transaction_id(at_of(conn, sequence)?, sequence) == id =>
        {
            Ok((sequence, amount))
        }
        _ => {
            let reason = format!("{agent} has no active stake {id}");
            Err(Failure::refused(UNKNOWN_STAKE, reason))
        }
    }
}

fn ended_by(conn: &mut SqliteConnection, agent: &Did, id: Uuid) -> QueryResult<Option<i64>> {
    let row: Option<Option<i64>> = stakes::table
        .find(sequence_in(id))
        .filter(stakes::agent.eq(agent.as_str()))
        .select(stakes::unstaked_by)
        .first(conn)
        .optional()?;
    Ok(row.flatten())
}

/// The sequence that [`transaction_id`] has put into a name.
fn sequence_in(id: Uuid) -> i64 {
    let mut tail = [0; 8];
    tail.copy_from_slice(&id.as_bytes()[8..]);
    // Its top bits mark the kind of UUID.
    i64::from_be_bytes(tail) & 0x3fff_ffff_ffff_ffff
}

/// Refusal's code: no such stake, or given back already.
pub(crate) const UNKNOWN_STAKE: &str = "unknown_stake";
