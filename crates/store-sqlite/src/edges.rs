//! What crosses the edge to the TEG, for those who compare it with the books.

use std::sync::Arc;

use diesel::connection::DefaultLoadingMode;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use marketplace_ledger::Account;
use marketplace_money::{Amount, WithdrawalId};
use marketplace_ports::{
    LiabilitiesAt, Liability, LiabilitySink, StoreError, TegPosition, Withdrawal,
};
use marketplace_store_rows::{RowError, TegRecordRow, WithdrawalRow, from_count, id_text, tables};
use tokio::sync::oneshot;

use crate::clock::StoreClock;
use crate::database::{Place, Purpose};
use crate::failure::Failure;
use crate::money::account_sum;

/// Transfers that fit nothing: more are not told at once.
const MOST_UNMATCHED: i64 = 100;
/// Liabilities handed over at a time.
const PART: usize = 1_000;

#[derive(QueryableByName)]
struct Sums {
    #[diesel(sql_type = BigInt)]
    first: i64,
    #[diesel(sql_type = BigInt)]
    second: i64,
}

/// Our side of the account at the TEG.
pub(crate) fn teg_position(connection: &mut SqliteConnection) -> Result<TegPosition, Failure> {
    use tables::teg_records::dsl;
    let booked = negated(account_sum(connection, &Account::Teg)?)?;
    let dust: Sums = diesel::sql_query(
        "SELECT COALESCE(SUM(dust), 0) AS first, 0 AS second FROM teg_records WHERE dust > 0",
    )
    .get_result(connection)?;
    let held: Sums = diesel::sql_query(
        "SELECT COALESCE(SUM(CASE WHEN sent_at IS NOT NULL THEN held END), 0) AS first,
            COALESCE(SUM(CASE WHEN sent_at IS NULL THEN held END), 0) AS second
         FROM withdrawals WHERE held > 0",
    )
    .get_result(connection)?;
    let rows: Vec<TegRecordRow> = dsl::teg_records
        .filter(diesel::dsl::sql::<diesel::sql_types::Bool>("state = 'unmatched'"))
        .order(dsl::id)
        .limit(MOST_UNMATCHED)
        .select(TegRecordRow::as_select())
        .load(connection)?;
    let mut unmatched = Vec::with_capacity(rows.len());
    for row in rows {
        unmatched.push(Arc::new(row.record()?));
    }
    Ok(TegPosition {
        booked,
        dust: from_count(dust.first),
        unconfirmed: Amount::from_nano(held.first),
        queued: Amount::from_nano(held.second),
        unmatched,
    })
}

fn negated(amount: Amount) -> Result<Amount, Failure> {
    let corrupt = || StoreError::Corrupt("the TEG's account is beyond all money".to_owned());
    Ok(amount.checked_neg().ok_or_else(corrupt)?)
}

/// Withdrawals that have not ended.
pub(crate) fn open_withdrawals(
    connection: &mut SqliteConnection,
    after: Option<WithdrawalId>,
    limit: u32,
) -> Result<Vec<Arc<Withdrawal>>, Failure> {
    use tables::withdrawals::dsl;
    let after = after.map_or_else(String::new, |id| id_text(id.uuid()));
    let rows: Vec<WithdrawalRow> = dsl::withdrawals
        .filter(diesel::dsl::sql::<diesel::sql_types::Bool>("held > 0"))
        .filter(dsl::id.gt(after))
        .order(dsl::id)
        .limit(i64::from(limit))
        .select(WithdrawalRow::as_select())
        .load(connection)?;
    let mut withdrawals = Vec::with_capacity(rows.len());
    for row in rows {
        withdrawals.push(Arc::new(row.withdrawal()?));
    }
    Ok(withdrawals)
}

#[derive(QueryableByName)]
struct Owed {
    #[diesel(sql_type = Text)]
    account: String,
    #[diesel(sql_type = BigInt)]
    amount: i64,
}

/// What rules read is in `balances`; orders and withdrawals have it in their own row. Insurance
/// belongs to nobody in particular and stays with our own.
const OWED: &str = "
SELECT account, amount FROM balances WHERE amount > 0 AND account <> 'insurance'
UNION ALL
SELECT 'order:' || id, escrow FROM orders
    WHERE status <> 'COMPLETED' AND status = 'ESCROW_FUNDED' AND escrow > 0
UNION ALL
SELECT 'withdrawal:' || id, held FROM withdrawals WHERE held > 0
UNION ALL
SELECT 'dispute:' || id, held_by_buyer + held_by_seller FROM disputes
    WHERE phase NOT IN ('FINAL', 'WITHDRAWN', 'SETTLED', 'ABORTED')
        AND held_by_buyer + held_by_seller > 0";

/// Reads everything that we owe, on a thread and a connection of its own: it may take seconds.
pub(crate) async fn liabilities(
    place: Arc<Place>,
    clock: Arc<StoreClock>,
    sink: LiabilitySink,
) -> Result<LiabilitiesAt, StoreError> {
    let (reply, answer) = oneshot::channel();
    let unavailable = |error: &dyn std::fmt::Display| StoreError::Unavailable(error.to_string());
    let thread = std::thread::Builder::new().name("store-liabilities".to_owned());
    let spawned = thread.spawn(move || {
        let connection = place.connect(Purpose::Read).map_err(|error| unavailable(&error));
        let read = connection.and_then(|mut connection| {
            let query = |connection: &mut SqliteConnection| {
                let booked = negated(account_sum(connection, &Account::Teg)?)?;
                stream(connection, &sink)?;
                Ok(LiabilitiesAt { at: clock.now(), booked })
            };
            connection.transaction(query).map_err(|failure: Failure| StoreError::from(failure))
        });
        let _ = reply.send(read);
    });
    spawned.map_err(|error| unavailable(&error))?;
    answer.await.unwrap_or_else(|_| Err(StoreError::Unavailable("the query stopped".to_owned())))
}

fn stream(connection: &mut SqliteConnection, sink: &LiabilitySink) -> Result<(), Failure> {
    let rows = diesel::sql_query(OWED).load_iter::<Owed, DefaultLoadingMode>(connection)?;
    let mut part = Vec::with_capacity(PART);
    for row in rows {
        let Owed { account, amount } = row?;
        let error = |error| RowError::new("balances", &account, error);
        let account = account.parse().map_err(error)?;
        part.push(Liability { account, amount: Amount::from_nano(amount) });
        if part.len() == PART {
            sink(std::mem::replace(&mut part, Vec::with_capacity(PART)));
        }
    }
    sink(part);
    Ok(())
}
