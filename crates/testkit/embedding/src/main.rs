//! An agent that runs its own marketplace in process: list, buy, deliver, accept.

use std::sync::Arc;

use marketplace_engine::{Config, DeliveryContent, DeliveryRequest, Done, Edges, Marketplace};
use marketplace_engine::{PurchaseRequest, RandomIds};
use marketplace_escrow::Command;
use marketplace_listings::{Offer, ServiceType, Terms};
use marketplace_money::{Amount, Did, Timestamp};
use marketplace_registry::{FetchSettings, HttpFetcher};
use marketplace_store_sqlite::SqliteStore;
use marketplace_teg::{EmbeddedTeg, EmbeddedTegSettings};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let folder = std::path::PathBuf::from(std::env::args().nth(1).unwrap_or("data".into()));
    let us: Did = "did:agentvault:my-marketplace".parse()?;
    let [seller, buyer]: [Did; 2] = ["did:agentvault:seller".parse()?, "did:agentvault:buyer".parse()?];
    let now = || std::time::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_micros() as i64);
    let clock = Arc::new(move || Timestamp::from_micros(now()));
    let zero = Amount::ZERO;
    let settings = EmbeddedTegSettings { owner: us.clone(), genesis: zero, transfer_fee: zero, faucet_open: true, clock: clock.clone() };
    let edges = Edges {
        store: Arc::new(SqliteStore::open(folder.join("marketplace.db"), clock)?),
        teg: Arc::new(EmbeddedTeg::open(&folder.join("teg.db"), settings)?),
        fetcher: Arc::new(HttpFetcher::new(FetchSettings::default())?),
        notifier: Arc::new(marketplace_engine::Silence),
        ids: Arc::new(RandomIds),
    };
    let market = Marketplace::start(Config { stake: zero, ..Config::original(us) }, edges);
    market.open().await?;
    market.faucet(&seller).await?;
    market.faucet(&buyer).await?;
    let (name, description) = ("CSV Analyzer".to_owned(), "Analyze CSV files".to_owned());
    let offer = Offer { service_type: ServiceType::Analysis, name, description, price: "5".parse()?, metadata: "{}".to_owned(), terms: Terms::default() };
    let Done::Fresh(listing) = market.list_service(&seller, offer, None).await? else { unreachable!() };
    let Done::Fresh(bought) = market.purchase(&buyer, PurchaseRequest::of(listing.id), None).await? else { unreachable!() };
    let content = DeliveryContent::Inline(b"3 rows, 2 columns".to_vec());
    market.deliver(&seller, bought.order.id, DeliveryRequest { content, ..Default::default() }, None).await?;
    market.change_order(&buyer, bought.order.id, Command::Accept, None).await?;
    println!("seller has {} AVT", market.wallet(&seller).await?.sums.available);
    Ok(())
}
