//! Whether everything that was acknowledged is there, once, and nothing else.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use marketplace_money::{Amount, Timestamp};
use marketplace_ports::{SealedEvent, Store, Subject};
use marketplace_postgres_cluster::Database;
use marketplace_registry::AgentKey;
use marketplace_store_postgres::{Options, PostgresStore};
use serde_json::Value;

use super::ReplicasReport;
use super::clients::{Flow, Market, PRICE_NANO, PUBLIC_URL, Placed, Told};
use crate::load::{Agent, Connection, member};
use crate::sim::Rng;

const PAGE: u32 = 5_000;
const SIDE_BY_SIDE: usize = 8;
const PATIENCE: Duration = Duration::from_secs(60);

/// What was found.
pub(super) struct Judged {
    pub(super) figures: ReplicasReport,
    /// The positions that each reader must have seen.
    pub(super) feeds: Vec<Vec<u64>>,
}

pub(super) async fn judge(
    database: &Database,
    market: &Arc<Market>,
    operator: &AgentKey,
) -> anyhow::Result<Judged> {
    let told = market.told();
    repeat_all(market, &told).await?;
    let placed = market.placed();
    let store = PostgresStore::open(&database.url(), Options::default()).await?;
    store.settle().await?;
    let events = events(&store).await?;
    let endings = check_orders(&events, &placed)?;
    check_sellers(market, &placed).await?;
    check_tables(database, placed.len())?;
    let audit = store.audit().await?;
    anyhow::ensure!(audit.breaches().is_empty(), "the books: {:?}", audit.breaches());
    anyhow::ensure!(audit.late_timers == 0, "{} timers are late", audit.late_timers);
    check_reserves(market, operator).await?;
    let mut feeds = vec![events.iter().map(|event| event.position).collect()];
    for (seller, _) in &market.sellers {
        let its =
            |event: &&SealedEvent| event.audience.iter().any(|did| did.as_str() == seller.did);
        feeds.push(events.iter().filter(its).map(|event| event.position).collect());
    }
    let figures = ReplicasReport {
        endings,
        commands: told.len(),
        retries: market.retries.load(Ordering::Relaxed),
        events: events.len(),
        ..ReplicasReport::default()
    };
    Ok(Judged { figures, feeds })
}

/// The same key gives the same answer, byte for byte, at whatever server.
async fn repeat_all(market: &Arc<Market>, told: &[Told]) -> anyhow::Result<()> {
    let share = told.len().div_ceil(SIDE_BY_SIDE).max(1);
    let mut tasks = Vec::new();
    for (number, part) in told.chunks(share).enumerate() {
        let (market, part) = (market.clone(), part.to_vec());
        tasks.push(tokio::spawn(async move {
            let mut rng = Rng::new(number as u64);
            for Told { agent, path, body, key, reply } in part {
                let again = market.insist(&agent, &path, &body, &key, &mut rng).await?;
                anyhow::ensure!(again == reply, "{path} {key}: {reply:?} before, now {again:?}");
            }
            Ok(())
        }));
    }
    for task in tasks {
        task.await??;
    }
    Ok(())
}

/// All events, which have their positions from 1 without a gap, and names of their own.
async fn events(store: &PostgresStore) -> anyhow::Result<Vec<SealedEvent>> {
    let mut events: Vec<SealedEvent> = Vec::new();
    loop {
        let after = events.last().map_or(0, |event| event.position);
        let page = store.events_after(after, PAGE).await?;
        if page.is_empty() {
            break;
        }
        events.extend(page);
    }
    let mut ids = HashSet::new();
    for (event, position) in events.iter().zip(1..) {
        anyhow::ensure!(event.position == position, "event {position} is missing");
        anyhow::ensure!(ids.insert(event.id), "event {position} is there twice");
    }
    Ok(events)
}

/// Each acknowledged order and no other went its way: all orders of a flow have the same events,
/// none of them twice, and the last of them is the end that the flow has.
fn check_orders(
    events: &[SealedEvent],
    placed: &HashMap<String, Placed>,
) -> anyhow::Result<BTreeMap<String, usize>> {
    let mut lives: HashMap<String, Vec<&SealedEvent>> = HashMap::new();
    for event in events {
        if let Subject::Order(id) = event.subject {
            lives.entry(id.to_string()).or_default().push(event);
        }
    }
    anyhow::ensure!(
        lives.len() == placed.len(),
        "{} orders are there, {} were acknowledged",
        lives.len(),
        placed.len()
    );
    let (mut ways, mut endings) = (HashMap::<Flow, Vec<&str>>::new(), BTreeMap::new());
    for (order, Placed { flow, .. }) in placed {
        let life = lives.get(order).map_or(&[][..], Vec::as_slice);
        let names: Vec<&str> = life.iter().map(|event| event.name.as_str()).collect();
        let different: HashSet<&&str> = names.iter().collect();
        anyhow::ensure!(different.len() == names.len(), "{flow:?} {order}: {names:?}");
        let way = ways.entry(*flow).or_insert_with(|| names.clone());
        anyhow::ensure!(*way == names, "{flow:?} {order}: {names:?}, others {way:?}");
        let end =
            life.last().map(|event| serde_json::from_str::<Value>(&event.data)).transpose()?;
        let phase = end.as_ref().and_then(|data| data["phase"].as_str()).unwrap_or("nothing");
        anyhow::ensure!(phase == flow.ending(), "{flow:?} {order} ended as {phase}");
        *endings.entry(phase.to_owned()).or_default() += 1;
    }
    Ok(endings)
}

/// Each seller has the price of each order that paid, once.
async fn check_sellers(market: &Market, placed: &HashMap<String, Placed>) -> anyhow::Result<()> {
    let address = market.addresses.first().ok_or_else(|| anyhow::anyhow!("no server"))?;
    let mut connection = Connection::open(*address).await?;
    for (number, (seller, _)) in market.sellers.iter().enumerate() {
        let paid = placed.values().filter(|order| order.seller == number && order.flow.pays());
        let expected = Amount::from_nano(PRICE_NANO * i64::try_from(paid.count())?);
        let wallet = connection.send("GET", "/api/v1/wallet", Some(&seller.token), "").await?;
        let available = member(&wallet, 200, "available")?;
        anyhow::ensure!(available == expected.to_string(), "{available}, not {expected}");
    }
    Ok(())
}

/// No order and no timer that nobody knows of.
fn check_tables(database: &Database, orders: usize) -> anyhow::Result<()> {
    let counts = "SELECT (SELECT count(*) FROM orders),
                         (SELECT count(*) FROM timers WHERE subject LIKE 'order%')";
    let found = database.sql(counts)?;
    anyhow::ensure!(found == format!("{orders}|0"), "orders|timers of orders: {found}");
    Ok(())
}

/// The TEG holds what the books say.
async fn check_reserves(market: &Market, operator: &AgentKey) -> anyhow::Result<()> {
    let address = market.addresses.last().ok_or_else(|| anyhow::anyhow!("no server"))?;
    let deadline = Instant::now() + PATIENCE;
    let mut last = String::new();
    while Instant::now() < deadline {
        let mut connection = Connection::open(*address).await?;
        let now = i64::try_from(std::time::UNIX_EPOCH.elapsed()?.as_micros())?;
        let now = Timestamp::from_micros(now);
        let agent = Agent::enroll_key(&mut connection, operator, PUBLIC_URL, now).await?;
        let audit = connection.send("GET", "/api/v1/admin/audit", Some(&agent.token), "").await?;
        let json: Value = serde_json::from_str(&audit.body)?;
        let reserves = &json["reserves"];
        if reserves["held"].is_string() && reserves["held"] == reserves["booked"] {
            return Ok(());
        }
        last = audit.body;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    anyhow::bail!("TEG and books do not agree: {last}")
}
