//! API keys, as readers see them.

use std::sync::Arc;

use diesel::prelude::*;
use marketplace_money::Did;
use marketplace_ports::ApiKey;
use marketplace_store_rows::{ApiKeyRow, api_key_text, tables};

use crate::failure::Failure;

/// The key of this secret.
pub(crate) fn by_secret(
    connection: &mut SqliteConnection,
    sha256: &[u8; 32],
) -> Result<Option<Arc<ApiKey>>, Failure> {
    let found: Option<ApiKeyRow> = tables::api_keys::table
        .find(api_key_text(sha256))
        .select(ApiKeyRow::as_select())
        .first(connection)
        .optional()?;
    Ok(found.map(ApiKeyRow::api_key).transpose()?.map(Arc::new))
}

/// The keys of an agent.
pub(crate) fn of_agent(
    connection: &mut SqliteConnection,
    agent: &Did,
    limit: u32,
) -> Result<Vec<Arc<ApiKey>>, Failure> {
    use tables::api_keys::dsl;
    let rows: Vec<ApiKeyRow> = dsl::api_keys
        .filter(dsl::agent.eq(agent.as_str()))
        .limit(limit.into())
        .select(ApiKeyRow::as_select())
        .load(connection)?;
    rows.into_iter().map(|row| Ok(Arc::new(row.api_key()?))).collect()
}
