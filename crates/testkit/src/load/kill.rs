//! kill -9 under load: after each restart the books must balance, and everything that was
//! acknowledged must be there.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::agents::Population;
use super::audit::audit;
use super::http::Connection;
use super::process::ServerProcess;
use marketplace_registry::AgentKey;

/// What the clients were told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// The purchase succeeded.
    Bought,
    /// The completion succeeded.
    Completed,
}

#[derive(Default)]
struct History {
    orders: Mutex<HashMap<String, (usize, Told)>>,
    acknowledged: AtomicUsize,
}

/// What a run of kills found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KillReport {
    /// How often the server was killed.
    pub kills: usize,
    /// Acknowledged purchases, each found again after every restart.
    pub purchases: usize,
    /// Acknowledged completions among them.
    pub completions: usize,
    /// The slowest restart until ready, in milliseconds.
    pub slowest_restart_ms: u128,
}

const BUYERS: usize = 20;
const SELLERS: usize = 5;
const CLIENTS: usize = 16;

/// Kills the server `kills` times under load, each time after `acks` more acknowledged commands.
///
/// # Errors
/// When an acknowledged purchase is missing, a completion is undone, or the books do not balance.
pub async fn kill_under_load(
    binary: &Path,
    folder: &Path,
    kills: usize,
    acks: usize,
) -> anyhow::Result<KillReport> {
    let operator = AgentKey::generate()?;
    let operators = operator.did().to_string();
    let environment = [
        ("FAUCET", "on"),
        ("OPERATOR_DIDS", operators.as_str()),
        // Orders that are left open are what is looked for.
        ("EXPOSURE_BASE", "off"),
    ];
    let mut server = ServerProcess::start(binary, folder, &environment).await?;
    let population = Population::enroll(server.address, BUYERS, SELLERS, "0.01").await?;
    let population = Arc::new(population);
    let history = Arc::new(History::default());
    let mut report = KillReport { kills, ..KillReport::default() };
    for _ in 0..kills {
        let target = history.acknowledged.load(Ordering::Relaxed) + acks;
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let (population, history) = (population.clone(), history.clone());
                tokio::spawn(trade(server.address, population, history, number))
            })
            .collect();
        while history.acknowledged.load(Ordering::Relaxed) < target {
            anyhow::ensure!(!clients.iter().all(|c| c.is_finished()), "all clients gave up");
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        server.kill()?;
        for client in clients {
            client.await?;
        }
        let begun = std::time::Instant::now();
        server = ServerProcess::start(binary, folder, &environment).await?;
        report.slowest_restart_ms = report.slowest_restart_ms.max(begun.elapsed().as_millis());
        check(&server, &operator, &population, &history).await?;
    }
    let orders = history.orders.lock().unwrap_or_else(PoisonError::into_inner);
    report.purchases = orders.len();
    report.completions = orders.values().filter(|(_, told)| *told == Told::Completed).count();
    Ok(report)
}

/// Buys and completes until the connection breaks. One purchase in three is left open.
async fn trade(
    address: SocketAddr,
    population: Arc<Population>,
    history: Arc<History>,
    number: usize,
) {
    let Ok(mut connection) = Connection::open(address).await else { return };
    for round in (number..).step_by(CLIENTS) {
        let buyer = round % population.buyers.len();
        let (seller, listing) = &population.sellers[round % population.sellers.len()];
        let agent = &population.buyers[buyer];
        let body = format!(
            r#"{{"type":"purchase_request","from":"{}","listing_id":"{listing}","acceptance_policy":"auto_on_delivery"}}"#,
            agent.did
        );
        let Ok(reply) = connection.send("POST", "/a2a/message", Some(&agent.token), &body).await
        else {
            return;
        };
        let Some(order) = reply.text_of("order_id") else { return };
        history.tell(order, buyer, Told::Bought);
        if round % 3 == 0 {
            continue;
        }
        let body =
            format!(r#"{{"type":"order_complete","from":"{}","order_id":"{order}"}}"#, seller.did);
        let Ok(done) = connection.send("POST", "/a2a/message", Some(&seller.token), &body).await
        else {
            return;
        };
        if done.text_of("order_status") == Some("COMPLETED") {
            history.tell(order, buyer, Told::Completed);
        }
    }
}

impl History {
    fn tell(&self, order: &str, buyer: usize, told: Told) {
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        orders.insert(order.to_owned(), (buyer, told));
        self.acknowledged.fetch_add(1, Ordering::Relaxed);
    }
}

async fn check(
    server: &ServerProcess,
    operator: &AgentKey,
    population: &Population,
    history: &History,
) -> anyhow::Result<()> {
    let mut connection = Connection::open(server.address).await?;
    let orders = {
        let orders = history.orders.lock().unwrap_or_else(PoisonError::into_inner);
        orders.clone()
    };
    for (order, (buyer, told)) in &orders {
        let token = &population.buyers[*buyer].token;
        let path = format!("/api/v1/escrow/{order}");
        let reply = connection.send("GET", &path, Some(token), "").await?;
        anyhow::ensure!(reply.status == 200, "acknowledged order {order}: {}", reply.body);
        let status = reply.text_of("status").unwrap_or_default();
        let fits = match told {
            Told::Bought => matches!(status, "ESCROW_FUNDED" | "COMPLETED"),
            Told::Completed => status == "COMPLETED",
        };
        anyhow::ensure!(fits, "order {order} is {status}, its client was told {told:?}");
    }
    audit(server.address, operator, &format!("http://{}", server.address)).await?;
    Ok(())
}
