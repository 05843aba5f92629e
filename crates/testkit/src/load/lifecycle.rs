//! Whole lifecycles: a purchase with `auto_on_delivery`, then the provider's `order_complete`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::agents::Population;
use super::figures::Figures;
use super::http::Connection;

/// How hard, and how long.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Connections.
    pub clients: usize,
    /// Not counted, first.
    pub warm_up: Duration,
    /// Counted.
    pub length: Duration,
    /// Sellers to spread over; 1 for the hot seller.
    pub sellers: usize,
}

/// Drives the servers with all clients at once; the clients are dealt out to them in turn.
///
/// # Errors
/// When a connection cannot be made.
pub async fn drive(
    addresses: &[SocketAddr],
    population: Arc<Population>,
    plan: Plan,
) -> anyhow::Result<Figures> {
    let start = Instant::now() + plan.warm_up;
    let end = start + plan.length;
    let mut clients = Vec::new();
    for number in 0..plan.clients {
        let address = addresses.get(number % addresses.len().max(1));
        let address = address.ok_or_else(|| anyhow::anyhow!("no server to drive"))?;
        let connection = Connection::open(*address).await?;
        let client = Client { number, connection, population: population.clone(), plan };
        clients.push(tokio::spawn(client.run(start, end)));
    }
    let mut figures = Figures::over(plan.length);
    for client in clients {
        figures.join(&client.await?);
    }
    Ok(figures)
}

struct Client {
    number: usize,
    connection: Connection,
    population: Arc<Population>,
    plan: Plan,
}

impl Client {
    async fn run(mut self, start: Instant, end: Instant) -> Figures {
        let mut figures = Figures::default();
        let mut round = self.number;
        while Instant::now() < end {
            let begun = Instant::now();
            // A step that is prime to the numbers of buyers and sellers visits all of them.
            round = round.wrapping_add(7_919);
            let done = self.lifecycle(round).await;
            if begun < start {
                continue;
            }
            match done {
                Ok(true) => figures.record(begun.elapsed()),
                Ok(false) => figures.failures += 1,
                Err(_) => {
                    figures.failures += 1;
                    return figures;
                }
            }
        }
        figures
    }

    async fn lifecycle(&mut self, round: usize) -> anyhow::Result<bool> {
        let buyer = &self.population.buyers[round % self.population.buyers.len()];
        let sellers = self.plan.sellers.min(self.population.sellers.len());
        let (seller, listing) = &self.population.sellers[(round / 3) % sellers];
        let body = format!(
            r#"{{"type":"purchase_request","from":"{}","listing_id":"{listing}","acceptance_policy":"auto_on_delivery"}}"#,
            buyer.did
        );
        let token = Some(buyer.token.as_str());
        let bought = self.connection.send("POST", "/a2a/message", token, &body).await?;
        let Some(order) = bought.text_of("order_id") else { return Ok(false) };
        let body =
            format!(r#"{{"type":"order_complete","from":"{}","order_id":"{order}"}}"#, seller.did);
        let token = Some(seller.token.as_str());
        let done = self.connection.send("POST", "/a2a/message", token, &body).await?;
        Ok(done.text_of("order_status") == Some("COMPLETED"))
    }
}
