//! Agents who trade, and insist: a request is sent again under its key, at another server, until
//! somebody answers.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use marketplace_money::Timestamp;
use marketplace_registry::AgentKey;
use tokio::task::JoinHandle;

use super::ReplicasPlan;
use crate::load::{Agent, Connection, Reply, member};
use crate::sim::Rng;

/// One name for all servers, so that a token is good at each of them.
pub(super) const PUBLIC_URL: &str = "http://market.example";
pub(super) const PRICE_NANO: i64 = 10_000_000;
const PRICE: &str = "0.01";
const BUYERS: usize = 20;
const SELLERS: usize = 5;
/// For one command, over all its repetitions.
const PATIENCE: Duration = Duration::from_secs(120);
/// A server that is killed closes its connections; one whose database is gone may think for long.
const ANSWER: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(20);

/// What becomes of an order, as its parties want it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Flow {
    /// Delivery is acceptance.
    Automatic,
    /// Delivered and accepted.
    Accepted,
    /// The buyer thinks better of it.
    Cancelled,
    /// The seller does.
    Declined,
    /// Nobody delivers: the expiry refunds.
    Forgotten,
    /// Nobody looks at the delivery: the end of the review pays.
    Unreviewed,
    /// Nobody delivers again after the buyer wanted changes: the end of that time refunds.
    Unmended,
    /// Nobody transfers the money.
    Unpaid,
    /// The buyer cancels before it transfers.
    Withdrawn,
}

impl Flow {
    const WEIGHTS: [(u32, Self); 9] = [
        (3, Self::Automatic),
        (3, Self::Accepted),
        (2, Self::Cancelled),
        (1, Self::Declined),
        (2, Self::Forgotten),
        (2, Self::Unreviewed),
        (2, Self::Unmended),
        (2, Self::Unpaid),
        (1, Self::Withdrawn),
    ];

    /// The phase at the end.
    pub(super) const fn ending(self) -> &'static str {
        match self {
            Self::Automatic | Self::Accepted => "ACCEPTED",
            Self::Cancelled | Self::Withdrawn => "CANCELLED",
            Self::Declined => "DECLINED",
            Self::Forgotten | Self::Unmended => "NON_DELIVERY",
            Self::Unreviewed => "AUTO_RELEASED",
            Self::Unpaid => "UNPAID",
        }
    }

    /// Whether the seller gets the price.
    pub(super) const fn pays(self) -> bool {
        matches!(self, Self::Automatic | Self::Accepted | Self::Unreviewed)
    }

    const fn purchase(self) -> &'static str {
        match self {
            Self::Automatic => r#","acceptance_policy":"auto_on_delivery""#,
            Self::Unpaid | Self::Withdrawn => r#","payment":{"method":"transfer"}"#,
            _ => "",
        }
    }

    /// What follows the purchase: who, at which path, with which body.
    const fn steps(self) -> &'static [(Who, &'static str, &'static str)] {
        const DELIVER: (Who, &str, &str) = (Who::Seller, "deliver", r#"{"inline":"the work"}"#);
        match self {
            Self::Automatic | Self::Unreviewed => &[DELIVER],
            Self::Accepted => &[(Who::Seller, "start", ""), DELIVER, (Who::Buyer, "accept", "")],
            Self::Cancelled | Self::Withdrawn => &[(Who::Buyer, "cancel", "")],
            Self::Declined => &[(Who::Seller, "decline", "")],
            Self::Unmended => &[DELIVER, (Who::Buyer, "request-changes", r#"{"note":"shorter"}"#)],
            Self::Forgotten | Self::Unpaid => &[],
        }
    }
}

#[derive(Clone, Copy)]
enum Who {
    Buyer,
    Seller,
}

/// A command, and its answer.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) agent: Agent,
    pub(super) path: String,
    pub(super) body: String,
    pub(super) key: String,
    pub(super) reply: Reply,
}

/// An order that somebody was told of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placed {
    pub(super) flow: Flow,
    pub(super) seller: usize,
}

/// Who trades where, and what they were told.
pub(super) struct Market {
    pub(super) addresses: Vec<SocketAddr>,
    pub(super) sellers: Vec<(Agent, String)>,
    pub(super) operator: Agent,
    pub(super) closing: AtomicBool,
    pub(super) retries: AtomicUsize,
    buyers: Vec<Agent>,
    told: Mutex<Vec<Told>>,
    placed: Mutex<HashMap<String, Placed>>,
    clients: usize,
    seed: u64,
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Market {
    /// Enrolls everybody, while it is still quiet.
    pub(super) async fn open(
        addresses: &[SocketAddr],
        plan: &ReplicasPlan,
        operator: &AgentKey,
    ) -> anyhow::Result<Self> {
        let first = *addresses.first().ok_or_else(|| anyhow::anyhow!("there is no server"))?;
        let mut connection = Connection::open(first).await?;
        let now =
            Timestamp::from_micros(i64::try_from(std::time::UNIX_EPOCH.elapsed()?.as_micros())?);
        let operator = Agent::enroll_key(&mut connection, operator, PUBLIC_URL, now).await?;
        let (mut buyers, mut sellers) = (Vec::new(), Vec::new());
        for number in 0..BUYERS + SELLERS {
            let agent = Agent::enroll(&mut connection, PUBLIC_URL).await?;
            let token = Some(agent.token.as_str());
            let faucet = connection.send("POST", "/api/v1/wallet/faucet", token, "{}").await?;
            anyhow::ensure!(faucet.status == 200, "faucet: {}", faucet.body);
            if number < BUYERS {
                let body = r#"{"amount":"900"}"#;
                let deposit =
                    connection.send("POST", "/api/v1/wallet/deposit", token, body).await?;
                anyhow::ensure!(deposit.status == 200, "deposit: {}", deposit.body);
                buyers.push(agent);
                continue;
            }
            let body = format!(
                r#"{{"service_type":"computation","name":"Service {number}","description":"A service","price":"{PRICE}","terms":{{"delivery_seconds":60}}}}"#
            );
            let listed = connection.send("POST", "/api/v1/services/list", token, &body).await?;
            let listing = member(&listed, 201, "id")?;
            sellers.push((agent, listing));
        }
        Ok(Self {
            addresses: addresses.to_owned(),
            sellers,
            operator,
            closing: AtomicBool::new(false),
            retries: AtomicUsize::new(0),
            buyers,
            told: Mutex::default(),
            placed: Mutex::default(),
            clients: plan.clients,
            seed: plan.seed,
        })
    }

    /// Clients that trade until the market closes, each to the end of its last order.
    pub(super) fn spawn_clients(self: Arc<Self>) -> Vec<JoinHandle<anyhow::Result<()>>> {
        let clients = 0..self.clients;
        clients.map(|number| tokio::spawn(self.clone().trade(number))).collect()
    }

    /// Every answer that was given.
    pub(super) fn told(&self) -> Vec<Told> {
        held(&self.told).clone()
    }

    /// Every order that was acknowledged.
    pub(super) fn placed(&self) -> HashMap<String, Placed> {
        held(&self.placed).clone()
    }

    async fn trade(self: Arc<Self>, number: usize) -> anyhow::Result<()> {
        let mut rng = Rng::new(self.seed.wrapping_add(number as u64 + 1));
        for round in 0.. {
            if self.closing.load(Ordering::SeqCst) {
                break;
            }
            let flow = rng.weighted(&Flow::WEIGHTS).unwrap_or(Flow::Automatic);
            self.order(flow, &mut rng, &format!("{number}-{round}")).await?;
        }
        Ok(())
    }

    async fn order(&self, flow: Flow, rng: &mut Rng, name: &str) -> anyhow::Result<()> {
        let seller_number = rng.index(self.sellers.len());
        let (seller, listing) = &self.sellers[seller_number];
        let buyer = &self.buyers[rng.index(self.buyers.len())];
        let body = format!(r#"{{"listing_id":"{listing}"{}}}"#, flow.purchase());
        let create = "/api/v1/orders/create";
        let bought = self.insist(buyer, create, &body, &format!("{name}-buy"), rng).await?;
        if bought.body.contains("too_many_unfunded_orders") {
            return Ok(());
        }
        let order = member(&bought, 201, "order_id")?;
        held(&self.placed).insert(order.clone(), Placed { flow, seller: seller_number });
        self.tell(buyer, create, body, format!("{name}-buy"), bought);
        for (who, verb, body) in flow.steps() {
            let agent = match who {
                Who::Buyer => buyer,
                Who::Seller => seller,
            };
            let path = format!("/api/v1/orders/{order}/{verb}");
            let key = format!("{name}-{verb}");
            let reply = self.insist(agent, &path, body, &key, rng).await?;
            anyhow::ensure!(
                reply.status == 200,
                "{flow:?} {path}: {} {}",
                reply.status,
                reply.body
            );
            self.tell(agent, &path, (*body).to_owned(), key, reply);
        }
        Ok(())
    }

    fn tell(&self, agent: &Agent, path: &str, body: String, key: String, reply: Reply) {
        let (agent, path) = (agent.clone(), path.to_owned());
        held(&self.told).push(Told { agent, path, body, key, reply });
    }

    /// Sends the same request under the same key until it is answered, well or not.
    pub(super) async fn insist(
        &self,
        agent: &Agent,
        path: &str,
        body: &str,
        key: &str,
        rng: &mut Rng,
    ) -> anyhow::Result<Reply> {
        let deadline = Instant::now() + PATIENCE;
        let mut last = String::new();
        while Instant::now() < deadline {
            let address = self.addresses[rng.index(self.addresses.len())];
            let asked = async {
                let mut connection = Connection::open(address).await?;
                connection.send_keyed("POST", path, Some(&agent.token), Some(key), body).await
            };
            match tokio::time::timeout(ANSWER, asked).await {
                Ok(Ok(reply)) if reply.status < 500 && reply.status != 429 => return Ok(reply),
                Ok(Ok(reply)) => last = format!("HTTP {}: {}", reply.status, reply.body),
                Ok(Err(error)) => last = error.to_string(),
                Err(late) => last = late.to_string(),
            }
            self.retries.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(PAUSE).await;
        }
        anyhow::bail!("{path} {body} was never answered: {last}")
    }
}
