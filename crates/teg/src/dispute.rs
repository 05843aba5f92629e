//! The log of disputes: what agents hold against each other, for humans to look at.

use diesel::prelude::*;
use marketplace_money::{Did, Timestamp};
use uuid::Uuid;

use crate::failure::Failure;
use crate::history::{damaged, did};
use crate::schema::disputes;
use crate::settings::EmbeddedTegSettings;

/// A dispute as it was logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedDispute {
    /// Its name.
    pub id: Uuid,
    /// Who complains.
    pub claimant: Did,
    /// About whom.
    pub defendant: Did,
    /// What was sent, in JSON.
    pub body: String,
    /// When.
    pub at: Timestamp,
}

type Columns = (Vec<u8>, String, String, String, i64);

pub(crate) fn log(
    conn: &mut SqliteConnection,
    settings: &EmbeddedTegSettings,
    dispute: &LoggedDispute,
) -> Result<(), Failure> {
    diesel::insert_into(disputes::table)
        .values((
            disputes::dispute_id.eq(dispute.id.as_bytes().as_slice()),
            disputes::claimant.eq(dispute.claimant.as_str()),
            disputes::defendant.eq(dispute.defendant.as_str()),
            disputes::body.eq(&dispute.body),
            disputes::at_micros.eq((settings.clock)().micros()),
        ))
        .execute(conn)?;
    Ok(())
}

pub(crate) fn find(
    conn: &mut SqliteConnection,
    id: Uuid,
) -> Result<Option<LoggedDispute>, Failure> {
    let row: Option<Columns> =
        disputes::table.find(id.as_bytes().as_slice()).first(conn).optional()?;
    Ok(row.map(shown).transpose()?)
}

/// Those in which the agent is a party, oldest first.
pub(crate) fn of_party(
    conn: &mut SqliteConnection,
    agent: &Did,
    limit: u32,
    offset: u32,
) -> Result<Vec<LoggedDispute>, Failure> {
    let name = agent.as_str();
    let rows: Vec<Columns> = disputes::table
        .filter(disputes::claimant.eq(name).or(disputes::defendant.eq(name)))
        .order(disputes::dispute_id)
        .limit(limit.into())
        .offset(offset.into())
        .load(conn)?;
    Ok(rows.into_iter().map(shown).collect::<QueryResult<_>>()?)
}

fn shown((id, claimant, defendant, body, at): Columns) -> QueryResult<LoggedDispute> {
    Ok(LoggedDispute {
        id: Uuid::from_slice(&id).map_err(|error| damaged(Box::new(error)))?,
        claimant: did(&claimant)?,
        defendant: did(&defendant)?,
        body,
        at: Timestamp::from_micros(at),
    })
}
