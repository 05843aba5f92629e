//! Orders, listings, agents, blobs and events for readers.

use std::collections::HashMap;
use std::sync::Arc;

use diesel::dsl::{max, sql};
use diesel::prelude::*;
use diesel::sql_types::Bool;
use marketplace_escrow::{Order, OrderStatus};
use marketplace_listings::Listing;
use marketplace_money::{Did, ListingId, OrderId};
use marketplace_ports::{Agent, OrderFilter, Page, SealedEvent};
use marketplace_store_rows::{
    AgentRow, EventRow, ListingRow, OrderRow, count, from_count, id_text, page_of_listings, tables,
};

use crate::failure::Failure;
use crate::fetch::{OrderReader, rows_by};
use crate::retire::Retired;

/// Rows that one page looks at: past them it ends early and the next page goes on.
const LONGEST_WALK: i64 = 5_000;
/// What the indexes of open orders leave out; spelled as they spell it, or SQLite does not see it.
const NOT_COMPLETED: &str = "status <> 'COMPLETED'";

/// One order.
pub(crate) fn order(
    connection: &mut SqliteConnection,
    id: OrderId,
) -> Result<Option<Arc<Order>>, Failure> {
    use tables::orders::dsl;
    let query = dsl::orders.filter(dsl::id.eq(id_text(id.uuid())));
    let row = query.select(OrderRow::as_select()).get_result(connection).optional()?;
    let order = row.map(|row| OrderReader::default().order(connection, &row));
    Ok(order.transpose()?.map(Arc::new))
}

/// An agent's orders. Those of a status that most orders only pass through are found by an index;
/// the others by the chain of all orders of the agent.
pub(crate) fn orders(
    connection: &mut SqliteConnection,
    filter: &OrderFilter,
) -> Result<Page<Arc<Order>>, Failure> {
    match filter.status {
        None | Some(OrderStatus::Completed) => chained(connection, filter),
        Some(status) => open(connection, filter, status),
    }
}

fn chained(
    connection: &mut SqliteConnection,
    filter: &OrderFilter,
) -> Result<Page<Arc<Order>>, Failure> {
    use tables::orders::dsl;
    let selection = (OrderRow::as_select(), dsl::bought_before, dsl::sold_before);
    let limit = usize::try_from(filter.limit).unwrap_or(usize::MAX);
    let mut reader = OrderReader::default();
    let mut page = Page { items: Vec::new(), next: None };
    let mut next = match filter.cursor {
        Some(cursor) => Some(count(cursor)),
        None => last_order(connection, filter)?,
    };
    for _ in 0..LONGEST_WALK {
        let Some(position) = next else { return Ok(page) };
        let query = dsl::orders.find(position).select(selection);
        let row: Option<(OrderRow, Option<i64>, Option<i64>)> =
            query.get_result(connection).optional()?;
        let Some((row, bought_before, sold_before)) = row else { return Ok(page) };
        let party = if filter.as_seller { &row.seller } else { &row.buyer };
        // A cursor that we did not give leads to somebody else's orders.
        if party != filter.agent.as_str() {
            return Ok(page);
        }
        if filter.status.is_none_or(|status| status.name() == row.status) {
            if page.items.len() >= limit {
                page.next = Some(from_count(position));
                return Ok(page);
            }
            page.items.push(Arc::new(reader.order(connection, &row)?));
        }
        next = if filter.as_seller { sold_before } else { bought_before };
    }
    page.next = next.map(from_count);
    Ok(page)
}

fn last_order(
    connection: &mut SqliteConnection,
    filter: &OrderFilter,
) -> Result<Option<i64>, Failure> {
    use tables::balances::dsl;
    let account = format!("agent:{}", filter.agent);
    let query = dsl::balances.find(account).select((dsl::last_bought, dsl::last_sold));
    let ends: Option<(Option<i64>, Option<i64>)> = query.get_result(connection).optional()?;
    let (bought, sold) = ends.unwrap_or_default();
    Ok(if filter.as_seller { sold } else { bought })
}

fn open(
    connection: &mut SqliteConnection,
    filter: &OrderFilter,
    status: OrderStatus,
) -> Result<Page<Arc<Order>>, Failure> {
    use tables::orders::dsl;
    let (agent, from) = (filter.agent.as_str(), count(filter.cursor.unwrap_or(u64::MAX)));
    let query = dsl::orders
        .filter(dsl::status.eq(status.name()))
        .filter(sql::<Bool>(NOT_COMPLETED))
        .filter(dsl::position.le(from))
        .order(dsl::position.desc())
        .limit(i64::from(filter.limit) + 1)
        .select((dsl::position, OrderRow::as_select()));
    let rows: Vec<(i64, OrderRow)> = if filter.as_seller {
        query.filter(dsl::seller.eq(agent)).load(connection)?
    } else {
        query.filter(dsl::buyer.eq(agent)).load(connection)?
    };
    order_page(connection, &rows, filter.limit)
}

/// One row more than the page has says where the next one begins.
fn order_page(
    connection: &mut SqliteConnection,
    rows: &[(i64, OrderRow)],
    limit: u32,
) -> Result<Page<Arc<Order>>, Failure> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let next = rows.get(limit).map(|(position, _)| from_count(*position));
    let mut reader = OrderReader::default();
    let order = |(_, row): &(i64, OrderRow)| reader.order(connection, row).map(Arc::new);
    let items = rows.iter().take(limit).map(order).collect::<Result<_, _>>()?;
    Ok(Page { items, next })
}

/// Everybody's orders.
pub(crate) fn all_orders(
    connection: &mut SqliteConnection,
    status: Option<OrderStatus>,
    cursor: Option<u64>,
    limit: u32,
) -> Result<Page<Arc<Order>>, Failure> {
    use tables::orders::dsl;
    let last: Option<i64> = dsl::orders.select(max(dsl::position)).get_result(connection)?;
    let from = count(cursor.unwrap_or(u64::MAX)).min(last.unwrap_or(0));
    let end = if status.is_some() { from.saturating_sub(LONGEST_WALK) } else { 0 };
    let mut query = dsl::orders
        .filter(dsl::position.le(from))
        .filter(dsl::position.gt(end))
        .order(dsl::position.desc())
        .limit(i64::from(limit) + 1)
        .select((dsl::position, OrderRow::as_select()))
        .into_boxed();
    if let Some(status) = status {
        query = query.filter(dsl::status.eq(status.name()));
    }
    let rows: Vec<(i64, OrderRow)> = query.load(connection)?;
    let mut page = order_page(connection, &rows, limit)?;
    if page.next.is_none() && end > 0 {
        page.next = Some(from_count(end));
    }
    Ok(page)
}

/// One listing.
pub(crate) fn listing(
    connection: &mut SqliteConnection,
    id: ListingId,
) -> Result<Option<Arc<Listing>>, Failure> {
    use tables::listings::dsl;
    let query = dsl::listings.filter(dsl::id.eq(id_text(id.uuid())));
    let row = query.select(ListingRow::as_select()).get_result(connection).optional()?;
    let listing = row.map(|row: ListingRow| row.listing()).transpose()?;
    Ok(listing.map(Arc::new))
}

/// A listing with its provider.
type Shown = (Arc<Listing>, Arc<Agent>);

/// Active listings with their providers, oldest first.
pub(crate) fn active_listings(
    connection: &mut SqliteConnection,
    cursor: Option<u64>,
    limit: u32,
) -> Result<Page<Shown>, Failure> {
    use tables::listings::dsl;
    let rows: Vec<(i64, ListingRow)> = dsl::listings
        .filter(sql::<Bool>("status = 'active'"))
        .filter(dsl::position.ge(count(cursor.unwrap_or(0))))
        .order(dsl::position)
        .limit(i64::from(limit) + 1)
        .select((dsl::position, ListingRow::as_select()))
        .load(connection)?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let next = rows.get(limit).map(|(position, _)| from_count(*position));
    let mut names: Vec<String> = rows.iter().map(|(_, row)| row.provider.clone()).collect();
    names.sort();
    names.dedup();
    let known = rows_by!(connection, agents.did, AgentRow::as_select(), AgentRow, &names);
    let mut providers: HashMap<Did, Arc<Agent>> = HashMap::with_capacity(known.len());
    for row in known {
        let agent = row.agent()?;
        providers.insert(agent.did.clone(), Arc::new(agent));
    }
    let mut items = Vec::with_capacity(rows.len());
    for (_, row) in rows.iter().take(limit) {
        let listing = Arc::new(row.listing()?);
        let provider = providers.entry(listing.provider.clone());
        let unknown = || Arc::new(Agent::unknown(listing.provider.clone()));
        let provider = provider.or_insert_with(unknown).clone();
        items.push((listing, provider));
    }
    Ok(Page { items, next })
}

/// A provider's listings in every status, newest first.
pub(crate) fn listings_of(
    connection: &mut SqliteConnection,
    provider: &Did,
    cursor: Option<u64>,
    limit: u32,
) -> Result<Page<Arc<Listing>>, Failure> {
    use tables::listings::dsl;
    let rows: Vec<(i64, ListingRow)> = dsl::listings
        .filter(dsl::provider.eq(provider.as_str()))
        .filter(dsl::position.le(count(cursor.unwrap_or(u64::MAX))))
        .order(dsl::position.desc())
        .limit(i64::from(limit) + 1)
        .select((dsl::position, ListingRow::as_select()))
        .load(connection)?;
    Ok(page_of_listings(&rows, limit)?)
}

/// What is remembered of an agent.
pub(crate) fn agent(
    connection: &mut SqliteConnection,
    did: &Did,
) -> Result<Option<Arc<Agent>>, Failure> {
    let query = tables::agents::table.find(did.as_str()).select(AgentRow::as_select());
    let row = query.get_result(connection).optional()?;
    Ok(row.map(|row: AgentRow| row.agent()).transpose()?.map(Arc::new))
}

/// The bytes of a delivery.
pub(crate) fn blob(
    connection: &mut SqliteConnection,
    order: OrderId,
    sha256: &[u8; 32],
) -> Result<Option<Arc<[u8]>>, Failure> {
    use tables::blobs::dsl;
    let query = dsl::blobs.find((id_text(order.uuid()), &sha256[..])).select(dsl::bytes);
    let bytes: Option<Vec<u8>> = query.get_result(connection).optional()?;
    Ok(bytes.map(Arc::from))
}

/// The position of the last event.
pub(crate) fn feed_head(connection: &mut SqliteConnection) -> Result<u64, Failure> {
    use tables::events::dsl;
    let last: Option<i64> = dsl::events.select(max(dsl::position)).get_result(connection)?;
    let retired = Retired::read(connection)?;
    Ok(from_count(last.unwrap_or(0).max(retired.event)))
}

/// Events after a position.
pub(crate) fn events_after(
    connection: &mut SqliteConnection,
    position: u64,
    limit: u32,
) -> Result<Vec<SealedEvent>, Failure> {
    use tables::events::dsl;
    let rows: Vec<(i64, EventRow)> = dsl::events
        .filter(dsl::position.gt(count(position)))
        .order(dsl::position)
        .limit(limit.into())
        .select((dsl::position, EventRow::as_select()))
        .load(connection)?;
    Ok(rows.into_iter().map(|(position, row)| row.sealed(position)).collect::<Result<_, _>>()?)
}
