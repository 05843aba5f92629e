//! `cargo xtask verify edges`: thousands of orders over a TEG that fails in every way, while server
//! and TEG are killed.

use clap::Parser;
use marketplace_testkit::load::{EdgesPlan, TegCommand, sibling, trade_over_failing_edges};

/// Trades over failing edges and compares TEG and books at the end.
#[derive(Parser)]
struct Arguments {
    /// Orders to be bought, completed and paid out.
    #[arg(long, default_value_t = 2_000)]
    orders: usize,
    /// Kills, of server and TEG in turn.
    #[arg(long, default_value_t = 20)]
    kills: usize,
    /// So many calls of the TEG in a hundred fail in each way.
    #[arg(long, default_value_t = 5)]
    fault_percent: u8,
    /// Of the faults.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Tokens go out by the registry's send, and some settle later.
    #[arg(long)]
    by_send: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let folder = tempfile::tempdir()?;
    let plan = EdgesPlan {
        server: sibling("marketplace-server")?,
        teg: TegCommand::Binary(sibling("marketplace-teg")?),
        folder: folder.path().to_owned(),
        orders: arguments.orders,
        kills: arguments.kills,
        fault_percent: arguments.fault_percent,
        seed: arguments.seed,
        by_send: arguments.by_send,
    };
    let report = trade_over_failing_edges(plan).await?;
    println!("{report:?}");
    println!("TEG and books agree to the nano");
    Ok(())
}
