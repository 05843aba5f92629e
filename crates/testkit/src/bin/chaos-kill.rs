//! `cargo xtask verify kill`: kill -9 under load, many times in a row.

use clap::Parser;
use marketplace_testkit::load::{kill_under_load, sibling};

/// Kills the server under load and checks what it had acknowledged.
#[derive(Parser)]
struct Arguments {
    /// How often.
    #[arg(long, default_value_t = 20)]
    kills: usize,
    /// Acknowledged commands between two kills.
    #[arg(long, default_value_t = 3_000)]
    acks: usize,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let folder = tempfile::tempdir()?;
    let server = sibling("marketplace-server")?;
    let report = kill_under_load(&server, folder.path(), arguments.kills, arguments.acks).await?;
    println!("{report:?}");
    println!("every acknowledged command was there after each of {} kills", report.kills);
    Ok(())
}
