//! `cargo xtask load`: many agents who trade at random against a server, or a house of servers of
//! its own, with the audit of the books at the end.

mod house;
mod progress;
mod report;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use house::House;
use marketplace_money::Timestamp;
use marketplace_testkit::crowd::{Crowd, CrowdPlan, Streams, most_of_an_agent};
use marketplace_testkit::load::{allow_open_files, now, paced, saturated};
use progress::{Memory, Progress};
use report::Report;

/// What the servers keep their state in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum StoreKind {
    /// One server over its own file.
    Sqlite,
    /// Servers and workers over a private PostgreSQL server.
    Postgres,
}

/// Agents list, search, buy, deliver, accept and dispute at random
///
/// Refusals by their own fault (spent tokens, a listing that was delisted a moment ago) are told
/// apart from errors. Ends with the audit of the books, and fails when there was any error.
#[derive(Parser)]
#[command(name = "cargo xtask load")]
struct Arguments {
    /// How many agents trade
    #[arg(long, default_value_t = 50)]
    agents: usize,
    /// For how long
    #[arg(long, default_value_t = 300)]
    seconds: u64,
    /// Requests a second (an open loop): each counts from when it was due, not from when an agent
    /// was free to send it. Without it agents ask as soon as they were answered
    #[arg(long)]
    rate: Option<u32>,
    /// Mean milliseconds that an agent thinks between answer and request; not with --rate
    #[arg(long, default_value_t = 0, conflicts_with = "rate")]
    think_ms: u64,
    /// Streams of events that are held open beside
    #[arg(long, default_value_t = 0)]
    streams: usize,
    /// Running servers, by plain HTTP; commas between. They need a faucet. Without it servers are
    /// started for the time of the run
    #[arg(long, value_delimiter = ',', value_name = "URL")]
    url: Vec<String>,
    /// What the running servers call themselves; by default the URL
    #[arg(long, requires = "url")]
    audience: Option<String>,
    /// Key of an operator of the running servers, for the audit (marketplace-admin agent new)
    #[arg(long, requires = "url", value_name = "FILE")]
    operator_key: Option<PathBuf>,
    /// What the servers that are started keep their state in
    #[arg(long, value_enum, default_value = "sqlite")]
    store: StoreKind,
    /// Servers over PostgreSQL
    #[arg(long, default_value_t = 3)]
    servers: usize,
    /// Workers over PostgreSQL
    #[arg(long, default_value_t = 2)]
    workers: usize,
    /// Of what the agents choose
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where the figures are written as JSON
    #[arg(long, default_value = "target/load.json", value_name = "FILE")]
    json: PathBuf,
    /// Fail when the p99 of all requests is above
    #[arg(long, value_name = "MS")]
    p99_limit: Option<f64>,
    /// Fail when a server or worker that was started ever holds more memory
    #[arg(long, value_name = "MIB")]
    memory_limit: Option<u64>,
    /// Fail when one of them holds so many per cent more in the last third of the run than in the
    /// middle one. The listings that agents put up meanwhile are in memory, and count
    #[arg(long, value_name = "PERCENT")]
    memory_growth: Option<u64>,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    // Both sides of every connection may be ours.
    let connections = arguments.agents + arguments.streams;
    allow_open_files(connections as u64 + SPARE_FILES)?;
    // One thread: the generator must leave the processors to the servers.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(run(&arguments))
}

/// Databases, sockets of PostgreSQL, logs.
const SPARE_FILES: u64 = 500;

async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let house = House::open(arguments).await?;
    let plan = plan(arguments, &house.addresses);
    let begun = std::time::Instant::now();
    let crowd = Crowd::enroll(&plan).await?;
    println!("{} agents enrolled in {:.1?}", arguments.agents, begun.elapsed());
    let streams = open_streams(arguments, &plan).await?;
    let (agents, tally) = (arguments.agents, crowd.tally.clone());
    let memory = Memory::watch(house.processes());
    let progress = Progress::start(tally.clone(), memory, streams, Duration::from_secs(5));
    let length = Duration::from_secs(arguments.seconds);
    let elapsed = std::time::Instant::now();
    match arguments.rate {
        Some(rate) => drop(paced(crowd.traders, 0, rate, length).await?),
        None => drop(saturated(crowd.traders, 0, length).await?),
    }
    let elapsed = elapsed.elapsed();
    let (memory, streams) = progress.finish().await?;
    println!("the books are audited");
    let audit = house.audit().await?;
    let report = Report { agents, elapsed, rate: arguments.rate, tally, memory, streams, audit };
    report.print();
    report.write(&arguments.json)?;
    report.judge(arguments.p99_limit, arguments.memory_limit, arguments.memory_growth)
}

fn plan(arguments: &Arguments, servers: &[SocketAddr]) -> CrowdPlan {
    CrowdPlan {
        servers: servers.to_vec(),
        audience: arguments.audience.clone(),
        agents: arguments.agents,
        think: Duration::from_millis(arguments.think_ms),
        seed: arguments.seed,
        clock: Arc::new(|| now().unwrap_or(Timestamp::from_micros(0))),
    }
}

async fn open_streams(arguments: &Arguments, plan: &CrowdPlan) -> anyhow::Result<Option<Streams>> {
    if arguments.streams == 0 {
        return Ok(None);
    }
    let begun = std::time::Instant::now();
    let streams = Streams::open(plan, arguments.streams).await?;
    println!(
        "{} streams, {} for each listener, opened in {:.1?}",
        arguments.streams,
        most_of_an_agent(),
        begun.elapsed()
    );
    Ok(Some(streams))
}
