//! The schema: migrations in their order, each in a transaction of its own, by one process at a
//! time.

use std::collections::BTreeSet;

use tokio_postgres::Client;

use crate::OpenError;
use crate::failure::Failure;
use crate::only_postgres;

/// All migrations: version, and what it does.
const MIGRATIONS: &[(&str, &str)] = &[
    ("00000000000001", include_str!("../../../migrations/postgres/00000000000001_store/up.sql")),
    ("00000000000002", include_str!("../../../migrations/postgres/00000000000002_api_keys/up.sql")),
    ("00000000000003", include_str!("../../../migrations/postgres/00000000000003_edges/up.sql")),
    ("00000000000004", include_str!("../../../migrations/postgres/00000000000004_disputes/up.sql")),
    ("00000000000010", include_str!("../../../migrations/postgres/00000000000010_motions/up.sql")),
    ("00000000000011", include_str!("../../../migrations/postgres/00000000000011_tasks/up.sql")),
    ("00000000000012", include_str!("../../../migrations/postgres/00000000000012_reviews/up.sql")),
    (
        "00000000000013",
        include_str!("../../../migrations/postgres/00000000000013_transfers/up.sql"),
    ),
    (
        "00000000000014",
        include_str!("../../../migrations/postgres/00000000000014_same_bytes/up.sql"),
    ),
    (
        "00000000000015",
        include_str!("../../../migrations/postgres/00000000000015_listings_by_provider/up.sql"),
    ),
];

/// As diesel's own tool keeps it, so that `diesel migration` works on the same database.
const APPLIED: &str = "CREATE TABLE IF NOT EXISTS __diesel_schema_migrations (
    version VARCHAR(50) PRIMARY KEY NOT NULL,
    run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
)";

/// All migrations as one text: who keeps a copy of a migrated database knows by it whether the copy
/// is still good.
#[must_use]
pub fn schema() -> String {
    MIGRATIONS.iter().map(|(_, change)| *change).collect()
}

/// Brings the schema up to date; waits while another process does.
pub(crate) async fn run(client: &Client) -> Result<(), OpenError> {
    let failed = |failure: Failure| OpenError::Database { reason: failure.to_string() };
    // Most starts find nothing to do, and do not wait for anybody.
    if pending(client).await.map_err(failed)?.is_empty() {
        return Ok(());
    }
    only_postgres::lock_schema(client).await.map_err(failed)?;
    let done = apply(client).await;
    let unlocked = only_postgres::unlock_schema(client).await;
    done.and(unlocked).map_err(failed)
}

async fn apply(client: &Client) -> Result<(), Failure> {
    client.batch_execute(APPLIED).await?;
    for (version, change) in pending(client).await? {
        tracing::info!(version, "migrating the database");
        let whole = format!(
            "BEGIN; {change}\n; INSERT INTO __diesel_schema_migrations (version) \
             VALUES ('{version}'); COMMIT"
        );
        if let Err(error) = client.batch_execute(&whole).await {
            client.batch_execute("ROLLBACK").await?;
            return Err(error.into());
        }
    }
    Ok(())
}

/// Migrations that the database has not seen. Those that it has and we do not know were made by a
/// later version of us, which keeps the schema good for this one.
async fn pending(client: &Client) -> Result<Vec<(&'static str, &'static str)>, Failure> {
    let known = "SELECT to_regclass('__diesel_schema_migrations') IS NOT NULL";
    let mut applied = BTreeSet::new();
    if client.query_one(known, &[]).await?.get(0) {
        let rows = client.query("SELECT version FROM __diesel_schema_migrations", &[]).await?;
        applied.extend(rows.iter().map(|row| row.get::<_, String>(0)));
    }
    let is_new = |(version, _): &&(&str, &str)| !applied.contains(*version);
    Ok(MIGRATIONS.iter().filter(is_new).copied().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_folder_is_applied() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations/postgres");
        let mut found: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .map(|name| name.split('_').next().unwrap_or_default().to_owned())
            .collect();
        found.sort();
        let applied: Vec<&str> = MIGRATIONS.iter().map(|(version, _)| *version).collect();
        assert_eq!(found, applied);
    }
}
