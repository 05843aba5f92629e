//! `cargo xtask verify scale`: what commands and pages cost over PostgreSQL when there are twenty
//! times as many orders, and ten times as many listings.

#![expect(clippy::float_arithmetic, reason = "figures for people, not money")]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clap::Parser;
use marketplace_contract_kit::FakeFetcher;
use marketplace_engine::search::Query;
use marketplace_engine::{
    Config, DeliveryRequest, Done, Edges, Marketplace, Pace, PurchaseRequest, RandomIds, Worker,
};
use marketplace_listings::AcceptancePolicy;
use marketplace_money::{Amount, OrderId, Timestamp};
use marketplace_ports::{OrderFilter, Silence};
use marketplace_postgres_cluster::{Server, Settings};
use marketplace_store_postgres::{Options, PostgresStore};
use marketplace_teg::{EmbeddedTeg, EmbeddedTegSettings};
use marketplace_testkit::scale::{Size, load};
use tokio::task::JoinSet;

/// As the server has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Compares the cost of the hot operations between two sizes of the database.
#[derive(Parser)]
struct Arguments {
    /// Orders of the small database.
    #[arg(long, default_value_t = 100_000)]
    small: u64,
    /// Orders of the large one.
    #[arg(long, default_value_t = 2_000_000)]
    orders: u64,
    /// Listings of the small database.
    #[arg(long, default_value_t = 1_000)]
    small_listings: u64,
    /// Listings of the large one; by default as many as a marketplace takes.
    #[arg(long, default_value_t = 10_000)]
    listings: u64,
    /// Postings for each order.
    #[arg(long, default_value_t = 10)]
    postings: u64,
    /// Commands of each kind that are measured.
    #[arg(long, default_value_t = 4_000)]
    commands: u64,
    /// Commands in flight.
    #[arg(long, default_value_t = 64)]
    flights: u64,
    /// Batches on their way at once.
    #[arg(long, default_value_t = 3)]
    batches: usize,
    /// Most that an operation may cost in the large database, as a multiple.
    #[arg(long, default_value_t = 2.0)]
    most: f64,
    /// Print the statements that took the most time.
    #[arg(long)]
    statements: bool,
    /// Leave out the audit of the large database too; the small one's always runs.
    #[arg(long)]
    no_audit: bool,
}

/// How often everything but the sweep is measured.
const ROUNDS: u64 = 4;

/// What was measured, in microseconds for each.
type Costs = Vec<(&'static str, f64)>;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let watched = if arguments.statements { "pg_stat_statements" } else { "" };
    let settings = Settings::durable()
        .with("shared_preload_libraries", watched)
        .with("shared_buffers", "1GB")
        .with("max_wal_size", "16GB")
        .with("checkpoint_timeout", "30min");
    let server = Server::private(&settings)?;
    let (few, many) = (arguments.small_listings, arguments.listings);
    let small = at_size(&server, (arguments.small, few), true, &arguments).await?;
    let large = (arguments.orders, many);
    let large = at_size(&server, large, !arguments.no_audit, &arguments).await?;
    println!("\n{:<28}{:>12}{:>12}", "orders", arguments.small, arguments.orders);
    println!("{:<28}{few:>12}{many:>12}", "listings");
    println!("{:<28}{:>12}{:>12}{:>8}", "", "us for each", "us for each", "times");
    let mut too_dear = Vec::new();
    for ((name, before), (_, after)) in small.iter().zip(&large) {
        let times = after / before;
        println!("{name:<28}{before:>12.1}{after:>12.1}{times:>8.2}");
        if times > arguments.most {
            too_dear.push(*name);
        }
    }
    anyhow::ensure!(too_dear.is_empty(), "more than {} times: {too_dear:?}", arguments.most);
    Ok(())
}

async fn at_size(
    server: &Server,
    (orders, listings): (u64, u64),
    audited: bool,
    arguments: &Arguments,
) -> anyhow::Result<Costs> {
    let database = "scale";
    server.sql("postgres", &format!("DROP DATABASE IF EXISTS {database}"))?;
    server.sql("postgres", &format!("CREATE DATABASE {database}"))?;
    let url = server.url(database);
    // Migrates, and makes the months that history goes into before there is any.
    drop(PostgresStore::open(&url, Options::default()).await?);
    let size = Size {
        orders,
        overdue: 2_000.min(orders / 10),
        listings,
        postings_for_each: arguments.postings,
    };
    let begun = Instant::now();
    load(server, database, size)?;
    println!("{orders} orders of {listings} listings loaded in {:.1?}", begun.elapsed());
    let folder = tempfile::tempdir()?;
    let begun = Instant::now();
    let (market, store) = open(&url, folder.path(), arguments.batches).await?;
    store.settle().await?;
    println!("  opened and sealed in {:.1?}", begun.elapsed());
    let market = Scale { market, size, flights: arguments.flights };
    if arguments.statements {
        server.sql(
            database,
            "CREATE EXTENSION pg_stat_statements; SELECT pg_stat_statements_reset()",
        )?;
    }
    let costs = market.costs(arguments.commands).await?;
    if arguments.statements {
        print_statements(server, database)?;
    }
    if audited {
        let begun = Instant::now();
        let audit = market.market.audit().await?;
        println!(
            "  {} orders and {} postings audited in {:.1?}: {:?}",
            audit.orders,
            audit.postings,
            begun.elapsed(),
            audit.breaches()
        );
        anyhow::ensure!(audit.breaches().is_empty(), "the books do not balance");
    }
    Ok(costs)
}

/// Where the database's time went: the share of all, calls, microseconds for each, rows for each.
fn print_statements(server: &Server, database: &str) -> anyhow::Result<()> {
    let query = "SELECT round((100 * total_exec_time / sum(total_exec_time) OVER ())::numeric, 1),
                   calls, round((1000 * mean_exec_time)::numeric), rows / greatest(calls, 1),
                   left(regexp_replace(query, '\\s+', ' ', 'g'), 110)
                 FROM pg_stat_statements ORDER BY total_exec_time DESC LIMIT 32";
    println!("  percent|calls|microseconds|rows|statement");
    for line in server.sql(database, query)?.lines() {
        println!("  {line}");
    }
    Ok(())
}

async fn open(
    url: &str,
    folder: &Path,
    batches_in_flight: usize,
) -> anyhow::Result<(Marketplace, Arc<PostgresStore>)> {
    let did: marketplace_money::Did = "did:agentvault:marketplace-v1".parse()?;
    let clock: Arc<dyn Fn() -> Timestamp + Send + Sync> = Arc::new(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_micros(i64::try_from(now.as_micros()).unwrap_or(0))
    });
    let store = Arc::new(PostgresStore::open(url, Options::default()).await?);
    let settings = EmbeddedTegSettings {
        owner: did.clone(),
        genesis: Amount::ZERO,
        transfer_fee: Amount::ZERO,
        faucet_open: true,
        clock,
    };
    let edges = Edges {
        store: store.clone(),
        teg: Arc::new(EmbeddedTeg::open(&folder.join("teg.db"), settings)?),
        fetcher: Arc::new(FakeFetcher::default()),
        notifier: Arc::new(Silence),
        ids: Arc::new(RandomIds),
    };
    let config = Config { stake: Amount::ZERO, batches_in_flight, ..Config::original(did) };
    let market = Marketplace::start(config, edges);
    market.open().await?;
    Ok((market, store))
}

struct Scale {
    market: Marketplace,
    size: Size,
    flights: u64,
}

impl Scale {
    async fn costs(&self, commands: u64) -> anyhow::Result<Costs> {
        // The best of some rounds: what is read for the first time, and what else the machine does
        // meanwhile, is not what an operation costs.
        let mut best: Costs = Vec::new();
        for _ in 0..ROUNDS {
            let (purchase, orders) = self.purchases(commands / ROUNDS).await?;
            let round = [
                ("purchase", purchase),
                ("release", self.releases(orders).await?),
                ("order page of a buyer", self.pages(500).await?),
                ("one order", self.single_orders(500).await?),
                ("statement page of a buyer", self.statements(500).await?),
                ("search", self.searches(20_000)?),
            ];
            if best.is_empty() {
                best.extend(round);
            }
            for ((_, known), (_, cost)) in best.iter_mut().zip(round) {
                *known = known.min(cost);
            }
        }
        let mut costs = best;
        costs.push(("expiry, in a sweep", self.sweep().await?));
        for (name, cost) in &costs {
            println!("  {name:<28}{cost:>10.1} us");
        }
        Ok(costs)
    }

    async fn purchases(&self, count: u64) -> anyhow::Result<(f64, Vec<(u64, OrderId)>)> {
        let begun = Instant::now();
        let mut flights = JoinSet::new();
        for flight in 0..self.flights {
            let (market, size, step) = (self.market.clone(), self.size, self.flights);
            flights.spawn(async move {
                let mut bought = Vec::new();
                for number in (flight..count).step_by(usize::try_from(step)?) {
                    let buyer = Size::buyer(number.wrapping_mul(7_919) % size.buyers())?;
                    let listing = number.wrapping_mul(7_919) % size.listings;
                    let request = PurchaseRequest {
                        acceptance: Some(AcceptancePolicy::AutoOnDelivery),
                        ..PurchaseRequest::of(Size::listing(listing))
                    };
                    let Done::Fresh(view) = market.purchase(&buyer, request, None).await? else {
                        anyhow::bail!("a purchase without key was repeated");
                    };
                    bought.push((listing, view.order.id));
                }
                Ok(bought)
            });
        }
        let mut orders = Vec::new();
        while let Some(flight) = flights.join_next().await {
            orders.extend(flight??);
        }
        Ok((each(begun.elapsed(), count), orders))
    }

    async fn releases(&self, orders: Vec<(u64, OrderId)>) -> anyhow::Result<f64> {
        let count = orders.len() as u64;
        let mut shares = vec![Vec::new(); usize::try_from(self.flights)?];
        for (index, order) in orders.into_iter().enumerate() {
            let share = index % shares.len();
            shares[share].push(order);
        }
        let begun = Instant::now();
        let mut flights = JoinSet::new();
        for share in shares {
            let market = self.market.clone();
            flights.spawn(async move {
                for (listing, order) in share {
                    let seller = Size::seller(listing)?;
                    market.complete(&seller, order, DeliveryRequest::default(), None).await?;
                }
                Ok::<_, anyhow::Error>(())
            });
        }
        while let Some(flight) = flights.join_next().await {
            flight??;
        }
        Ok(each(begun.elapsed(), count))
    }

    async fn pages(&self, count: u64) -> anyhow::Result<f64> {
        let begun = Instant::now();
        for number in 0..count {
            let agent = Size::buyer(number.wrapping_mul(104_729) % self.size.buyers())?;
            let filter =
                OrderFilter { agent, as_seller: false, status: None, cursor: None, limit: 50 };
            let page = self.market.orders(&filter).await?;
            anyhow::ensure!(!page.items.is_empty(), "a buyer without orders");
        }
        Ok(each(begun.elapsed(), count))
    }

    async fn single_orders(&self, count: u64) -> anyhow::Result<f64> {
        let begun = Instant::now();
        for number in 0..count {
            let id = Size::order(number.wrapping_mul(104_729) % self.size.orders);
            anyhow::ensure!(self.market.order(id).await?.is_some(), "no order {id}");
        }
        Ok(each(begun.elapsed(), count))
    }

    async fn statements(&self, count: u64) -> anyhow::Result<f64> {
        let begun = Instant::now();
        for number in 0..count {
            let agent = Size::buyer(number.wrapping_mul(104_729) % self.size.buyers())?;
            let page = self.market.statement(&agent, None, 50).await?;
            anyhow::ensure!(page.items.len() >= 50, "a buyer without history");
        }
        Ok(each(begun.elapsed(), count))
    }

    fn searches(&self, count: u64) -> anyhow::Result<f64> {
        let begun = Instant::now();
        for number in 0..count {
            // Every listing has the one word, and one has the other.
            let about = number.wrapping_mul(7_919) % self.size.listings;
            let text = Some(format!("load {about}"));
            let page = self.market.search(&Query { text, ..Query::default() });
            let page = page.map_err(|error| anyhow::anyhow!("{error:?}"))?;
            anyhow::ensure!(page.total > 0, "nothing found");
        }
        Ok(each(begun.elapsed(), count))
    }

    /// Ends all orders that are overdue; the median of all rounds of work, since some also look at
    /// payouts, at the TEG or at the providers' standing.
    async fn sweep(&self) -> anyhow::Result<f64> {
        let mut worker = Worker::new(self.market.clone(), Pace::default()).await?;
        let (mut rounds, mut fired) = (Vec::new(), 0);
        loop {
            let begun = Instant::now();
            let worked = worker.tick().await?;
            if worked.timers == 0 {
                break;
            }
            fired += worked.timers as u64;
            rounds.push(each(begun.elapsed(), worked.timers as u64));
        }
        anyhow::ensure!(fired >= self.size.overdue, "{fired} clocks of {}", self.size.overdue);
        rounds.sort_by(f64::total_cmp);
        Ok(rounds.get(rounds.len() / 2).copied().unwrap_or_default())
    }
}

fn each(elapsed: Duration, count: u64) -> f64 {
    elapsed.as_secs_f64() * 1e6 / (count.max(1) as f64)
}
