//! Checks the invariants over everything, on a connection of its own, on one snapshot.
//!
//! Comparisons are exact: sums are taken in two halves of 32 bits each, which no number of
//! postings makes overflow; rows count against the journal, so that what agrees sums to zero.

use std::sync::Arc;

use diesel::dsl::{count_star, max};
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use marketplace_money::{Amount, Seconds, Timestamp};
use marketplace_ports::{Audit, StoreError, Subject};
use marketplace_store_rows::{OrderRow, from_count, tables};
use tokio::sync::oneshot;

use crate::audit_history::History;
use crate::database::{Place, Purpose};
use crate::docket_queries::strange_disputes;
use crate::failure::Failure;
use crate::fetch::OrderReader;

/// A timer that waits longer than this was forgotten by the workers.
const LATE: Seconds = Seconds(60);
/// Orders in memory at a time.
const ORDERS: i64 = 1_000;

/// Runs the audit on a thread of its own: it may take minutes.
pub(crate) async fn run(place: Arc<Place>, now: Timestamp) -> Result<Audit, StoreError> {
    let (reply, answer) = oneshot::channel();
    let unavailable = |error: &dyn std::fmt::Display| StoreError::Unavailable(error.to_string());
    let thread = std::thread::Builder::new().name("store-audit".to_owned());
    let spawned = thread.spawn(move || {
        let connection = place.connect(Purpose::Read).map_err(|error| unavailable(&error));
        let audit = connection.and_then(|mut connection| {
            connection.transaction(|connection| audit(connection, now)).map_err(StoreError::from)
        });
        let _ = reply.send(audit);
    });
    spawned.map_err(|error| unavailable(&error))?;
    answer.await.unwrap_or_else(|_| Err(StoreError::Unavailable("the audit stopped".to_owned())))
}

fn audit(connection: &mut SqliteConnection, now: Timestamp) -> Result<Audit, Failure> {
    use tables::{orders, outbox, timers};
    let history = History::walk(connection)?;
    let (strange_orders, orders_without_timer) = walk_orders(connection)?;
    let late = timers::table.filter(timers::due.lt(now.minus(LATE).micros()));
    let orders: i64 = orders::table.select(count_star()).first(connection)?;
    let late_timers: i64 = late.select(count_star()).first(connection)?;
    let open_effects: i64 = outbox::table.select(count_star()).first(connection)?;
    Ok(Audit {
        totals: history.totals()?,
        unbalanced_entries: history.unbalanced_entries,
        wrong_balances: counted(connection, WRONG_BALANCES)? + wrong_sums(connection, &history)?,
        wrong_escrows: counted(connection, WRONG_ESCROWS)? + strange_orders,
        wrong_exposures: counted(connection, WRONG_EXPOSURES)?,
        wrong_withdrawals: counted(connection, WRONG_WITHDRAWALS)?,
        wrong_disputes: counted(connection, WRONG_DISPUTES)? + strange_disputes(connection)?,
        stray_disputes: counted(connection, STRAY_DISPUTES)?,
        orders_without_timer,
        broken_hashes: history.broken_hashes,
        orders: from_count(orders),
        postings: history.postings,
        late_timers: from_count(late_timers),
        open_effects: from_count(open_effects),
    })
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    wrong: i64,
}

fn counted(connection: &mut SqliteConnection, query: &str) -> Result<u64, Failure> {
    let count: Count = diesel::sql_query(query).get_result(connection)?;
    Ok(from_count(count.wrong))
}

/// Accounts whose row, whose last posting or whose chain of postings differs from the journal.
const WRONG_BALANCES: &str = "
SELECT COUNT(*) AS wrong FROM (
    SELECT account FROM (
        SELECT account, delta >> 32 AS high, delta & 4294967295 AS low FROM postings
        WHERE account = 'insurance' OR account GLOB 'agent:*' OR account GLOB 'juror:*'
            OR account GLOB 'collateral:*'
        UNION ALL
        SELECT account, amount >> 32, amount & 4294967295 FROM openings
        WHERE account = 'insurance' OR account GLOB 'agent:*' OR account GLOB 'juror:*'
            OR account GLOB 'collateral:*'
        UNION ALL
        SELECT account, -(amount >> 32), -(amount & 4294967295) FROM balances
    )
    GROUP BY account
    HAVING SUM(high) + (SUM(low) >> 32) <> 0 OR SUM(low) & 4294967295 <> 0
    UNION
    SELECT b.account
    FROM balances b LEFT JOIN postings p ON p.position = b.last_posting
        LEFT JOIN openings o ON o.account = b.account
    WHERE b.amount <> COALESCE(p.balance, o.amount, 0)
        OR (b.last_posting > (SELECT posting FROM retired) AND p.account IS NOT b.account)
    UNION
    SELECT p.account
    FROM postings p LEFT JOIN postings q ON q.position = p.previous
        LEFT JOIN openings o ON o.account = p.account
    WHERE p.balance IS NOT NULL AND (
        p.balance <> COALESCE(q.balance, o.amount, 0) + p.delta
        OR (p.previous > (SELECT posting FROM retired)
            AND (q.account IS NOT p.account OR p.previous >= p.position))
    )
)";

/// Orders whose escrow differs from the journal, and escrow accounts without an order.
const WRONG_ESCROWS: &str = "
SELECT COUNT(*) AS wrong FROM (
    SELECT account FROM (
        SELECT account, delta >> 32 AS high, delta & 4294967295 AS low FROM postings
        WHERE account GLOB 'order:*'
        UNION ALL
        SELECT account, amount >> 32, amount & 4294967295 FROM openings
        WHERE account GLOB 'order:*'
        UNION ALL
        SELECT 'order:' || id, -(escrow >> 32), -(escrow & 4294967295) FROM orders
    )
    GROUP BY account
    HAVING SUM(high) + (SUM(low) >> 32) <> 0 OR SUM(low) & 4294967295 <> 0
)";

/// Sellers whose exposure differs from the escrow of their orders.
const WRONG_EXPOSURES: &str = "
SELECT COUNT(*) AS wrong FROM (
    SELECT account FROM (
        SELECT account, exposure >> 32 AS high, exposure & 4294967295 AS low FROM balances
        UNION ALL
        SELECT 'agent:' || seller, -(escrow >> 32), -(escrow & 4294967295) FROM orders
        WHERE escrow > 0
    )
    GROUP BY account
    HAVING SUM(high) + (SUM(low) >> 32) <> 0 OR SUM(low) & 4294967295 <> 0
)";

/// The same of withdrawals.
const WRONG_WITHDRAWALS: &str = "
SELECT COUNT(*) AS wrong FROM (
    SELECT account FROM (
        SELECT account, delta >> 32 AS high, delta & 4294967295 AS low FROM postings
        WHERE account GLOB 'withdrawal:*'
        UNION ALL
        SELECT account, amount >> 32, amount & 4294967295 FROM openings
        WHERE account GLOB 'withdrawal:*'
        UNION ALL
        SELECT 'withdrawal:' || id, -(held >> 32), -(held & 4294967295) FROM withdrawals
    )
    GROUP BY account
    HAVING SUM(high) + (SUM(low) >> 32) <> 0 OR SUM(low) & 4294967295 <> 0
)";

/// The same of disputes: what both sides put up.
const WRONG_DISPUTES: &str = "
SELECT COUNT(*) AS wrong FROM (
    SELECT account FROM (
        SELECT account, delta >> 32 AS high, delta & 4294967295 AS low FROM postings
        WHERE account GLOB 'dispute:*'
        UNION ALL
        SELECT account, amount >> 32, amount & 4294967295 FROM openings
        WHERE account GLOB 'dispute:*'
        UNION ALL
        SELECT 'dispute:' || id, -((held_by_buyer + held_by_seller) >> 32),
            -((held_by_buyer + held_by_seller) & 4294967295) FROM disputes
    )
    GROUP BY account
    HAVING SUM(high) + (SUM(low) >> 32) <> 0 OR SUM(low) & 4294967295 <> 0
)";

/// Open disputes without a timer or about an order that is not disputed, and disputed orders
/// without exactly one open dispute.
const STRAY_DISPUTES: &str = "
WITH open AS (SELECT id, order_id FROM disputes
    WHERE phase NOT IN ('FINAL', 'WITHDRAWN', 'SETTLED', 'ABORTED'))
SELECT
    (SELECT COUNT(*) FROM open WHERE NOT EXISTS
        (SELECT 1 FROM timers WHERE subject = 'dispute:' || open.id))
    + (SELECT COUNT(*) FROM open LEFT JOIN orders ON orders.id = open.order_id
        WHERE orders.phase IS NOT 'DISPUTED')
    + (SELECT COUNT(*) FROM orders WHERE phase = 'DISPUTED' AND
        (SELECT COUNT(*) FROM open WHERE order_id = orders.id) <> 1) AS wrong";

/// Running sums that differ from the journal.
fn wrong_sums(connection: &mut SqliteConnection, history: &History) -> Result<u64, Failure> {
    let rows: Vec<(String, i64)> = tables::sums::table.load(connection)?;
    let wrong = |(account, amount): &&(String, i64)| {
        let sum = history.summed.get(account).copied().unwrap_or(0);
        sum != i128::from(*amount)
    };
    let differing = rows.iter().filter(wrong).count();
    let known = |account: &&String| rows.iter().any(|(name, _)| name == *account);
    let missing = history.summed.keys().filter(|account| !known(account)).count();
    Ok((differing + missing) as u64)
}

/// Reads every order: how many cannot be read or are not what their columns say, and how many wait
/// for something without its timer.
fn walk_orders(connection: &mut SqliteConnection) -> Result<(u64, u64), Failure> {
    use tables::orders::dsl;
    let (mut strange, mut without_timer) = (0, 0);
    let last: Option<i64> = dsl::orders.select(max(dsl::position)).first(connection)?;
    let mut after = 0;
    while after < last.unwrap_or(0) {
        let rows: Vec<OrderRow> = dsl::orders
            .filter(dsl::position.gt(after))
            .filter(dsl::position.le(after + ORDERS))
            .select(OrderRow::as_select())
            .load(connection)?;
        after += ORDERS;
        let mut reader = OrderReader::default();
        for row in rows {
            let order = match reader.order(connection, &row) {
                Ok(order) => order,
                Err(Failure::Store(StoreError::Corrupt(problem))) => {
                    tracing::error!(problem, "an order cannot be read");
                    strange += 1;
                    continue;
                }
                Err(failure) => return Err(failure),
            };
            strange += u64::from(!row.agrees_with(&order));
            let Some(timer) = order.timer() else { continue };
            let subject = Subject::Order(order.id).to_string();
            without_timer += u64::from(!has_timer(connection, &subject, timer.kind.name())?);
        }
    }
    Ok((strange, without_timer))
}

fn has_timer(
    connection: &mut SqliteConnection,
    subject: &str,
    kind: &str,
) -> Result<bool, Failure> {
    use tables::timers::dsl;
    let found = dsl::timers.find((subject, kind)).select(dsl::due).get_result::<i64>(connection);
    Ok(found.optional()?.is_some())
}

/// A sum that fits where it was made to fit.
pub(crate) fn amount(name: &str, sum: i128) -> Result<Amount, Failure> {
    let nano = i64::try_from(sum).map_err(|_| {
        let problem = format!("the sum of {name} does not fit into 64 bits");
        Failure::Store(StoreError::Corrupt(problem))
    })?;
    Ok(Amount::from_nano(nano))
}
