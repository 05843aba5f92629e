//! What engines that only speak PostgreSQL's protocol do not have, or have otherwise. Everything
//! else in this crate is plain SQL.

use tokio_postgres::Client;

use crate::failure::Failure;

/// Held by whoever changes the schema.
const MIGRATION_LOCK: i64 = 0x6d61_726b_6574_0001;
/// Held by whoever moves a market into the database.
const MOVE_LOCK: i64 = 0x6d61_726b_6574_0002;

/// Every statement finds its rows by their keys, whatever the statistics say: a plan that was made
/// while a table was small would read it from end to end when it is large. And in this process:
/// to start others for a few rows, as a plan may want after the first analysis of a growing table,
/// takes longer than to find them (measured: so read, the feed alone made all requests under load
/// take three times as long). Audits, which do read everything, go without.
pub(crate) const PLAN_BY_KEYS: &str = "SET enable_seqscan = off; SET enable_hashjoin = off; \
     SET enable_mergejoin = off; SET max_parallel_workers_per_gather = 0; \
     SET plan_cache_mode = force_generic_plan";

/// Waits until nobody else changes the schema. The lock ends with the connection.
pub(crate) async fn lock_schema(client: &Client) -> Result<(), Failure> {
    let wait = format!(
        "SET lock_timeout = 0; SET statement_timeout = 0; SELECT pg_advisory_lock({MIGRATION_LOCK})"
    );
    Ok(client.batch_execute(&wait).await?)
}

/// Whether nobody else moves a market into the database. The lock ends with the connection.
pub(crate) async fn move_alone(client: &Client) -> Result<bool, Failure> {
    let lock = format!("SELECT pg_try_advisory_lock({MOVE_LOCK})");
    Ok(client.query_one(&lock, &[]).await?.get(0))
}

/// Lets others change the schema.
pub(crate) async fn unlock_schema(client: &Client) -> Result<(), Failure> {
    let unlock = format!("SELECT pg_advisory_unlock({MIGRATION_LOCK})");
    Ok(client.batch_execute(&unlock).await?)
}

/// Wakes whoever listens in other processes. Never in a transaction that others wait for: at its
/// end a NOTIFY holds a lock of the whole database.
pub(crate) const WAKE_OTHERS: &str = "NOTIFY marketplace_feed";

/// From now on the connection hears of [`WAKE_OTHERS`].
pub(crate) async fn listen(client: &Client) -> Result<(), Failure> {
    Ok(client.batch_execute("LISTEN marketplace_feed").await?)
}
