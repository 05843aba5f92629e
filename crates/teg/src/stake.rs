//! What the owner has locked, and what anybody holds.

use diesel::prelude::*;
use marketplace_money::{Amount, Did};
use marketplace_ports::{TegBalance, TegError};
use uuid::Uuid;

use crate::book::{self, Account, Movement, Request, Verb};
use crate::failure::Failure;
use crate::schema::movements;
use crate::settings::EmbeddedTegSettings;

/// What an agent holds; nothing when nobody has heard of it.
pub(crate) fn balance_of(conn: &mut SqliteConnection, agent: &Did) -> Result<TegBalance, Failure> {
    Ok(TegBalance {
        available: book::balance(conn, &Account::Available(agent.clone()))?,
        staked: book::balance(conn, &Account::Staked(agent.clone()))?,
    })
}

/// Locks some of the owner's tokens. A repetition answers the balance as it is now.
pub(crate) fn stake(
    conn: &mut SqliteConnection,
    settings: &EmbeddedTegSettings,
    key: Uuid,
    amount: Amount,
) -> Result<TegBalance, Failure> {
    let owner = &settings.owner;
    if !amount.is_positive() {
        let reason = format!("a stake must be above zero, not {amount} AVT");
        return Err(Failure::refused(TegError::INVALID_AMOUNT, reason));
    }
    let request = Request { caller: owner, key };
    if let Some(sequence) = book::find_repeated(conn, request, Verb::Stake)? {
        return if staked_by(conn, sequence)? == Some(amount.nano()) {
            balance_of(conn, owner)
        } else {
            Err(Failure::mismatch())
        };
    }
    let available = book::find_or_open(conn, &Account::Available(owner.clone()))?;
    if available.balance < amount {
        let reason = format!("{owner} holds {} AVT, not {amount} AVT", available.balance);
        return Err(Failure::refused(TegError::INSUFFICIENT_BALANCE, reason));
    }

    // From here on it must succeed.
    let staked = book::find_or_open(conn, &Account::Staked(owner.clone()))?;
    let step = Movement { from: available.id, to: staked.id, amount };
    book::post(conn, Verb::Stake, Some(request), (settings.clock)(), &[step])?;
    balance_of(conn, owner)
}

/// Unlocks all of the owner's stake. With none there is an entry too, empty: the same key, sent
/// again after a later stake, must not unlock that one.
pub(crate) fn unstake(
    conn: &mut SqliteConnection,
    settings: &EmbeddedTegSettings,
    key: Uuid,
) -> Result<TegBalance, Failure> {
    let owner = &settings.owner;
    let request = Request { caller: owner, key };
    if book::find_repeated(conn, request, Verb::Unstake)?.is_some() {
        return balance_of(conn, owner);
    }
    let available = book::find_or_open(conn, &Account::Available(owner.clone()))?;
    let staked = book::find_or_open(conn, &Account::Staked(owner.clone()))?;
    let step = Movement { from: staked.id, to: available.id, amount: staked.balance };
    let steps = if staked.balance.is_positive() { vec![step] } else { Vec::new() };
    book::post(conn, Verb::Unstake, Some(request), (settings.clock)(), &steps)?;
    balance_of(conn, owner)
}

fn staked_by(conn: &mut SqliteConnection, sequence: i64) -> QueryResult<Option<i64>> {
    movements::table
        .filter(movements::sequence.eq(sequence))
        .select(movements::amount)
        .first(conn)
        .optional()
}
