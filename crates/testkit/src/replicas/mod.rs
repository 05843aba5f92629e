//! Three servers and two workers over one PostgreSQL database, each of them killed again and again,
//! and the database too: at the end everything that was acknowledged is there exactly once.
//!
//! Time is the database's. Here it has a clock that runs fast (see [`clock`]), so that orders live
//! and expire, by their real timers, while processes die.

mod clients;
mod clock;
mod house;
mod judge;
mod reader;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use marketplace_postgres_cluster::{Server, Settings, Stop};
use marketplace_registry::AgentKey;

use clients::Market;
use house::House;
use reader::{Followed, Follower};

/// What is run, and for how long.
#[derive(Clone, Debug)]
pub struct ReplicasPlan {
    /// The binary of the marketplace.
    pub server: PathBuf,
    /// The binary of the worker.
    pub worker: PathBuf,
    /// The binary of the TEG.
    pub teg: PathBuf,
    /// For logs and the files of the TEG.
    pub folder: PathBuf,
    /// How long clients begin new orders.
    pub length: Duration,
    /// How many clients at once.
    pub clients: usize,
    /// Restarts of PostgreSQL in immediate mode while they do.
    pub database_restarts: u32,
    /// Of what clients do and who is killed.
    pub seed: u64,
}

/// What a run came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplicasReport {
    /// Orders that were placed, and how each of them ended.
    pub endings: BTreeMap<String, usize>,
    /// Commands that were acknowledged; each was asked for again at the end.
    pub commands: usize,
    /// Requests that had to be sent again.
    pub retries: usize,
    /// Servers and workers that were killed.
    pub kills: usize,
    /// Restarts of PostgreSQL in immediate mode.
    pub database_restarts: usize,
    /// Events, each of which was followed across the servers exactly once.
    pub events: usize,
    /// Times that a stream of events broke off and went on at another server.
    pub reconnections: usize,
    /// Hours that passed on the market's clock.
    pub market_hours: u64,
}

impl ReplicasReport {
    /// Orders in all.
    #[must_use]
    pub fn orders(&self) -> usize {
        self.endings.values().sum()
    }

    /// Orders that a timer ended.
    #[must_use]
    pub fn ended_by_timers(&self) -> usize {
        let by_timers = ["UNPAID", "NON_DELIVERY", "AUTO_RELEASED"];
        by_timers.iter().filter_map(|phase| self.endings.get(*phase)).sum()
    }
}

/// For what is under way when no new orders are begun.
const PATIENCE: Duration = Duration::from_secs(180);

/// Runs the plan.
///
/// # Errors
/// When a step never succeeds, or anything at the end is not as it should be: the error says what.
pub async fn trade_over_replicas(plan: ReplicasPlan) -> anyhow::Result<ReplicasReport> {
    let postgres = Arc::new(Server::private(&Settings::durable())?);
    let database = postgres.empty_database()?;
    let clock = clock::install(&database)?;
    let operator = AgentKey::generate()?;
    let house = House::open(&plan, &database.url(), operator.did()).await?;
    let market = Arc::new(Market::open(house.addresses(), &plan, &operator).await?);
    let followers = Follower::spawn_all(&market);

    let running = clock.run(clock::WHILE_TRADING);
    let chaos = house.chaos(plan.seed);
    let clients = market.clone().spawn_clients();
    let begun = Instant::now();
    for number in 1..=plan.database_restarts {
        let at = plan.length * number / (plan.database_restarts + 1);
        tokio::time::sleep(at.saturating_sub(begun.elapsed())).await;
        restart(&postgres).await?;
    }
    tokio::time::sleep(plan.length.saturating_sub(begun.elapsed())).await;
    market.closing.store(true, Ordering::SeqCst);
    for client in clients {
        client.await??;
    }
    // No new orders. What is open now ends by its timers, and the killing goes on until it has.
    let running = running.faster(clock::TO_THE_END).await;
    let ended = clock.no_order_is_open(PATIENCE).await;
    running.stop().await;
    let kills = chaos.stop().await?;
    ended?;
    house.is_well(PATIENCE).await?;

    let mut report = judge::judge(&database, &market, &operator).await?;
    let followed = Followed::of(followers, &report.feeds).await?;
    report.figures.reconnections = followed.reconnections;
    report.figures.kills = kills;
    report.figures.database_restarts = usize::try_from(plan.database_restarts)?;
    report.figures.market_hours = clock.hours()?;
    Ok(report.figures)
}

async fn restart(postgres: &Arc<Server>) -> anyhow::Result<()> {
    let postgres = postgres.clone();
    let restarted = tokio::task::spawn_blocking(move || {
        postgres.cluster().map(|cluster| cluster.restart(Stop::Immediate))
    });
    restarted.await?.ok_or_else(|| anyhow::anyhow!("the database server is not ours"))??;
    Ok(())
}
