//! `cargo xtask verify replicas`: three servers and two workers over PostgreSQL, all of them killed
//! again and again.

use std::time::Duration;

use clap::Parser;
use marketplace_testkit::load::sibling;
use marketplace_testkit::replicas::{ReplicasPlan, trade_over_replicas};

/// Kills servers, workers and the database under load, and checks what was acknowledged.
#[derive(Parser)]
struct Arguments {
    /// How long clients begin new orders.
    #[arg(long, default_value_t = 120)]
    seconds: u64,
    /// How many clients at once.
    #[arg(long, default_value_t = 16)]
    clients: usize,
    /// Restarts of PostgreSQL in immediate mode.
    #[arg(long, default_value_t = 2)]
    database_restarts: u32,
    /// Of what clients do and who is killed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where logs are kept [default: nowhere]
    #[arg(long)]
    logs: Option<std::path::PathBuf>,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let folder = tempfile::tempdir()?;
    let plan = ReplicasPlan {
        server: sibling("marketplace-server")?,
        worker: sibling("marketplace-worker")?,
        teg: sibling("marketplace-teg")?,
        folder: arguments.logs.unwrap_or_else(|| folder.path().to_owned()),
        length: Duration::from_secs(arguments.seconds),
        clients: arguments.clients,
        database_restarts: arguments.database_restarts,
        seed: arguments.seed,
    };
    let report = trade_over_replicas(plan).await?;
    println!("{report:#?}");
    println!("{} orders, {} of them ended by timers", report.orders(), report.ended_by_timers());
    println!("everything that was acknowledged is there once");
    Ok(())
}
