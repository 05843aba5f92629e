//! Listings, agents, their keys, and the bytes of deliveries for readers.

use std::collections::HashMap;
use std::sync::Arc;

use diesel::dsl::sql;
use diesel::sql_types::Bool;
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, SelectableHelper};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use marketplace_ledger::Account;
use marketplace_listings::Listing;
use marketplace_money::{Amount, Did, ListingId, OrderId};
use marketplace_ports::{Agent, ApiKey, Motion, OrderReviews, Page, Task, TaskKey};
use marketplace_store_rows::{
    AgentRow, ApiKeyRow, ListingRow, MotionRow, ReviewsRow, TaskRow, account_text, api_key_text,
    count, from_count, id_text, owned_tasks, page_of_listings, page_of_reviews, tables, task_text,
};
use uuid::Uuid;

use crate::failure::Failure;

/// One listing.
pub(crate) async fn listing(
    connection: &mut AsyncPgConnection,
    id: ListingId,
) -> Result<Option<Arc<Listing>>, Failure> {
    use tables::listings::dsl;
    let row: Option<ListingRow> = dsl::listings
        .filter(dsl::id.eq(id_text(id.uuid())))
        .select(ListingRow::as_select())
        .first(connection)
        .await
        .optional()?;
    Ok(row.map(|row| row.listing()).transpose()?.map(Arc::new))
}

/// A listing with its provider.
type Shown = (Arc<Listing>, Arc<Agent>);

/// Active listings with their providers, oldest first.
pub(crate) async fn active_listings(
    connection: &mut AsyncPgConnection,
    cursor: Option<u64>,
    limit: u32,
) -> Result<Page<Shown>, Failure> {
    use tables::listings::dsl;
    let rows: Vec<(i64, ListingRow)> = dsl::listings
        // Spelled as the index spells it: with a bind the index is not seen.
        .filter(sql::<Bool>("status = 'active'"))
        .filter(dsl::position.ge(count(cursor.unwrap_or(0))))
        .order(dsl::position)
        .limit(i64::from(limit) + 1)
        .select((dsl::position, ListingRow::as_select()))
        .load(connection)
        .await?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let next = rows.get(limit).map(|(position, _)| from_count(*position));
    let mut names: Vec<&str> = rows.iter().map(|(_, row)| row.provider.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let mut providers: HashMap<Did, Arc<Agent>> = HashMap::with_capacity(names.len());
    for row in agents(connection, &names).await? {
        let agent = row.agent()?;
        providers.insert(agent.did.clone(), Arc::new(agent));
    }
    let mut items = Vec::with_capacity(rows.len());
    for (_, row) in rows.iter().take(limit) {
        let listing = Arc::new(row.listing()?);
        let unknown = || Arc::new(Agent::unknown(listing.provider.clone()));
        let provider = providers.entry(listing.provider.clone()).or_insert_with(unknown).clone();
        items.push((listing, provider));
    }
    Ok(Page { items, next })
}

/// A provider's listings in every status, newest first.
pub(crate) async fn listings_of(
    connection: &mut AsyncPgConnection,
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
        .load(connection)
        .await?;
    Ok(page_of_listings(&rows, limit)?)
}

/// The rows of some agents, in no order.
pub(crate) async fn agents(
    connection: &mut AsyncPgConnection,
    names: &[&str],
) -> Result<Vec<AgentRow>, Failure> {
    use tables::agents::dsl;
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let query = dsl::agents.filter(dsl::did.eq_any(names)).select(AgentRow::as_select());
    Ok(query.load(connection).await?)
}

/// What is remembered of an agent.
pub(crate) async fn agent(
    connection: &mut AsyncPgConnection,
    did: &Did,
) -> Result<Option<Arc<Agent>>, Failure> {
    let query = tables::agents::table.find(did.as_str()).select(AgentRow::as_select());
    let row: Option<AgentRow> = query.first(connection).await.optional()?;
    Ok(row.map(|row| row.agent()).transpose()?.map(Arc::new))
}

/// The key of this secret.
pub(crate) async fn api_key(
    connection: &mut AsyncPgConnection,
    sha256: &[u8; 32],
) -> Result<Option<Arc<ApiKey>>, Failure> {
    let query = tables::api_keys::table.find(api_key_text(sha256)).select(ApiKeyRow::as_select());
    let row: Option<ApiKeyRow> = query.first(connection).await.optional()?;
    Ok(row.map(ApiKeyRow::api_key).transpose()?.map(Arc::new))
}

/// The keys of an agent.
pub(crate) async fn api_keys(
    connection: &mut AsyncPgConnection,
    agent: &Did,
    limit: u32,
) -> Result<Vec<Arc<ApiKey>>, Failure> {
    use tables::api_keys::dsl;
    let rows: Vec<ApiKeyRow> = dsl::api_keys
        .filter(dsl::agent.eq(agent.as_str()))
        .limit(limit.into())
        .select(ApiKeyRow::as_select())
        .load(connection)
        .await?;
    rows.into_iter().map(|row| Ok(Arc::new(row.api_key()?))).collect()
}

/// A motion of the operators.
pub(crate) async fn motion(
    connection: &mut AsyncPgConnection,
    id: Uuid,
) -> Result<Option<Arc<Motion>>, Failure> {
    let query = tables::motions::table.find(id_text(id)).select(MotionRow::as_select());
    let row: Option<MotionRow> = query.first(connection).await.optional()?;
    Ok(row.map(MotionRow::motion).transpose()?.map(Arc::new))
}

/// Motions below an id, greatest first.
pub(crate) async fn motions(
    connection: &mut AsyncPgConnection,
    before: Option<Uuid>,
    limit: u32,
) -> Result<Vec<Arc<Motion>>, Failure> {
    use tables::motions::dsl;
    let mut query = dsl::motions
        .order(dsl::id.desc())
        .limit(limit.into())
        .select(MotionRow::as_select())
        .into_boxed();
    if let Some(before) = before {
        query = query.filter(dsl::id.lt(id_text(before)));
    }
    let rows: Vec<MotionRow> = query.load(connection).await?;
    rows.into_iter().map(|row| Ok(Arc::new(row.motion()?))).collect()
}

/// What is kept of a task.
pub(crate) async fn task(
    connection: &mut AsyncPgConnection,
    key: &TaskKey,
) -> Result<Option<Arc<Task>>, Failure> {
    let query = tables::tasks::table.find(task_text(key)).select(TaskRow::as_select());
    let row: Option<TaskRow> = query.first(connection).await.optional()?;
    Ok(row.map(TaskRow::task).transpose()?.map(Arc::new))
}

/// The tasks of an agent, those that changed last first.
pub(crate) async fn tasks(
    connection: &mut AsyncPgConnection,
    owner: &Did,
    after: Option<&Task>,
    limit: u32,
) -> Result<Vec<Arc<Task>>, Failure> {
    let rows: Vec<TaskRow> = owned_tasks!(owner, after, limit).load(connection).await?;
    rows.into_iter().map(|row| Ok(Arc::new(row.task()?))).collect()
}

/// Reviews of one order.
pub(crate) async fn reviews(
    connection: &mut AsyncPgConnection,
    order: OrderId,
) -> Result<Option<Arc<OrderReviews>>, Failure> {
    use tables::reviews::dsl;
    let query = dsl::reviews.filter(dsl::order_id.eq(id_text(order.uuid())));
    let row: Option<ReviewsRow> =
        query.select(ReviewsRow::as_select()).first(connection).await.optional()?;
    Ok(row.map(ReviewsRow::reviews).transpose()?.map(Arc::new))
}

/// The escrow of the open orders that an agent sold.
pub(crate) async fn exposure(
    connection: &mut AsyncPgConnection,
    seller: &Did,
) -> Result<Amount, Failure> {
    use tables::balances::dsl;
    let account = account_text(&Account::Agent(seller.clone()));
    let query = dsl::balances.find(account).select(dsl::exposure);
    let open: Option<i64> = query.first(connection).await.optional()?;
    Ok(Amount::from_nano(open.unwrap_or(0)))
}

/// Reviews of orders that an agent is a party of, newest first: of each side by its index.
pub(crate) async fn reviews_of(
    connection: &mut AsyncPgConnection,
    agent: &Did,
    cursor: Option<u64>,
    limit: u32,
) -> Result<Page<Arc<OrderReviews>>, Failure> {
    use tables::reviews::dsl;
    let page = dsl::reviews
        .filter(dsl::position.le(count(cursor.unwrap_or(u64::MAX))))
        .order(dsl::position.desc())
        .limit(i64::from(limit) + 1)
        .select((dsl::position, ReviewsRow::as_select()));
    let mut rows: Vec<(i64, ReviewsRow)> =
        page.filter(dsl::buyer.eq(agent.as_str())).load(connection).await?;
    let sold: Vec<(i64, ReviewsRow)> =
        page.filter(dsl::seller.eq(agent.as_str())).load(connection).await?;
    rows.extend(sold);
    Ok(page_of_reviews(rows, limit)?)
}

/// The bytes of a delivery.
pub(crate) async fn blob(
    connection: &mut AsyncPgConnection,
    order: OrderId,
    sha256: &[u8; 32],
) -> Result<Option<Arc<[u8]>>, Failure> {
    use tables::blobs::dsl;
    let query = dsl::blobs.find((id_text(order.uuid()), &sha256[..])).select(dsl::bytes);
    let bytes: Option<Vec<u8>> = query.first(connection).await.optional()?;
    Ok(bytes.map(Arc::from))
}
