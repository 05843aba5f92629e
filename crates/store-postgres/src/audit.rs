//! Checks the invariants over everything, on a connection of its own, on one snapshot.

use std::collections::HashSet;

use diesel::expression::{Expression, Selectable};
use diesel::pg::Pg;
use diesel::sql_types::{BigInt, Text};
use diesel::{ExpressionMethods, QueryDsl};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use marketplace_money::{Seconds, Timestamp};
use marketplace_ports::{Audit, StoreError, Subject};
use marketplace_store_rows::{OrderRow, Recount, from_count, subject_text, tables};

use crate::audit_history::History;
use crate::dockets;
use crate::draft::OPEN_ESCROW;
use crate::failure::Failure;
use crate::orders::Checks;
use crate::query::{Query, query};

/// A timer that waits longer than this was forgotten by the workers.
const LATE: Seconds = Seconds(60);
/// Rows in memory at a time.
const ROWS: i64 = 5_000;

/// It may take minutes, and nothing may move under it.
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; \
     SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0";

/// Audits the database of a connection that is thrown away afterwards.
pub(crate) async fn run(
    connection: &mut AsyncPgConnection,
    now: Timestamp,
) -> Result<Audit, Failure> {
    connection.batch_execute(BEGIN).await?;
    let History { mut recount, pending, broken } = History::walk(connection).await?;
    let totals = recount.totals()?;
    let wrong_balances = balances(connection, &mut recount).await?
        + sums(connection, &mut recount, pending).await?
        + counted(connection, query(WRONG_PAYOUTS)).await?;
    let orders = Orders::walk(connection, &mut recount).await?;
    let wrong_escrows = orders.strange
        + recount.left(|account| account.starts_with("order:"))
        + counted(connection, query(WRONG_LISTS)).await?;
    let wrong_exposures = counted(connection, query(WRONG_EXPOSURES)).await?;
    let wrong_withdrawals = withdrawals(connection, &mut recount).await?;
    let wrong_disputes = dockets::audit(connection, &mut recount).await?;
    let stray_disputes = counted(connection, query(dockets::STRAY)).await?;
    let late = query(LATE_TIMERS).number(now.minus(LATE).micros());
    let late_timers = counted(connection, late).await?;
    let open_effects = counted(connection, query("SELECT COUNT(*) FROM outbox")).await?;
    connection.batch_execute("COMMIT").await?;
    Ok(Audit {
        totals,
        unbalanced_entries: recount.unbalanced_entries,
        wrong_balances,
        wrong_escrows,
        wrong_exposures,
        wrong_withdrawals,
        wrong_disputes,
        stray_disputes,
        orders_without_timer: orders.without_timer,
        broken_hashes: broken,
        orders: orders.count,
        postings: recount.postings,
        late_timers,
        open_effects,
    })
}

const LATE_TIMERS: &str = "SELECT COUNT(*) FROM timers WHERE due < ?";

/// Agents that wait to be paid out and are not on the list, and the other way round.
const WRONG_PAYOUTS: &str = "\
SELECT COUNT(*) FROM balances b FULL JOIN payouts p ON p.account = b.account
WHERE COALESCE(b.amount >= b.payout_at, FALSE) <> (p.account IS NOT NULL)";

/// Orders that are not what the list of open ones says.
const WRONG_LISTS: &str = "\
SELECT COUNT(*) FROM (SELECT * FROM orders WHERE status <> 'COMPLETED') o
FULL JOIN orders_not_completed n ON n.position = o.position
WHERE o.position IS NULL OR n.position IS NULL
    OR ROW(o.buyer_key, o.seller_key, o.status, o.escrow)
        <> ROW(n.buyer_key, n.seller_key, n.status, n.escrow)";

/// Sellers whose exposure differs from the escrow of their open orders.
const WRONG_EXPOSURES: &str = "\
SELECT COUNT(*) FROM (SELECT 'agent:' || seller AS account, SUM(escrow) AS escrow
    FROM orders WHERE escrow > 0 GROUP BY seller) o
FULL JOIN (SELECT account, exposure FROM balances WHERE exposure <> 0) b ON b.account = o.account
WHERE COALESCE(o.escrow, 0) <> COALESCE(b.exposure, 0)";

async fn counted(
    connection: &mut AsyncPgConnection,
    counting: Query<BigInt>,
) -> Result<u64, Failure> {
    let count: i64 = counting.get_result(connection).await?;
    Ok(from_count(count))
}

/// Balance rows that differ from the journal, and accounts that should have one.
async fn balances(
    connection: &mut AsyncPgConnection,
    recount: &mut Recount,
) -> Result<u64, Failure> {
    const PAGE: &str = "SELECT account, amount FROM balances WHERE account > ? \
                        ORDER BY account LIMIT ?";
    let has_row = |account: &str| {
        let kinds = ["agent:", "juror:", "collateral:"];
        account == "insurance" || kinds.iter().any(|kind| account.starts_with(kind))
    };
    let wrong = named_amounts(connection, PAGE, "", recount).await?;
    Ok(wrong + recount.left(has_row))
}

/// Withdrawals whose held amount differs from the journal.
async fn withdrawals(
    connection: &mut AsyncPgConnection,
    recount: &mut Recount,
) -> Result<u64, Failure> {
    const PAGE: &str = "SELECT id, held FROM withdrawals WHERE id > ? ORDER BY id LIMIT ?";
    let wrong = named_amounts(connection, PAGE, "withdrawal:", recount).await?;
    Ok(wrong + recount.left(|account| account.starts_with("withdrawal:")))
}

/// Compares amounts under names with the journal, a page at a time.
async fn named_amounts(
    connection: &mut AsyncPgConnection,
    page: &'static str,
    kind: &str,
    recount: &mut Recount,
) -> Result<u64, Failure> {
    let (mut wrong, mut after) = (0, String::new());
    loop {
        let rows = query::<(Text, BigInt)>(page).text(after.as_str()).number(ROWS);
        let rows: Vec<(String, i64)> = rows.load(connection).await?;
        let Some((last, _)) = rows.last() else { return Ok(wrong) };
        after.clone_from(last);
        for (name, amount) in rows {
            wrong += u64::from(!recount.agrees(&format!("{kind}{name}"), amount));
        }
    }
}

/// Running sums that differ from the journal. What is not sealed is not in them yet.
async fn sums(
    connection: &mut AsyncPgConnection,
    recount: &mut Recount,
    mut pending: std::collections::HashMap<String, i64>,
) -> Result<u64, Failure> {
    let rows: Vec<(String, i64)> = tables::sums::table.load(connection).await?;
    let (mut wrong, mut escrow) = (0, pending.remove(OPEN_ESCROW));
    for (account, amount) in rows {
        if account == OPEN_ESCROW {
            escrow = amount.checked_add(escrow.unwrap_or(0));
            continue;
        }
        let whole = amount.checked_add(pending.remove(&account).unwrap_or(0));
        wrong += u64::from(!whole.is_some_and(|whole| recount.agrees(&account, whole)));
    }
    for (account, amount) in pending {
        wrong += u64::from(!recount.agrees(&account, amount));
    }
    let counted = recount.total_of("order");
    wrong += u64::from(i128::from(escrow.unwrap_or(0)) != counted);
    // Those of nobody have no name behind their kind.
    let of_nobody = |account: &str| !account.contains(':') || account.starts_with("fees:");
    Ok(wrong + recount.left(of_nobody))
}

/// What a walk over all orders finds.
#[derive(Default)]
struct Orders {
    count: u64,
    /// Cannot be read, are not what their columns say, or hold what the journal does not.
    strange: u64,
    without_timer: u64,
}

type Columns = <<OrderRow as Selectable<Pg>>::SelectExpression as Expression>::SqlType;

const ORDERS: &str = "\
SELECT position, id, version, buyer, seller, listing, status, phase, price, fee, total, escrow,
    created_at, service, terms, checks, state
FROM orders WHERE position > ? ORDER BY position LIMIT ?";

impl Orders {
    async fn walk(
        connection: &mut AsyncPgConnection,
        recount: &mut Recount,
    ) -> Result<Self, Failure> {
        let (mut found, mut after) = (Self::default(), i64::MIN);
        loop {
            let rows = query::<(BigInt, Columns)>(ORDERS).number(after).number(ROWS);
            let rows: Vec<(i64, OrderRow)> = rows.load(connection).await?;
            let Some((last, _)) = rows.last() else { return Ok(found) };
            after = *last;
            found.page(connection, &rows, recount).await?;
        }
    }

    async fn page(
        &mut self,
        connection: &mut AsyncPgConnection,
        rows: &[(i64, OrderRow)],
        recount: &mut Recount,
    ) -> Result<(), Failure> {
        let mut checks = Checks::of(connection, rows.iter().map(|(_, row)| row)).await?;
        let mut wanted: HashSet<(String, String)> = HashSet::new();
        self.count += rows.len() as u64;
        for (_, row) in rows {
            let holds = recount.agrees(&format!("order:{}", row.id), row.escrow);
            let order = match checks.order(row) {
                Ok(order) => order,
                Err(Failure::Store(StoreError::Corrupt(problem))) => {
                    tracing::error!(problem, "an order cannot be read");
                    self.strange += 1;
                    continue;
                }
                Err(failure) => return Err(failure),
            };
            self.strange += u64::from(!holds || !row.agrees_with(&order));
            if let Some(timer) = order.timer() {
                let subject = subject_text(Subject::Order(order.id));
                wanted.insert((subject, timer.kind.name().to_owned()));
            }
        }
        self.without_timer += missing(connection, wanted).await?;
        Ok(())
    }
}

/// How many of these timers there are not.
async fn missing(
    connection: &mut AsyncPgConnection,
    mut wanted: HashSet<(String, String)>,
) -> Result<u64, Failure> {
    use tables::timers::dsl;
    if wanted.is_empty() {
        return Ok(0);
    }
    let subjects: Vec<&str> = wanted.iter().map(|(subject, _)| subject.as_str()).collect();
    let found = dsl::timers.filter(dsl::subject.eq_any(subjects)).select((dsl::subject, dsl::kind));
    let found: Vec<(String, String)> = found.load(connection).await?;
    for timer in found {
        wanted.remove(&timer);
    }
    Ok(wanted.len() as u64)
}
