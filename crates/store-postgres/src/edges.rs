//! What crosses the edge to the TEG, for those who compare it with the books.

use std::sync::{Arc, LazyLock};

use futures::TryStreamExt;
use marketplace_money::{Amount, WithdrawalId};
use marketplace_ports::{
    LiabilitiesAt, Liability, LiabilitySink, StoreError, TegPosition, Withdrawal,
};
use marketplace_store_rows::{RowError, TegRecordRow, WithdrawalRow, from_count, id_text};

use crate::clock::{CLOCK, StoreClock};
use crate::failure::Failure;
use crate::found::{Found, column};
use crate::session::{Session, Writers, on_writer};
use crate::view::{SNAPSHOT, take, told};

/// Liabilities handed over at a time.
const PART: usize = 1_000;

/// What is sealed, and what is not yet.
const TEG: &str = "SELECT (COALESCE((SELECT amount FROM sums WHERE account = 'teg'), 0) \
     + COALESCE((SELECT SUM(u.delta) FROM batches b \
         CROSS JOIN LATERAL unnest(b.sum_accounts, b.sum_deltas) AS u (account, delta) \
         WHERE b.position IS NULL AND b.outcomes IS NOT NULL AND u.account = 'teg'), 0))::bigint";
const DUST: &str = "SELECT COALESCE(SUM(dust), 0)::bigint FROM teg_records WHERE dust > 0";
const HELD: &str = "SELECT \
     COALESCE(SUM(held) FILTER (WHERE sent_at IS NOT NULL), 0)::bigint, \
     COALESCE(SUM(held) FILTER (WHERE sent_at IS NULL), 0)::bigint \
     FROM withdrawals WHERE held > 0";

/// Transfers that fit nothing: more than a hundred are not told at once.
static UNMATCHED: LazyLock<String> = LazyLock::new(|| {
    let columns = TegRecordRow::COLUMNS;
    format!("SELECT {columns} FROM teg_records WHERE state = 'unmatched' ORDER BY id LIMIT 100")
});
static OPEN_WITHDRAWALS: LazyLock<String> = LazyLock::new(|| {
    let columns = WithdrawalRow::COLUMNS;
    format!("SELECT {columns} FROM withdrawals WHERE held > 0 AND id > $1 ORDER BY id LIMIT $2")
});

/// What rules read is in `balances`; orders and withdrawals have it in their own row. Insurance
/// belongs to nobody in particular and stays with our own.
const OWED: &str = "SELECT account, amount FROM balances WHERE amount > 0 AND account <> 'insurance' \
     UNION ALL \
     SELECT 'order:' || o.id, o.escrow FROM orders_not_completed n \
         JOIN orders o ON o.position = n.position \
         WHERE n.status = 'ESCROW_FUNDED' AND o.escrow > 0 \
     UNION ALL \
     SELECT 'withdrawal:' || id, held FROM withdrawals WHERE held > 0 \
     UNION ALL \
     SELECT 'dispute:' || id, held_by_buyer + held_by_seller FROM disputes \
         WHERE phase NOT IN ('FINAL', 'WITHDRAWN', 'SETTLED', 'ABORTED') \
         AND held_by_buyer + held_by_seller > 0";
/// It may take minutes, and reads tables as a whole.
const LONG: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; \
     SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0";

/// Our side of the account at the TEG.
pub(crate) async fn teg_position(writers: &Writers) -> Result<TegPosition, StoreError> {
    on_writer!(writers, session => position(session))
}

async fn position(session: &mut Session) -> Result<TegPosition, Failure> {
    session.prepare([TEG, DUST, HELD, UNMATCHED.as_str()]).await?;
    let mut pipeline = session.begin(SNAPSHOT);
    let places = [
        pipeline.rows(TEG, vec![])?,
        pipeline.rows(DUST, vec![])?,
        pipeline.rows(HELD, vec![])?,
        pipeline.rows(&UNMATCHED, vec![])?,
    ];
    pipeline.simple("COMMIT");
    let mut answers = pipeline.run().await?;
    session.ended();
    let [teg, dust, held, unmatched] = places.map(|place| take(&mut answers, place));
    let number = |rows: &[tokio_postgres::Row], index| -> Result<i64, Failure> {
        rows.first().map_or(Ok(0), |row| column(row, index))
    };
    let mut records = Vec::with_capacity(unmatched.len());
    for row in &unmatched {
        records.push(Arc::new(TegRecordRow::read(row)?.record()?));
    }
    Ok(TegPosition {
        booked: negated(number(&teg, 0)?)?,
        dust: from_count(number(&dust, 0)?),
        unconfirmed: Amount::from_nano(number(&held, 0)?),
        queued: Amount::from_nano(number(&held, 1)?),
        unmatched: records,
    })
}

fn negated(nano: i64) -> Result<Amount, Failure> {
    let corrupt = || StoreError::Corrupt("the TEG's account is beyond all money".to_owned());
    Ok(Amount::from_nano(nano).checked_neg().ok_or_else(corrupt)?)
}

/// Withdrawals that have not ended.
pub(crate) async fn open_withdrawals(
    writers: &Writers,
    after: Option<WithdrawalId>,
    limit: u32,
) -> Result<Vec<Arc<Withdrawal>>, StoreError> {
    let after = after.map_or_else(String::new, |id| id_text(id.uuid()));
    on_writer!(writers, session => withdrawals(session, &after, i64::from(limit)))
}

async fn withdrawals(
    session: &mut Session,
    after: &str,
    limit: i64,
) -> Result<Vec<Arc<Withdrawal>>, Failure> {
    session.prepare([OPEN_WITHDRAWALS.as_str()]).await?;
    let mut pipeline = session.pipeline();
    let place = pipeline.rows(&OPEN_WITHDRAWALS, vec![&after, &limit])?;
    let rows = take(&mut pipeline.run().await?, place);
    rows.iter().map(|row| Ok(Arc::new(WithdrawalRow::read(row)?.withdrawal()?))).collect()
}

/// Reads everything that we owe. Not begun again when the connection ends in the middle: the sink
/// has some of it already.
pub(crate) async fn liabilities(
    writers: &Writers,
    clock: &StoreClock,
    sink: LiabilitySink,
) -> Result<LiabilitiesAt, StoreError> {
    let mut session = writers.get().await?;
    Ok(stream(&mut session, clock, &sink).await?)
}

async fn stream(
    session: &mut Session,
    clock: &StoreClock,
    sink: &LiabilitySink,
) -> Result<LiabilitiesAt, Failure> {
    session.prepare([TEG, CLOCK, OWED]).await?;
    let mut pipeline = session.begin(LONG);
    let teg = pipeline.rows(TEG, vec![])?;
    let time = pipeline.rows(CLOCK, vec![])?;
    let mut answers = pipeline.run().await?;
    let booked = take(&mut answers, teg).first().map_or(Ok(0), |row| column(row, 0))?;
    let at = told(clock, &take(&mut answers, time))?;
    let mut rows = std::pin::pin!(session.stream(OWED).await?);
    let mut part = Vec::with_capacity(PART);
    while let Some(row) = rows.try_next().await? {
        let name: &str = column(&row, 0)?;
        let account = name.parse().map_err(|error| RowError::new("balances", name, error))?;
        part.push(Liability { account, amount: Amount::from_nano(column(&row, 1)?) });
        if part.len() == PART {
            sink(std::mem::replace(&mut part, Vec::with_capacity(PART)));
        }
    }
    sink(part);
    session.simple("COMMIT").await?;
    session.ended();
    Ok(LiabilitiesAt { at, booked: negated(booked)? })
}
