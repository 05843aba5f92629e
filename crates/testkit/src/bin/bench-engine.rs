//! `cargo xtask bench engine`: commands a second in process, over SQLite with full sync, and
//! whether they stay as cheap when the database grows.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clap::Parser;
use marketplace_contract_kit::FakeFetcher;
use marketplace_engine::{
    Config, DeliveryRequest, Done, Edges, Marketplace, PurchaseRequest, RandomIds,
};
use marketplace_listings::{AcceptancePolicy, Offer, ServiceType, Terms};
use marketplace_money::{Amount, Did, ListingId, Timestamp};
use marketplace_store_sqlite::SqliteStore;
use marketplace_teg::{EmbeddedTeg, EmbeddedTegSettings};
use marketplace_testkit::load::resident_kib;

/// As the server has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures the engine over its durable store, without HTTP.
#[derive(Parser)]
struct Arguments {
    /// Commands that are in flight at once.
    #[arg(long, default_value_t = 512)]
    flights: usize,
    /// Stop when the database holds so many orders; figures are printed at each power of ten.
    #[arg(long, default_value_t = 100_000)]
    orders: u64,
    /// Buyers.
    #[arg(long, default_value_t = 1_000)]
    buyers: usize,
    /// Sellers.
    #[arg(long, default_value_t = 100)]
    sellers: usize,
    /// Listings of each seller.
    #[arg(long, default_value_t = 1)]
    listings: usize,
    /// Keep the database here instead of a temporary folder.
    #[arg(long)]
    data: Option<PathBuf>,
}

struct Market {
    marketplace: Marketplace,
    buyers: Vec<Did>,
    sellers: Vec<(Did, ListingId)>,
    orders: AtomicU64,
    target: AtomicU64,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let temporary = tempfile::tempdir()?;
    let folder = arguments.data.clone().unwrap_or_else(|| temporary.path().to_owned());
    std::fs::create_dir_all(&folder)?;
    let market = Arc::new(open(&arguments, &folder).await?);
    let mut target = 1_000.min(arguments.orders);
    loop {
        let before = market.orders.load(Ordering::Relaxed);
        market.target.store(target, Ordering::Relaxed);
        let begun = Instant::now();
        let mut flights = Vec::new();
        for number in 0..arguments.flights / 2 {
            flights.push(tokio::spawn(fly(market.clone(), number)));
        }
        for flight in flights {
            flight.await??;
        }
        let orders = market.orders.load(Ordering::Relaxed);
        print_figures(before, orders, begun.elapsed());
        if target >= arguments.orders {
            break;
        }
        target = (target * 10).min(arguments.orders);
    }
    let begun = Instant::now();
    let audit = market.marketplace.audit().await?;
    println!("audit in {:.1} s: {:?}", begun.elapsed().as_secs_f64(), audit.breaches());
    anyhow::ensure!(audit.breaches().is_empty(), "the books do not balance");
    Ok(())
}

#[expect(clippy::float_arithmetic, reason = "a figure for people, not money")]
fn print_figures(before: u64, orders: u64, elapsed: Duration) {
    let commands = (orders - before) * 2;
    println!(
        "{before:>9} to {orders:>9} orders: {:>7.0} commands/s, {} KiB resident",
        commands as f64 / elapsed.as_secs_f64(),
        resident_kib(std::process::id()).unwrap_or(0)
    );
}

/// Lifecycles, one after the other: purchase, completion.
async fn fly(market: Arc<Market>, number: usize) -> anyhow::Result<()> {
    let mut round = number;
    while market.orders.fetch_add(1, Ordering::Relaxed) < market.target.load(Ordering::Relaxed) {
        round = round.wrapping_add(7_919);
        let buyer = &market.buyers[round % market.buyers.len()];
        let (seller, listing) = &market.sellers[(round / 3) % market.sellers.len()];
        let request = PurchaseRequest {
            acceptance: Some(AcceptancePolicy::AutoOnDelivery),
            ..PurchaseRequest::of(*listing)
        };
        let Done::Fresh(bought) = market.marketplace.purchase(buyer, request, None).await? else {
            anyhow::bail!("a purchase without key was repeated");
        };
        let order = bought.order.id;
        market.marketplace.complete(seller, order, DeliveryRequest::default(), None).await?;
    }
    market.orders.fetch_sub(1, Ordering::Relaxed);
    Ok(())
}

async fn open(arguments: &Arguments, folder: &Path) -> anyhow::Result<Market> {
    let did: Did = "did:agentvault:marketplace-v1".parse()?;
    let clock: Arc<dyn Fn() -> Timestamp + Send + Sync> = Arc::new(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_micros(i64::try_from(now.as_micros()).unwrap_or(0))
    });
    let store = SqliteStore::open(folder.join("marketplace.db"), clock.clone())?;
    let settings = EmbeddedTegSettings {
        owner: did.clone(),
        genesis: Amount::from_avt(10_000),
        transfer_fee: Amount::ZERO,
        faucet_open: true,
        clock,
    };
    let teg = EmbeddedTeg::open(&folder.join("teg.db"), settings)?;
    let edges = Edges {
        store: Arc::new(store),
        teg: Arc::new(teg),
        fetcher: Arc::new(FakeFetcher::default()),
        notifier: Arc::new(marketplace_ports::Silence),
        ids: Arc::new(RandomIds),
    };
    let config = Config { stake: Amount::ZERO, ..Config::original(did) };
    let marketplace = Marketplace::start(config, edges);
    marketplace.open().await?;
    let mut buyers = Vec::new();
    for number in 0..arguments.buyers {
        let buyer: Did = format!("did:key:z6MkBuyer{number:039}").parse()?;
        marketplace.faucet(&buyer).await?;
        marketplace.deposit(&buyer, Amount::from_avt(1_000), None).await?;
        buyers.push(buyer);
    }
    let sellers = list(&marketplace, arguments).await?;
    let (orders, target) = (AtomicU64::new(0), AtomicU64::new(0));
    Ok(Market { marketplace, buyers, sellers, orders, target })
}

/// Sellers with their listings.
async fn list(
    marketplace: &Marketplace,
    arguments: &Arguments,
) -> anyhow::Result<Vec<(Did, ListingId)>> {
    let mut sellers = Vec::new();
    for number in 0..arguments.sellers {
        let seller: Did = format!("did:key:z6MkSeller{number:038}").parse()?;
        marketplace.faucet(&seller).await?;
        for service in 0..arguments.listings {
            let offer = Offer {
                service_type: ServiceType::Computation,
                name: format!("Load {number} {service}"),
                description: format!("A service for load tests, number {service} of {seller}"),
                price: Amount::from_nano(100_000),
                metadata: "{}".to_owned(),
                terms: Terms::default(),
            };
            let Done::Fresh(listing) = marketplace.list_service(&seller, offer, None).await? else {
                anyhow::bail!("a listing without key was repeated");
            };
            sellers.push((seller.clone(), listing.id));
        }
    }
    Ok(sellers)
}
