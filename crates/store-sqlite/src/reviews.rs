//! Reviews, as readers see them.

use std::sync::Arc;

use diesel::prelude::*;
use marketplace_money::{Did, OrderId};
use marketplace_ports::{OrderReviews, Page};
use marketplace_store_rows::{ReviewsRow, count, id_text, page_of_reviews, tables};

use crate::failure::Failure;

/// Reviews of one order.
pub(crate) fn of_order(
    connection: &mut SqliteConnection,
    order: OrderId,
) -> Result<Option<Arc<OrderReviews>>, Failure> {
    use tables::reviews::dsl;
    let row = dsl::reviews
        .filter(dsl::order_id.eq(id_text(order.uuid())))
        .select(ReviewsRow::as_select())
        .first(connection)
        .optional()?;
    Ok(row.map(ReviewsRow::reviews).transpose()?.map(Arc::new))
}

/// Reviews of orders that an agent is a party of, newest first: of each side by its index.
pub(crate) fn of_agent(
    connection: &mut SqliteConnection,
    agent: &Did,
    cursor: Option<u64>,
    limit: u32,
) -> Result<Page<Arc<OrderReviews>>, Failure> {
    use tables::reviews::dsl;
    let latest = count(cursor.unwrap_or(u64::MAX));
    let page = dsl::reviews
        .filter(dsl::position.le(latest))
        .order(dsl::position.desc())
        .limit(i64::from(limit) + 1)
        .select((dsl::position, ReviewsRow::as_select()));
    let mut rows: Vec<(i64, ReviewsRow)> =
        page.filter(dsl::buyer.eq(agent.as_str())).load(connection)?;
    rows.extend(page.filter(dsl::seller.eq(agent.as_str())).load::<(i64, ReviewsRow)>(connection)?);
    Ok(page_of_reviews(rows, limit)?)
}
