//! `cargo xtask bench search-speed`: searches over the wire in a large market, beside PostgreSQL's
//! full text search with the same listings, questions and rate; and what a market of the card's
//! limit costs.

#![expect(clippy::float_arithmetic, reason = "figures for people, not money")]

mod callers;
mod small;

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use callers::{Asker, Sql, Web};
use clap::Parser;
use marketplace_money::Timestamp;
use marketplace_postgres_cluster::{Server, Settings};
use marketplace_store_postgres::{Options, PostgresStore};
use marketplace_testkit::load::{
    Caller, Figures, ServerProcess, paced, resident_kib, saturated, sibling,
};
use marketplace_testkit::scale::{Catalogue, Question};

/// As the server has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures searches.
#[derive(Parser)]
struct Arguments {
    /// Listings of the large market.
    #[arg(long, default_value_t = 1_000_000)]
    listings: u64,
    /// Listings of the small one; 0 leaves it out.
    #[arg(long, default_value_t = 10_000)]
    small: u64,
    /// Questions a second.
    #[arg(long, default_value_t = 100)]
    rate: u32,
    /// Seconds that count.
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// Connections.
    #[arg(long, default_value_t = 16)]
    clients: u64,
    /// Leave PostgreSQL's full text search out.
    #[arg(long)]
    alone: bool,
    /// Wait before measuring until this file is there: to load on a busy machine and measure on a
    /// quiet one.
    #[arg(long)]
    hold_until: Option<PathBuf>,
    /// Serve from here instead of the server that is built beside this program.
    #[arg(long)]
    server: Option<PathBuf>,
}

const P50_LIMIT_MS: f64 = 5.0;
const P99_LIMIT_MS: f64 = 25.0;
/// Questions asked before those that count.
const WARM_UP: Duration = Duration::from_secs(3);
const SATURATED: Duration = Duration::from_secs(5);
/// A million listings are read in less.
const READING: Duration = Duration::from_secs(600);
/// No question of one part of a run is asked in another.
const PART: u64 = 1 << 32;

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    // One thread: the generator must leave the processors to the server.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(run(&arguments))
}

async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let postgres = tuned_postgres()?;
    let binary = match &arguments.server {
        Some(path) => path.clone(),
        None => sibling("marketplace-server")?,
    };
    if arguments.small > 0 {
        small::measure(&postgres, &binary, arguments.small).await?;
    }
    let market = Catalogue { listings: arguments.listings };
    let url = load(&postgres, market, arguments).await?;
    let folder = tempfile::tempdir()?;
    let begun = Instant::now();
    let environment = [("DATABASE_URL", url.as_str())];
    let server = ServerProcess::start_within(READING, &binary, folder.path(), &environment).await?;
    println!(
        "server ready, its index built from the store, in {:.1?}: {} MiB resident",
        begun.elapsed(),
        resident_kib(server.id()).unwrap_or(0) / 1024
    );
    let count = arguments.seconds * u64::from(arguments.rate);
    let questions = (0..count).map(|number| market.question(2 * PART + number, false));
    let different: HashSet<Question> = questions.collect::<anyhow::Result<_>>()?;
    println!("{count} questions, {} different ones", different.len());
    hold(arguments).await?;
    compare(&postgres, &server, market, arguments).await
}

/// As somebody would set it up who means to search in it.
fn tuned_postgres() -> anyhow::Result<Server> {
    let settings = Settings::durable()
        .with("shared_buffers", "2GB")
        .with("effective_cache_size", "8GB")
        .with("maintenance_work_mem", "1GB")
        .with("work_mem", "64MB")
        .with("random_page_cost", "1.1")
        .with("max_wal_size", "8GB")
        // Compiling a plan takes longer than any of these questions.
        .with("jit", "off");
    Ok(Server::private(&settings)?)
}

/// The same listings for both; gives the URL of the marketplace's database.
async fn load(
    postgres: &Server,
    market: Catalogue,
    arguments: &Arguments,
) -> anyhow::Result<String> {
    let begun = Instant::now();
    let url = database(postgres, "market").await?;
    market.load(postgres, "market", now()?)?;
    println!(
        "{} listings of {} sellers loaded in {:.0?}",
        market.listings,
        market.seller_count(),
        begun.elapsed()
    );
    if !arguments.alone {
        let begun = Instant::now();
        postgres.sql("postgres", "CREATE DATABASE fulltext")?;
        market.load_full_text(postgres, "fulltext")?;
        println!("PostgreSQL's full text indexes built in {:.0?}", begun.elapsed());
    }
    Ok(url)
}

async fn compare(
    postgres: &Server,
    server: &ServerProcess,
    market: Catalogue,
    arguments: &Arguments,
) -> anyhow::Result<()> {
    let clients = arguments.clients;
    let web = Web::open(server.address, market, clients, false).await?;
    let own = ask("marketplace over HTTP", web, arguments).await?;
    let web = Web::open(server.address, market, clients, true).await?;
    ask("marketplace over HTTP, words that most listings have too", web, arguments).await?;
    if !arguments.alone {
        let sql = Sql::open(&postgres.url("fulltext"), market, clients).await?;
        let other = ask("PostgreSQL full text", sql, arguments).await?;
        println!(
            "PostgreSQL : marketplace   p50 {:.1}   p99 {:.1}   saturation 1 : {:.1}",
            other.paced.percentile_ms(500) / own.paced.percentile_ms(500),
            other.paced.percentile_ms(990) / own.paced.percentile_ms(990),
            own.saturated.per_second() / other.saturated.per_second()
        );
    }
    let failures = own.paced.failures + own.saturated.failures;
    anyhow::ensure!(failures == 0, "{failures} searches failed");
    let (p50, p99) = (own.paced.percentile_ms(500), own.paced.percentile_ms(990));
    anyhow::ensure!(
        p50 < P50_LIMIT_MS && p99 < P99_LIMIT_MS,
        "too slow: the limits are p50 {P50_LIMIT_MS} ms and p99 {P99_LIMIT_MS} ms"
    );
    Ok(())
}

struct Asked {
    paced: Figures,
    saturated: Figures,
}

async fn ask<C: Caller + Asker>(
    name: &str,
    callers: Vec<C>,
    arguments: &Arguments,
) -> anyhow::Result<Asked> {
    let (rate, length) = (arguments.rate, Duration::from_secs(arguments.seconds));
    let (_, callers) = paced(callers, PART, rate, WARM_UP).await?;
    let before: u64 = callers.iter().map(Asker::found).sum();
    let (paced, callers) = paced(callers, 2 * PART, rate, length).await?;
    let found = callers.iter().map(Asker::found).sum::<u64>() - before;
    println!("{name}: open loop at {rate} questions a second");
    println!("  {paced}");
    println!("  a question found {:.1} listings on average", found as f64 / paced.count() as f64);
    let saturated = saturated(callers, 3 * PART, SATURATED).await?;
    println!("  at saturation {saturated}");
    Ok(Asked { paced, saturated })
}

async fn database(postgres: &Server, name: &str) -> anyhow::Result<String> {
    postgres.sql("postgres", &format!("CREATE DATABASE {name}"))?;
    let url = postgres.url(name);
    // Migrates.
    drop(PostgresStore::open(&url, Options::default()).await?);
    Ok(url)
}

fn now() -> anyhow::Result<Timestamp> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(Timestamp::from_micros(i64::try_from(now.as_micros())?))
}

async fn hold(arguments: &Arguments) -> anyhow::Result<()> {
    let Some(file) = &arguments.hold_until else { return Ok(()) };
    println!("waiting for {}", file.display());
    while !file.exists() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}
