//! Raw scores of agents, and the one signal that a sender may give on each transfer.

use diesel::prelude::*;
use marketplace_money::Did;
use marketplace_ports::{TegError, TegTransactionId};
use uuid::Uuid;

use crate::book;
use crate::failure::Failure;
use crate::schema::{agents, signals, transfers};

/// What a signal did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signaled {
    /// Who rated.
    pub sender: Did,
    /// Who was rated.
    pub receiver: Did,
    /// The receiver's raw score since.
    pub raw: i64,
}

/// The raw score; nothing for an agent that nobody has heard of.
pub(crate) fn raw_of(conn: &mut SqliteConnection, agent: &Did) -> Result<Option<i64>, Failure> {
    Ok(agents::table.find(agent.as_str()).select(agents::reputation).first(conn).optional()?)
}

/// Sets a score, for operators and tests.
pub(crate) fn set_raw(conn: &mut SqliteConnection, agent: &Did, raw: i64) -> Result<(), Failure> {
    book::make_known(conn, agent)?;
    diesel::update(agents::table.find(agent.as_str()))
        .set(agents::reputation.eq(raw))
        .execute(conn)?;
    Ok(())
}

/// Rates the receiver of a transfer. Refusals, in this order: unknown transfer, not the sender,
/// already signaled.
pub(crate) fn signal(
    conn: &mut SqliteConnection,
    caller: &Did,
    transfer: &TegTransactionId,
    positive: bool,
) -> Result<Signaled, Failure> {
    let (sequence, sender, receiver) = parties(conn, transfer)?;
    if sender != caller.as_str() {
        let reason = "only the sender of a transfer rates its receiver";
        return Err(Failure::refused(TegError::NOT_THE_SENDER, reason));
    }
    let value = if positive { 1_i64 } else { -1 };
    let written = diesel::insert_or_ignore_into(signals::table)
        .values((signals::sequence.eq(sequence), signals::value.eq(value)))
        .execute(conn)?;
    if written == 0 {
        let reason = "this transfer was rated before";
        return Err(Failure::refused(TegError::ALREADY_SIGNALED, reason));
    }
    let before = raw_of(conn, &receiver)?.unwrap_or_default();
    let raw = before.saturating_add(value);
    set_raw(conn, &receiver, raw)?;
    Ok(Signaled { sender: caller.clone(), receiver, raw })
}

fn parties(
    conn: &mut SqliteConnection,
    transfer: &TegTransactionId,
) -> Result<(i64, String, Did), Failure> {
    let row: Option<(i64, String, String)> = match Uuid::parse_str(&transfer.0) {
        Ok(id) => transfers::table
            .filter(transfers::transaction_id.eq(id.as_bytes().as_slice()))
            .select((transfers::sequence, transfers::sender, transfers::receiver))
            .first(conn)
            .optional()?,
        Err(_) => None,
    };
    let (sequence, sender, receiver) = row.ok_or_else(|| {
        let reason = format!("there is no transfer {}", transfer.0);
        Failure::refused(TegError::UNKNOWN_TRANSFER, reason)
    })?;
    Ok((sequence, sender, crate::history::did(&receiver)?))
}
