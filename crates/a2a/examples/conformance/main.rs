//! An agent for conformance suites, on the same task engine and routes as the product, without its
//! trade: what a message does is named by the beginning of its `messageId`.
//!
//! `cargo run -p marketplace-a2a --example conformance -- --port 9999`

mod agent;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use marketplace_a2a::{Pushes, router};
use marketplace_contract_kit::{FakeTeg, ManualClock, MemoryStore};
use marketplace_engine::{Config, Dispatcher, Edges, Marketplace, RandomIds};
use marketplace_money::{Did, Timestamp};
use marketplace_ports::Silence;
use marketplace_registry::{FetchSettings, HttpCourier, HttpFetcher, KeySource, OwnKeys};

#[derive(Parser)]
struct Cli {
    /// Where to listen, on the loopback address.
    #[arg(long, default_value_t = 9999)]
    port: u16,
    /// Whether push notifications may go to addresses that only this machine can reach.
    #[arg(long)]
    allow_private: bool,
}

fn settings(allow_private: bool) -> FetchSettings {
    FetchSettings { allow_private, ..FetchSettings::default() }
}

/// Tells push notifications, as the product does.
async fn push(
    marketplace: &Marketplace,
    did: &Did,
    url: &str,
    allow_private: bool,
) -> Result<(), Box<dyn std::error::Error>> {
    let now = marketplace.now().await?;
    let keys = Arc::new(OwnKeys::open(did.clone(), KeySource::Fixed([7; 32]), now).await?);
    let courier = Arc::new(HttpCourier::new(settings(allow_private), keys)?);
    let scribe = Arc::new(Pushes { marketplace: marketplace.clone(), public_url: url.to_owned() });
    let dispatcher = Dispatcher::new(marketplace.clone(), courier, scribe).await?;
    tokio::spawn(dispatcher.run(std::future::pending()));
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let cli = Cli::parse();
    let did: Did = "did:example:conformance".parse()?;
    let now = chrono::Utc::now().timestamp_micros();
    // Its time stands still but for this: nothing here has a deadline.
    let clock = ManualClock::new(Timestamp::from_micros(now));
    let teg = FakeTeg::new(did.clone(), clock.clone());
    let edges = Edges {
        store: Arc::new(MemoryStore::new(clock.clone())),
        teg: Arc::new(teg),
        fetcher: Arc::new(HttpFetcher::new(settings(cli.allow_private))?),
        notifier: Arc::new(Silence),
        ids: Arc::new(RandomIds),
    };
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_millis(1)).await;
            clock.set(Timestamp::from_micros(chrono::Utc::now().timestamp_micros()));
        }
    });
    let marketplace = Marketplace::start(Config::original(did.clone()), edges);
    let following = marketplace.clone();
    tokio::spawn(async move { following.follow(std::future::pending()).await });
    let address = SocketAddr::from(([127, 0, 0, 1], cli.port));
    let listener = tokio::net::TcpListener::bind(address).await?;
    let url = format!("http://{}", listener.local_addr()?);
    push(&marketplace, &did, &url, cli.allow_private).await?;
    let now = || Timestamp::from_micros(chrono::Utc::now().timestamp_micros());
    let a2a = agent::agent(marketplace, &url, Arc::new(now));
    if cli.allow_private {
        eprintln!("push notifications may go to private addresses");
    }
    println!("conformance agent at {url}/.well-known/agent-card.json");
    axum::serve(listener, router(Arc::new(a2a))).await?;
    Ok(())
}
