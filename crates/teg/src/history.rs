//! Reads transfers back: one by its sequence, by its key, or page by page.

use diesel::dsl::AsSelect;
use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use marketplace_money::{Amount, Did, Timestamp};
use marketplace_ports::{HistoryCursor, HistoryPage, TegError, TegTransactionId, TegTransfer};
use uuid::Uuid;

use crate::book::{self, Request, Verb};
use crate::failure::Failure;
use crate::schema::{entries, transfers};

/// A larger `limit` gets this many.
const LARGEST_PAGE: u32 = 1_000;

#[derive(Queryable, Selectable)]
#[diesel(table_name = transfers, check_for_backend(Sqlite))]
pub(crate) struct TransferRow {
    pub(crate) sequence: i64,
    transaction_id: Vec<u8>,
    sender: String,
    receiver: String,
    amount: i64,
    fee: i64,
    memo: String,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = entries, check_for_backend(Sqlite))]
pub(crate) struct EntryRow {
    pub(crate) verb: String,
    caller: Option<String>,
    idempotency_key: Option<Vec<u8>>,
    at_micros: i64,
}

pub(crate) type Row = (TransferRow, EntryRow);
type Columns = (AsSelect<TransferRow, Sqlite>, AsSelect<EntryRow, Sqlite>);

/// What of a transfer and its entry makes a [`Row`].
pub(crate) fn columns() -> Columns {
    (TransferRow::as_select(), EntryRow::as_select())
}

/// One transfer, as `reader` may see it.
pub(crate) fn load(
    conn: &mut SqliteConnection,
    sequence: i64,
    reader: &Did,
) -> QueryResult<TegTransfer> {
    let row: Row = transfers::table
        .inner_join(entries::table)
        .filter(transfers::sequence.eq(sequence))
        .select(columns())
        .first(conn)?;
    shown(row, reader)
}

/// The transfer that `caller` made with this key; nothing for keys of stakes.
pub(crate) fn find(
    conn: &mut SqliteConnection,
    caller: &Did,
    key: Uuid,
) -> Result<Option<TegTransfer>, Failure> {
    match book::find_entry(conn, Request { caller, key })? {
        Some((sequence, verb))
            if verb == Verb::Transfer.as_str() || verb == Verb::Pull.as_str() =>
        {
            Ok(Some(load(conn, sequence, caller)?))
        }
        _ => Ok(None),
    }
}

/// Transfers from and to `agent` after `cursor`, oldest first.
pub(crate) fn page(
    conn: &mut SqliteConnection,
    agent: &Did,
    cursor: &HistoryCursor,
    limit: u32,
) -> Result<HistoryPage, Failure> {
    let after = position(cursor)?;
    let limit = limit.min(LARGEST_PAGE);
    // One range of each index; nobody pays oneself, so no transfer is in both.
    let mut rows: Vec<Row> = transfers::table
        .inner_join(entries::table)
        .filter(transfers::sender.eq(agent.as_str()))
        .filter(transfers::sequence.gt(after))
        .order(transfers::sequence)
        .limit(limit.into())
        .select(columns())
        .load(conn)?;
    let received: Vec<Row> = transfers::table
        .inner_join(entries::table)
        .filter(transfers::receiver.eq(agent.as_str()))
        .filter(transfers::sequence.gt(after))
        .order(transfers::sequence)
        .limit(limit.into())
        .select(columns())
        .load(conn)?;
    rows.extend(received);
    rows.sort_by_key(|(transfer, _)| transfer.sequence);
    rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));

    let next = match rows.last() {
        Some((last, _)) => HistoryCursor(last.sequence.to_string()),
        None => cursor.clone(),
    };
    let transfers = rows.into_iter().map(|row| shown(row, agent)).collect::<QueryResult<_>>()?;
    Ok(HistoryPage { transfers, next, ..HistoryPage::default() })
}

fn position(cursor: &HistoryCursor) -> Result<i64, Failure> {
    if cursor.0.is_empty() {
        return Ok(0);
    }
    cursor.0.parse().ok().filter(|sequence| *sequence > 0).ok_or_else(|| {
        let reason = "the cursor is not one that this TEG gave; begin with an empty one";
        Failure::refused(TegError::INVALID_CURSOR, reason)
    })
}

/// The key is the caller's own business: shown to another, it could be taken for one of theirs.
pub(crate) fn shown((transfer, entry): Row, reader: &Did) -> QueryResult<TegTransfer> {
    let own = entry.caller.as_deref() == Some(reader.as_str());
    let key = entry.idempotency_key.filter(|_| own);
    Ok(TegTransfer {
        id: TegTransactionId(uuid(&transfer.transaction_id)?.to_string()),
        sender: did(&transfer.sender)?,
        receiver: did(&transfer.receiver)?,
        amount: Amount::from_nano(transfer.amount),
        fee: Amount::from_nano(transfer.fee),
        dust: 0,
        memo: transfer.memo,
        key: key.as_deref().map(uuid).transpose()?,
        at: Timestamp::from_micros(entry.at_micros),
    })
}

/// A DID that we wrote ourselves: anything else is a damaged file.
pub(crate) fn did(text: &str) -> QueryResult<Did> {
    text.parse().map_err(|error| damaged(Box::new(error)))
}

fn uuid(bytes: &[u8]) -> QueryResult<Uuid> {
    Uuid::from_slice(bytes).map_err(|error| damaged(Box::new(error)))
}

pub(crate) fn damaged(error: Box<dyn std::error::Error + Send + Sync>) -> diesel::result::Error {
    diesel::result::Error::DeserializationError(error)
}
