//! Orders for readers.

use std::collections::HashMap;
use std::sync::Arc;

use diesel::expression::{Expression, Selectable};
use diesel::pg::Pg;
use diesel::sql_types::BigInt;
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, SelectableHelper};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use marketplace_escrow::{Order, OrderStatus};
use marketplace_money::OrderId;
use marketplace_ports::{OrderFilter, Page};
use marketplace_store_rows::{OrderRow, count, from_count, id_text, party_key, tables};

use crate::failure::Failure;
use crate::query::{Query, query};

/// Orders that one page looks at: past them it ends early and the next page goes on.
const LONGEST_WALK: i64 = 5_000;

/// An order with its place.
pub(crate) type Placed = (i64, OrderRow);
type Columns = <<OrderRow as Selectable<Pg>>::SelectExpression as Expression>::SqlType;
type PlacedColumns = (BigInt, Columns);

/// The columns of [`Placed`], of the table `o`.
macro_rules! placed {
    () => {
        "o.position, o.id, o.version, o.buyer, o.seller, o.listing, o.status, o.phase, o.price, \
         o.fee, o.total, o.escrow, o.created_at, o.service, o.terms, o.checks, o.state"
    };
}

/// Orders of one side, and the place where a walk that found too little stopped.
macro_rules! of_side {
    ($side:literal) => {
        Side {
            all: concat!(
                "SELECT ",
                placed!(),
                " FROM (SELECT * FROM orders WHERE ",
                $side,
                "_key = ? \
                 AND position <= ? ORDER BY position DESC LIMIT ?) o \
                 WHERE o.",
                $side,
                " = ? ORDER BY o.position DESC"
            ),
            completed: concat!(
                "SELECT ",
                placed!(),
                " FROM (SELECT * FROM orders WHERE ",
                $side,
                "_key = ? \
                 AND position <= ? ORDER BY position DESC LIMIT ?) o \
                 WHERE o.status = 'COMPLETED' AND o.",
                $side,
                " = ? ORDER BY o.position DESC LIMIT ?"
            ),
            open: concat!(
                "SELECT ",
                placed!(),
                " FROM (SELECT position FROM orders_not_completed \
                 WHERE ",
                $side,
                "_key = ? AND status = ? AND position <= ? \
                 ORDER BY position DESC LIMIT ?) n JOIN orders o ON o.position = n.position \
                 WHERE o.",
                $side,
                " = ? ORDER BY o.position DESC"
            ),
            end_of_walk: concat!(
                "SELECT position FROM orders WHERE ",
                $side,
                "_key = ? AND position <= ? \
                 ORDER BY position DESC OFFSET ? LIMIT 1"
            ),
        }
    };
}

struct Side {
    all: &'static str,
    completed: &'static str,
    open: &'static str,
    end_of_walk: &'static str,
}

const BOUGHT: Side = of_side!("buyer");
const SOLD: Side = of_side!("seller");

/// One order.
pub(crate) async fn order(
    connection: &mut AsyncPgConnection,
    id: OrderId,
) -> Result<Option<Arc<Order>>, Failure> {
    use tables::orders::dsl;
    let found = dsl::orders
        .filter(dsl::id.eq(id_text(id.uuid())))
        .select(OrderRow::as_select())
        .first(connection)
        .await
        .optional()?;
    let Some(row) = found else { return Ok(None) };
    let mut checks = Checks::of(connection, std::slice::from_ref(&row)).await?;
    Ok(Some(Arc::new(checks.order(&row)?)))
}

/// Executable checks of some orders, each text once.
#[derive(Default)]
pub(crate) struct Checks(HashMap<Vec<u8>, Arc<str>>);

impl Checks {
    pub(crate) async fn of(
        connection: &mut AsyncPgConnection,
        rows: impl IntoIterator<Item = &OrderRow>,
    ) -> Result<Self, Failure> {
        use tables::checks::dsl;
        let mut wanted: Vec<&[u8]> =
            rows.into_iter().filter_map(|row| row.checks.as_deref()).collect();
        if wanted.is_empty() {
            return Ok(Self::default());
        }
        wanted.sort_unstable();
        wanted.dedup();
        let found: Vec<(Vec<u8>, String)> =
            dsl::checks.filter(dsl::sha256.eq_any(wanted)).load(connection).await?;
        Ok(Self(found.into_iter().map(|(sha256, body)| (sha256, body.into())).collect()))
    }

    pub(crate) fn order(&mut self, row: &OrderRow) -> Result<Order, Failure> {
        let checks = match &row.checks {
            None => Arc::from(""),
            Some(sha256) => self.0.get(sha256).cloned().ok_or_else(|| {
                marketplace_store_rows::RowError::new("orders", &row.id, "its checks are gone")
            })?,
        };
        Ok(row.order(checks)?)
    }
}

/// An agent's orders. Those of a status that most orders only pass through have a table of their
/// own; completed ones are most of all, and are found among all.
pub(crate) async fn orders(
    connection: &mut AsyncPgConnection,
    filter: &OrderFilter,
) -> Result<Page<Arc<Order>>, Failure> {
    let side = if filter.as_seller { SOLD } else { BOUGHT };
    let (agent, from) = (filter.agent.as_str(), count(filter.cursor.unwrap_or(u64::MAX)));
    let one_more = i64::from(filter.limit) + 1;
    // The name is compared outside of the walk along the index: two names may have the same key,
    // but the planner must not take that for a reason to read all of an agent's orders.
    let key = party_key(agent);
    let rows: Query<PlacedColumns> = match filter.status {
        None => query(side.all).number(key).number(from).number(one_more).text(agent),
        Some(OrderStatus::Completed) => {
            let walk = query(side.completed).number(key).number(from).number(LONGEST_WALK);
            walk.text(agent).number(one_more)
        }
        Some(status) => {
            let open = query(side.open).number(key).text(status.name()).number(from);
            open.number(one_more).text(agent)
        }
    };
    let rows: Vec<Placed> = rows.load(connection).await?;
    let mut page = page(connection, &rows, filter.limit).await?;
    if filter.status == Some(OrderStatus::Completed) && page.next.is_none() {
        let end = query::<BigInt>(side.end_of_walk).number(key).number(from).number(LONGEST_WALK);
        let end: Option<i64> = end.get_result(connection).await.optional()?;
        page.next = end.map(from_count);
    }
    Ok(page)
}

const ALL: &str = concat!(
    "SELECT ",
    placed!(),
    " FROM orders o WHERE o.position <= ? ORDER BY o.position DESC LIMIT ?"
);
const ALL_COMPLETED: &str = concat!(
    "SELECT ",
    placed!(),
    " FROM (SELECT * FROM orders WHERE position <= ? \
     ORDER BY position DESC LIMIT ?) o \
     WHERE o.status = ? ORDER BY o.position DESC LIMIT ?"
);
const ALL_OPEN: &str = concat!(
    "SELECT ",
    placed!(),
    " FROM (SELECT position, status FROM orders_not_completed \
     WHERE position <= ? ORDER BY position DESC LIMIT ?) n \
     JOIN orders o ON o.position = n.position \
     WHERE n.status = ? ORDER BY o.position DESC LIMIT ?"
);
const END_OF_ALL: &str =
    "SELECT position FROM orders WHERE position <= ? ORDER BY position DESC OFFSET ? LIMIT 1";
const END_OF_OPEN: &str = "SELECT position FROM orders_not_completed WHERE position <= ? \
                           ORDER BY position DESC OFFSET ? LIMIT 1";

/// Everybody's orders.
pub(crate) async fn all_orders(
    connection: &mut AsyncPgConnection,
    status: Option<OrderStatus>,
    cursor: Option<u64>,
    limit: u32,
) -> Result<Page<Arc<Order>>, Failure> {
    let (from, one_more) = (count(cursor.unwrap_or(u64::MAX)), i64::from(limit) + 1);
    let (rows, end) = match status {
        None => (query(ALL).number(from), None),
        Some(OrderStatus::Completed) => (query(ALL_COMPLETED).number(from), Some(END_OF_ALL)),
        Some(_) => (query(ALL_OPEN).number(from), Some(END_OF_OPEN)),
    };
    let rows: Query<PlacedColumns> = match status {
        None => rows,
        Some(status) => rows.number(LONGEST_WALK).text(status.name()),
    };
    let rows: Vec<Placed> = rows.number(one_more).load(connection).await?;
    let mut page = page(connection, &rows, limit).await?;
    if let (None, Some(end)) = (page.next, end) {
        let end = query::<BigInt>(end).number(from).number(LONGEST_WALK);
        let end: Option<i64> = end.get_result(connection).await.optional()?;
        page.next = end.map(from_count);
    }
    Ok(page)
}

/// One row more than the page has says where the next one begins.
async fn page(
    connection: &mut AsyncPgConnection,
    rows: &[Placed],
    limit: u32,
) -> Result<Page<Arc<Order>>, Failure> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let next = rows.get(limit).map(|(position, _)| from_count(*position));
    let mut checks = Checks::of(connection, rows.iter().map(|(_, row)| row)).await?;
    let order = |(_, row): &Placed| checks.order(row).map(Arc::new);
    let items = rows.iter().take(limit).map(order).collect::<Result<_, _>>()?;
    Ok(Page { items, next })
}
