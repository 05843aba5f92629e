//! An agent's transfers as the published API shows them: newest first, by offset, with a total.

use diesel::prelude::*;
use marketplace_money::Did;
use marketplace_ports::TegTransfer;

use crate::book::Verb;
use crate::failure::Failure;
use crate::history::{self, Row};
use crate::schema::{entries, signals, transfers};

/// A line of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementLine {
    /// What moved.
    pub transfer: TegTransfer,
    /// Whether the receiver fetched it, instead of the sender sending it.
    pub pulled: bool,
    /// Whether its sender has rated its receiver.
    pub rated: bool,
}

/// A piece of a statement and how many lines there are, both of the same moment.
pub(crate) fn statement(
    conn: &mut SqliteConnection,
    agent: &Did,
    offset: u32,
    limit: u32,
) -> Result<(Vec<StatementLine>, u64), Failure> {
    let name = agent.as_str();
    // Two ranges of two indexes; nobody pays oneself, so no transfer is counted twice.
    let sent: i64 = transfers::table.filter(transfers::sender.eq(name)).count().first(conn)?;
    let received: i64 =
        transfers::table.filter(transfers::receiver.eq(name)).count().first(conn)?;
    let rows: Vec<Row> = transfers::table
        .inner_join(entries::table)
        .filter(transfers::sender.eq(name).or(transfers::receiver.eq(name)))
        .order(transfers::sequence.desc())
        .offset(offset.into())
        .limit(limit.into())
        .select(history::columns())
        .load(conn)?;
    let lines = rows.into_iter().map(|row| line(conn, row, agent)).collect::<Result<_, _>>()?;
    Ok((lines, u64::try_from(sent + received).unwrap_or_default()))
}

fn line(conn: &mut SqliteConnection, row: Row, agent: &Did) -> Result<StatementLine, Failure> {
    let rated: i64 =
        signals::table.filter(signals::sequence.eq(row.0.sequence)).count().first(conn)?;
    let pulled = row.1.verb == Verb::Pull.as_str();
    Ok(StatementLine { transfer: history::shown(row, agent)?, pulled, rated: rated > 0 })
}
