//! `cargo xtask bench lifecycle`: durable lifecycles through the wire, beside a plain in-memory
//! handler in the same run.

#![expect(clippy::float_arithmetic, reason = "figures for people, not money")]

mod on_postgres;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use marketplace_testkit::load::{
    Agent, Connection, Figures, Plan, Population, ServerProcess, cpu_seconds, drive, resident_kib,
    serve_baseline, sibling,
};

/// As the server has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum StoreKind {
    /// One server over its own file.
    Sqlite,
    /// Servers side by side over a private PostgreSQL server, with pgbench on the same one.
    Postgres,
}

/// Drives whole order lifecycles against a server with full sync.
#[derive(Parser)]
struct Arguments {
    /// What the servers keep their state in.
    #[arg(long, value_enum, default_value = "sqlite")]
    store: StoreKind,
    /// How many servers run side by side over PostgreSQL: one run for each number.
    #[arg(long, value_delimiter = ',', default_value = "1,3")]
    servers: Vec<usize>,
    /// Scale of pgbench's tables.
    #[arg(long, default_value_t = 64)]
    pgbench_scale: u32,
    /// Seconds that count, for each run.
    #[arg(long, default_value_t = 15)]
    seconds: u64,
    /// Connections.
    #[arg(long, default_value_t = 64)]
    clients: usize,
    /// Buyers, each with 900 AVT in the marketplace.
    #[arg(long, default_value_t = 1_000)]
    buyers: usize,
    /// Sellers, each with one listing.
    #[arg(long, default_value_t = 100)]
    sellers: usize,
    /// Show what each statement of PostgreSQL costs; counting them costs a little by itself.
    #[arg(long)]
    statements: bool,
    /// Serves the baseline instead (used by the bench itself).
    #[arg(long, hide = true)]
    serve_baseline: Option<SocketAddr>,
    /// Keep the database here instead of a temporary folder.
    #[arg(long)]
    data: Option<PathBuf>,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if let Some(address) = arguments.serve_baseline {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        return Ok(runtime.block_on(async {
            serve_baseline(tokio::net::TcpListener::bind(address).await?).await
        })?);
    }
    // One thread: the generator must leave the processors to the server.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match arguments.store {
        StoreKind::Sqlite => runtime.block_on(run(&arguments)),
        StoreKind::Postgres => runtime.block_on(on_postgres::run(&arguments)),
    }
}

async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let temporary = tempfile::tempdir()?;
    let folder = arguments.data.clone().unwrap_or_else(|| temporary.path().to_owned());
    let server =
        ServerProcess::start(&sibling("marketplace-server")?, &folder, &[("FAUCET", "on")]).await?;
    println!("idle server: {} KiB resident", resident_kib(server.id()).unwrap_or(0));
    let enrolled = std::time::Instant::now();
    let population =
        Population::enroll(server.address, arguments.buyers, arguments.sellers, "0.001").await?;
    let population = Arc::new(population);
    println!(
        "{} buyers and {} sellers enrolled in {:.1} s",
        arguments.buyers,
        arguments.sellers,
        enrolled.elapsed().as_secs_f64()
    );
    let many = measure(&server, &population, arguments, arguments.sellers).await?;
    println!("durable, {:>3} sellers  {many}", arguments.sellers);
    let one = measure(&server, &population, arguments, 1).await?;
    println!("durable,   1 seller   {one}");
    println!("busy server: {} KiB resident", resident_kib(server.id()).unwrap_or(0));
    drop(server);
    let base = baseline(arguments).await?;
    println!("in memory, no rules   {base}");
    println!(
        "ratio to the baseline: {:.2} with {} sellers, {:.2} with one",
        many.per_second() / base.per_second(),
        arguments.sellers,
        one.per_second() / base.per_second()
    );
    anyhow::ensure!(many.failures + one.failures == 0, "some lifecycles failed");
    Ok(())
}

async fn measure(
    server: &ServerProcess,
    population: &Arc<Population>,
    arguments: &Arguments,
    sellers: usize,
) -> anyhow::Result<Figures> {
    let plan = plan(arguments, sellers);
    let before = cpu_seconds(server.id());
    let mut figures = drive(&[server.address], population.clone(), plan).await?;
    figures.server_cpu = cpu_seconds(server.id()).zip(before).map(|(after, before)| after - before);
    Ok(figures)
}

fn plan(arguments: &Arguments, sellers: usize) -> Plan {
    Plan {
        clients: arguments.clients,
        warm_up: Duration::from_secs(2),
        length: Duration::from_secs(arguments.seconds),
        sellers,
    }
}

async fn baseline(arguments: &Arguments) -> anyhow::Result<Figures> {
    let address = std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?;
    let mut server = Command::new(std::env::current_exe()?)
        .args(["--serve-baseline", &address.to_string()])
        .stdout(Stdio::null())
        .spawn()?;
    let figures = drive_baseline(address, arguments).await;
    server.kill()?;
    server.wait()?;
    figures
}

async fn drive_baseline(address: SocketAddr, arguments: &Arguments) -> anyhow::Result<Figures> {
    let mut tries = 0;
    while let Err(error) = Connection::open(address).await {
        tries += 1;
        anyhow::ensure!(tries < 500, "the baseline does not start: {error}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // The baseline looks at nobody's token; names of the right length make requests of the right
    // size.
    let agent =
        |number: usize| Agent { did: format!("did:key:z6Mk{number:044}"), token: "x".repeat(230) };
    let listing = "0197f3a2-7c1e-7aaa-8b1b-0242ac120002".to_owned();
    let population = Population {
        buyers: (0..arguments.buyers).map(agent).collect(),
        sellers: (0..arguments.sellers).map(|n| (agent(n), listing.clone())).collect(),
    };
    drive(&[address], Arc::new(population), plan(arguments, arguments.sellers)).await
}
