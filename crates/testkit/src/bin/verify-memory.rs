//! `cargo xtask verify memory`: what a server holds in memory, idle on an empty store, and over a
//! large one.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use marketplace_testkit::load::{
    Connection, Plan, Population, ServerProcess, drive, resident_kib, sibling,
};

/// Measures the server's resident memory.
#[derive(Parser)]
struct Arguments {
    /// Orders in the large store.
    #[arg(long, default_value_t = 1_000_000)]
    orders: u64,
    /// Listings in the large store.
    #[arg(long, default_value_t = 9_900)]
    listings: usize,
}

const IDLE_LIMIT_KIB: u64 = 40 * 1024;
const LARGE_LIMIT_KIB: u64 = 300 * 1024;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let empty = tempfile::tempdir()?;
    let server = start(empty.path()).await?;
    let idle = resident_kib(server.id()).unwrap_or(u64::MAX);
    println!("idle on an empty store: {idle} KiB resident (limit {IDLE_LIMIT_KIB})");
    drop(server);
    let large = tempfile::tempdir()?;
    let sellers = 100;
    let status = Command::new(sibling("bench-engine")?)
        .args(["--data".as_ref(), large.path().as_os_str()])
        .args(["--orders", &arguments.orders.to_string()])
        .args(["--sellers", &sellers.to_string()])
        .args(["--listings", &(arguments.listings / sellers).to_string()])
        .status()?;
    anyhow::ensure!(status.success(), "the large store could not be made");
    let server = start(large.path()).await?;
    let opened = resident_kib(server.id()).unwrap_or(u64::MAX);
    println!("opened on {} orders: {opened} KiB resident", arguments.orders);
    let worked = work(&server).await?;
    println!("after searches and lifecycles: {worked} KiB resident (limit {LARGE_LIMIT_KIB})");
    anyhow::ensure!(idle < IDLE_LIMIT_KIB, "an idle server is too large");
    anyhow::ensure!(worked < LARGE_LIMIT_KIB, "a server over a large store is too large");
    Ok(())
}

async fn start(folder: &Path) -> anyhow::Result<ServerProcess> {
    ServerProcess::start(&sibling("marketplace-server")?, folder, &[("FAUCET", "on")]).await
}

async fn work(server: &ServerProcess) -> anyhow::Result<u64> {
    let mut connection = Connection::open(server.address).await?;
    for _ in 0..1_000 {
        let path = "/api/v1/services/search?query=load&limit=100";
        let reply = connection.send("GET", path, None, "").await?;
        anyhow::ensure!(reply.status == 200, "{}", reply.body);
    }
    let population = Population::enroll(server.address, 100, 10, "0.001").await?;
    let plan =
        Plan { clients: 64, warm_up: Duration::ZERO, length: Duration::from_secs(10), sellers: 10 };
    let figures = drive(&[server.address], Arc::new(population), plan).await?;
    println!("lifecycles over the large store: {figures}");
    Ok(resident_kib(server.id()).unwrap_or(u64::MAX))
}
