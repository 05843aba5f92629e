//! `migrate`: the database gets the tables of this version, before servers of it start.

use anyhow::Result;
use serde_json::json;

use crate::cli::MigrateArgs;

pub(crate) async fn run(args: &MigrateArgs, as_json: bool) -> Result<()> {
    marketplace_boot::migrate(&args.database_url).await?;
    let version = env!("CARGO_PKG_VERSION");
    if as_json {
        println!("{}", json!({ "migrated_to": version }));
    } else {
        println!("the database is ready for version {version}");
    }
    Ok(())
}
