//! An agent of the crowd.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use marketplace_money::Timestamp;
use marketplace_registry::AgentKey;

use super::board::Board;
use super::errand::{Errand, Request};
use super::tally::{Outcome, Tally};
use crate::load::{Agent, Caller, Connection, Reply};
use crate::sim::Rng;

/// What the machine's clock, or a test's, says.
type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Who trades where.
#[derive(Clone)]
pub struct CrowdPlan {
    /// The servers; agents are dealt out to them in turn.
    pub servers: Vec<SocketAddr>,
    /// What the servers call themselves; by default `http://` and the address of each.
    pub audience: Option<String>,
    /// How many.
    pub agents: usize,
    /// Mean time between an answer and the next request of an agent.
    pub think: Duration,
    /// Of everything that the agents choose.
    pub seed: u64,
    /// The servers' time.
    pub clock: Clock,
}

/// Agents that share a market.
pub struct Crowd {
    /// Each with a balance and one listing.
    pub traders: Vec<Trader>,
    /// What they asked.
    pub tally: Arc<Tally>,
    board: Arc<Board>,
}

/// Agents that are enrolled side by side.
const DESKS: usize = 16;
/// The listings that all agents together keep at most; the card allows 10,000.
const LISTINGS: usize = 8_000;
/// A new access token is fetched after so long; one lives 15 minutes.
const TOKEN_AGE: Duration = Duration::from_secs(600);
/// No answer takes as long.
const PATIENCE: Duration = Duration::from_secs(60);
/// In a thousand: an agent with work to do does it now.
const DILIGENCE: u32 = 800;

impl Crowd {
    /// Enrolls everybody: a key, a token, 900 AVT of play money in the marketplace, a listing.
    ///
    /// # Errors
    /// When the server refuses any of it.
    pub async fn enroll(plan: &CrowdPlan) -> anyhow::Result<Self> {
        anyhow::ensure!(!plan.servers.is_empty(), "there is no server to trade at");
        let (tally, board) = (Arc::new(Tally::default()), Arc::new(Board::default()));
        let next = Arc::new(AtomicUsize::new(0));
        let desks: Vec<_> = (0..DESKS.min(plan.agents))
            .map(|_| {
                let (plan, tally, board) = (plan.clone(), tally.clone(), board.clone());
                let next = next.clone();
                tokio::spawn(async move {
                    let mut enrolled = Vec::new();
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= plan.agents {
                            return anyhow::Ok(enrolled);
                        }
                        let (tally, board) = (tally.clone(), board.clone());
                        enrolled.push(Trader::enroll(number, &plan, tally, board).await?);
                    }
                })
            })
            .collect();
        let mut traders = Vec::with_capacity(plan.agents);
        for desk in desks {
            traders.extend(desk.await??);
        }
        traders.sort_by_key(|trader| trader.number);
        tally.begin();
        Ok(Self { traders, tally, board })
    }

    /// What the agents have still to do for each other.
    #[must_use]
    pub fn open_jobs(&self) -> usize {
        self.board.open_jobs()
    }
}

/// One agent, with a connection of its own. It asks one thing at a time.
pub struct Trader {
    number: usize,
    server: SocketAddr,
    audience: String,
    key: AgentKey,
    agent: Agent,
    enrolled: Instant,
    connection: Option<Connection>,
    think: Duration,
    clock: Clock,
    rng: Rng,
    tally: Arc<Tally>,
    board: Arc<Board>,
    own: Vec<String>,
    most_listings: usize,
    wish: Option<(String, usize)>,
    last_order: Option<String>,
}

impl Trader {
    async fn enroll(
        number: usize,
        plan: &CrowdPlan,
        tally: Arc<Tally>,
        board: Arc<Board>,
    ) -> anyhow::Result<Self> {
        let server = plan.servers[number % plan.servers.len()];
        let audience = plan.audience.clone().unwrap_or_else(|| format!("http://{server}"));
        let key = AgentKey::generate()?;
        let mut connection = Connection::open(server).await?;
        let agent = Agent::enroll_key(&mut connection, &key, &audience, (plan.clock)()).await?;
        agent.take_play_money(&mut connection).await?;
        agent.deposit(&mut connection).await?;
        let mut trader = Self {
            number,
            server,
            audience,
            key,
            agent,
            enrolled: Instant::now(),
            connection: Some(connection),
            think: plan.think,
            clock: plan.clock.clone(),
            rng: Rng::new(plan.seed.wrapping_add(number as u64)),
            tally,
            board,
            own: Vec::new(),
            most_listings: (LISTINGS / plan.agents.max(1)).clamp(1, 3),
            wish: None,
            last_order: None,
        };
        let listed = trader.run(Errand::List, Instant::now()).await;
        anyhow::ensure!(listed, "an agent cannot list: see above");
        Ok(trader)
    }

    /// What it does next.
    fn choose(&mut self) -> Errand {
        if self.rng.chance(DILIGENCE)
            && let Some(job) = self.board.take(self.number)
        {
            return Errand::of(job, &mut self.rng);
        }
        match self.rng.below(100) {
            0..48 => Errand::Search,
            48..80 => self.purchase().unwrap_or(Errand::Search),
            80..85 if self.own.len() < self.most_listings => Errand::List,
            // The last one stays: somebody has it in view.
            80..85 if self.own.len() > 1 => Errand::Delist(self.own.swap_remove(0)),
            85..93 => self.last_order.clone().map_or(Errand::Wallet, Errand::Escrow),
            93..97 => Errand::Orders,
            _ => Errand::Wallet,
        }
    }

    /// What it found last, or anything.
    fn purchase(&mut self) -> Option<Errand> {
        let wish = self.wish.take().or_else(|| self.board.any(&mut self.rng));
        let (listing, seller) = wish.filter(|(_, seller)| *seller != self.number)?;
        Some(Errand::Purchase { listing, seller, automatic: self.rng.chance(300) })
    }

    /// Asks once, notes what became of it, and lets the others know. True when it was no error.
    async fn run(&mut self, errand: Errand, due: Instant) -> bool {
        let kind = errand.kind();
        let request = errand.request(&mut self.rng);
        if let Errand::Delist(listing) = &errand {
            self.board.delist(listing);
        }
        let (outcome, words) = match self.ask(&request).await {
            Ok(reply) => {
                let outcome = Outcome::of(&reply);
                if outcome == Outcome::Done {
                    self.learn(&errand, &reply);
                    errand.tell(self.number, &reply, &self.board);
                }
                (outcome, format!("{} {}", reply.status, reply.body))
            }
            Err(error) => {
                self.connection = None;
                (Outcome::Failed("no answer".to_owned()), error.to_string())
            }
        };
        self.tally.record(kind, &outcome, due.elapsed());
        self.tally.show_once(
            kind,
            &outcome,
            &format!("{} {}: {words}", request.path, request.body),
        );
        !matches!(outcome, Outcome::Failed(_))
    }

    fn learn(&mut self, errand: &Errand, reply: &Reply) {
        match errand {
            Errand::List => {
                let Some(id) = reply.text_of("id") else { return };
                self.own.push(id.to_owned());
                self.board.list(id.to_owned(), self.number);
            }
            Errand::Search => {
                let marker = "\"id\":\"";
                let found = reply.body.match_indices(marker).filter_map(|(at, _)| {
                    let id = reply.body[at + marker.len()..].split('"').next()?;
                    Some((id, self.board.seller(id)?))
                });
                let found: Vec<_> = found.filter(|(_, seller)| *seller != self.number).collect();
                let wish = self.rng.pick(&found);
                self.wish = wish.map(|(id, seller)| ((*id).to_owned(), *seller));
            }
            Errand::Purchase { .. } => {
                self.last_order = reply.text_of("order_id").map(str::to_owned);
            }
            _ => {}
        }
    }

    async fn ask(&mut self, request: &Request) -> anyhow::Result<Reply> {
        let asked = tokio::time::timeout(PATIENCE, async {
            if self.connection.as_ref().is_none_or(|connection| !connection.is_open()) {
                self.connection = Some(Connection::open(self.server).await?);
            }
            let connection = self.connection.as_mut();
            let connection = connection.ok_or_else(|| anyhow::anyhow!("no connection"))?;
            if self.enrolled.elapsed() > TOKEN_AGE {
                let now = (self.clock)();
                self.agent = Agent::enroll_key(connection, &self.key, &self.audience, now).await?;
                self.enrolled = Instant::now();
            }
            let token = Some(self.agent.token.as_str());
            anyhow::Ok(connection.send(request.method, &request.path, token, &request.body).await?)
        });
        asked.await.map_err(|_| anyhow::anyhow!("no answer in {PATIENCE:?}"))?
    }

    /// Uniform from nothing to twice the mean.
    fn pause(&mut self) -> Duration {
        let most = u64::try_from(self.think.as_micros()).unwrap_or(0) * 2;
        Duration::from_micros(self.rng.below(most + 1))
    }
}

impl Caller for Trader {
    /// One request. Agents that think count from when they have thought.
    async fn call(&mut self, _: u64, due: Instant) -> bool {
        let due = if self.think.is_zero() {
            due
        } else {
            tokio::time::sleep(self.pause()).await;
            Instant::now()
        };
        let errand = self.choose();
        self.run(errand, due).await
    }
}
