//! Agents with keys, access tokens, balances and listings, made through the wire.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use marketplace_money::{Seconds, Timestamp};
use marketplace_registry::{AgentKey, fresh_nonce};

use super::http::{Connection, Reply};

/// An agent of the load.
#[derive(Clone, Debug)]
pub struct Agent {
    /// Its did:key.
    pub did: String,
    /// Its access token.
    pub token: String,
}

/// Who trades.
#[derive(Clone, Debug)]
pub struct Population {
    /// With a balance in the marketplace.
    pub buyers: Vec<Agent>,
    /// With the id of their listing.
    pub sellers: Vec<(Agent, String)>,
}

impl Agent {
    /// Makes a key, proves it, and gets an access token.
    ///
    /// # Errors
    /// When the server does not give one.
    pub async fn enroll(connection: &mut Connection, audience: &str) -> anyhow::Result<Self> {
        Self::enroll_key(connection, &AgentKey::generate()?, audience, now()?).await
    }

    /// Proves a key at the server's time `now` and gets an access token.
    ///
    /// # Errors
    /// When the server does not give one.
    pub async fn enroll_key(
        connection: &mut Connection,
        key: &AgentKey,
        audience: &str,
        now: Timestamp,
    ) -> anyhow::Result<Self> {
        let proof = key.mint(audience, now, Seconds(300), &fresh_nonce()?);
        let reply = connection.send("POST", "/api/v1/auth/token", Some(&proof), "").await?;
        let token = member(&reply, 200, "access_token")?;
        Ok(Self { did: key.did().to_string(), token })
    }
}

impl Agent {
    /// Takes its share of the faucet.
    ///
    /// # Errors
    /// When the server says no.
    pub async fn take_play_money(&self, connection: &mut Connection) -> anyhow::Result<()> {
        let token = Some(self.token.as_str());
        let faucet = connection.send("POST", "/api/v1/wallet/faucet", token, "{}").await?;
        anyhow::ensure!(faucet.status == 200, "faucet: {}", faucet.body);
        Ok(())
    }

    /// Brings 900 AVT into the marketplace.
    ///
    /// # Errors
    /// When the server says no.
    pub async fn deposit(&self, connection: &mut Connection) -> anyhow::Result<()> {
        let (token, body) = (Some(self.token.as_str()), r#"{"amount":"900"}"#);
        let deposit = connection.send("POST", "/api/v1/wallet/deposit", token, body).await?;
        anyhow::ensure!(deposit.status == 200, "deposit: {}", deposit.body);
        Ok(())
    }
}

/// What this machine's clock says.
///
/// # Errors
/// When it is far from where it should be.
pub fn now() -> anyhow::Result<Timestamp> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(Timestamp::from_micros(i64::try_from(now.as_micros())?))
}

/// A text member of an expected answer.
///
/// # Errors
/// When the answer is another.
pub fn member(reply: &Reply, status: u16, name: &str) -> anyhow::Result<String> {
    anyhow::ensure!(reply.status == status, "HTTP {}: {}", reply.status, reply.body);
    let text = reply.text_of(name);
    Ok(text.ok_or_else(|| anyhow::anyhow!("no {name} in {}", reply.body))?.to_owned())
}

impl Population {
    /// Enrolls buyers with 900 AVT each in the marketplace, and sellers with one listing each at
    /// `price`.
    ///
    /// # Errors
    /// When the server refuses any of it.
    pub async fn enroll(
        address: SocketAddr,
        buyers: usize,
        sellers: usize,
        price: &str,
    ) -> anyhow::Result<Self> {
        let numbers = Arc::new(AtomicUsize::new(0));
        let desks = (0..DESKS).map(|_| {
            let (numbers, price) = (numbers.clone(), price.to_owned());
            tokio::spawn(async move {
                Desk::open(address).await?.serve(&numbers, buyers, sellers, &price).await
            })
        });
        let mut population = Self { buyers: Vec::new(), sellers: Vec::new() };
        for desk in desks.collect::<Vec<_>>() {
            let served = desk.await??;
            population.buyers.extend(served.buyers);
            population.sellers.extend(served.sellers);
        }
        Ok(population)
    }
}

/// Agents that are enrolled side by side.
const DESKS: usize = 16;

struct Desk {
    connection: Connection,
    audience: String,
}

impl Desk {
    async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let connection = Connection::open(address).await?;
        Ok(Self { connection, audience: format!("http://{address}") })
    }

    /// Enrolls one after the other until all numbers are taken.
    async fn serve(
        mut self,
        numbers: &AtomicUsize,
        buyers: usize,
        sellers: usize,
        price: &str,
    ) -> anyhow::Result<Population> {
        let mut served = Population { buyers: Vec::new(), sellers: Vec::new() };
        loop {
            let number = numbers.fetch_add(1, Ordering::Relaxed);
            if number < buyers {
                served.buyers.push(self.buyer().await?);
            } else if number < buyers + sellers {
                served.sellers.push(self.seller(number - buyers, price).await?);
            } else {
                return Ok(served);
            }
        }
    }

    async fn newcomer(&mut self) -> anyhow::Result<Agent> {
        let agent = Agent::enroll(&mut self.connection, &self.audience).await?;
        agent.take_play_money(&mut self.connection).await?;
        Ok(agent)
    }

    async fn buyer(&mut self) -> anyhow::Result<Agent> {
        let agent = self.newcomer().await?;
        agent.deposit(&mut self.connection).await?;
        Ok(agent)
    }

    async fn seller(&mut self, number: usize, price: &str) -> anyhow::Result<(Agent, String)> {
        let agent = self.newcomer().await?;
        let body = format!(
            r#"{{"type":"list_service","from":"{}","service":{{"type":"computation","name":"Load {number}","description":"A service for load tests","price":"{price}"}}}}"#,
            agent.did
        );
        let token = Some(agent.token.as_str());
        let listing = self.connection.send("POST", "/a2a/message", token, &body).await?;
        let listing = member(&listing, 200, "listing_id")?;
        Ok((agent, listing))
    }
}
