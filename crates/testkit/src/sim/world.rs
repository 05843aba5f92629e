//! The world of a run: clock, store, TEG, web, and the replicas that live and die in it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use marketplace_contract_kit::{FakeFetcher, FakeTeg, ManualClock, MemoryStore};
use marketplace_engine::{Config, Edges, Error, Marketplace, OperatorSet, Pace, Worked, Worker};
use marketplace_money::{Amount, Did, Seconds, Timestamp};
use marketplace_ports::Store;
use tokio::task::JoinHandle;

use super::attempts::{Outcome, Sending};
use super::edges::{SimTeg, SimWeb, Wire};
use super::gate::Gate;
use super::ids::{CAUSE, SeededIds};
use super::lock;
use super::options::Profile;
use super::rng::Rng;
use super::shadow::Shadow;
use super::store::SimStore;

/// What tasks tell the scheduler when they are done.
pub(crate) enum News {
    Opened(u32, Result<(Marketplace, Worker), Error>),
    Answered(u32, u64, Sending, Outcome),
    Ticked(u32, Worker, Result<Worked, Error>),
}

pub(crate) type Inbox = Arc<Mutex<Vec<News>>>;

/// A request under way.
pub(crate) struct Request {
    pub(crate) number: u64,
    pub(crate) sending: Sending,
    pub(crate) task: JoinHandle<()>,
}

/// Where a replica is.
pub(crate) enum Stage {
    Down,
    Opening(JoinHandle<()>),
    Up(Box<Up>),
}

pub(crate) struct Up {
    pub(crate) market: Marketplace,
    pub(crate) worker: Option<Worker>,
    pub(crate) tick: Option<JoinHandle<()>>,
}

/// A server with its worker.
pub(crate) struct Replica {
    pub(crate) life: u32,
    pub(crate) stage: Stage,
    pub(crate) requests: Vec<Request>,
}

/// Everything outside the engine.
pub(crate) struct World {
    pub(crate) clock: ManualClock,
    pub(crate) store: MemoryStore,
    pub(crate) shadow: Arc<Mutex<Shadow>>,
    pub(crate) teg: FakeTeg,
    pub(crate) wire: Wire,
    pub(crate) web: FakeFetcher,
    pub(crate) gate: Gate,
    pub(crate) inbox: Inbox,
    pub(crate) us: Did,
    pub(crate) agents: Vec<Did>,
    /// Who judges, and does nothing else.
    pub(crate) jurors: Vec<Did>,
    /// Who decides on withdrawals that wait.
    pub(crate) operator: Did,
    /// What each agent, and we, had in the beginning.
    pub(crate) gift: Amount,
    pub(crate) capital: Amount,
    pub(crate) replicas: Vec<Replica>,
    /// Downtime as it was, whatever the store makes of it.
    pub(crate) gaps: Vec<(Timestamp, Timestamp)>,
    pub(crate) requests: u64,
    config: Config,
    pulls: bool,
    ids: Arc<SeededIds>,
    lives: u32,
    last_beat: Option<Timestamp>,
}

/// Enough for a panel of three and the larger one of an appeal.
const JURORS: usize = 11;
const SHORTEST_GAP: Seconds = Seconds(30);
const HEARTBEAT: Seconds = Seconds(5);
/// As in a deployment, but for the looks at the reserves: each makes a dozen calls.
const PACE: Pace = Pace { reserves: Seconds(1_800), ..Pace::DEFAULT };

impl World {
    pub(crate) fn new(profile: &Profile, rng: &mut Rng) -> Self {
        let clock = ManualClock::default();
        let us: Did = "did:sim:marketplace".parse().expect("a DID");
        let named = |index: usize| format!("did:sim:agent-{index}").parse().expect("a DID");
        let agents: Vec<Did> = (0..profile.agents).map(named).collect();
        let teg = FakeTeg::new(us.clone(), clock.clone());
        let (gift, capital) = (Amount::from_avt(1_000), Amount::from_avt(2_000));
        let judge = |index: usize| format!("did:sim:juror-{index}").parse().expect("a DID");
        let jurors: Vec<Did> = (0..JURORS).map(judge).collect();
        agents.iter().chain(&jurors).for_each(|agent| teg.issue(agent, gift));
        teg.issue(&us, capital);
        teg.set_fees(profile.teg_fee);
        for agent in &agents {
            teg.set_reputation(agent, rng.within(-60, 100));
        }
        let operator: Did = "did:sim:operator".parse().expect("a DID");
        let config = Config {
            expiry: profile.expiry,
            max_listings: profile.max_listings,
            batch_limit: profile.batch_limit,
            queue_limit: profile.queue_limit,
            max_unfunded_orders: 3,
            transfer_key_life: profile.key_life,
            publish_reserves: Seconds::from_hours(6),
            exposure_base: profile.exposure_base,
            operators: OperatorSet { keys: vec![operator.clone()], needed: 1 },
            ..Config::original(us.clone())
        };
        let down = |_| Replica { life: 0, stage: Stage::Down, requests: Vec::new() };
        Self {
            store: MemoryStore::new(clock.clone()),
            clock,
            shadow: Arc::default(),
            teg,
            wire: Wire::default(),
            web: FakeFetcher::default(),
            gate: Gate::default(),
            inbox: Inbox::default(),
            us,
            agents,
            jurors,
            operator,
            gift,
            capital,
            replicas: (0..profile.replicas).map(down).collect(),
            gaps: Vec::new(),
            requests: 0,
            config,
            pulls: profile.pulls,
            ids: Arc::new(SeededIds::new(rng.fork())),
            lives: 0,
            last_beat: None,
        }
    }

    pub(crate) const fn config(&self) -> &Config {
        &self.config
    }

    /// What an agent has at the TEG, in nano.
    pub(crate) async fn teg_balance(&self, agent: &Did) -> i128 {
        use marketplace_ports::Teg;
        let balance = self.teg.balance_of(agent).await;
        let balance = balance.ok().flatten().expect("the inner TEG has no faults");
        i128::from(balance.available.nano()) + i128::from(balance.staked.nano())
    }

    pub(crate) async fn now(&self) -> Timestamp {
        self.store.now().await.expect("the inner store has no faults")
    }

    /// Waits until nobody can go on without the scheduler. On a paused clock, tokio moves time
    /// only when every task waits and no blocking work is under way, so to have slept is proof.
    pub(crate) async fn settle() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }

    /// Starts a replica. It is up when it tells so.
    pub(crate) fn start(&mut self, index: usize) {
        self.lives += 1;
        let life = self.lives;
        let store = SimStore {
            inner: self.store.clone(),
            gate: self.gate.clone(),
            shadow: self.shadow.clone(),
            ids: self.ids.clone(),
            life,
            memory: Arc::default(),
        };
        let teg = SimTeg {
            inner: self.teg.clone(),
            gate: self.gate.clone(),
            wire: self.wire.clone(),
            life,
            pulls: self.pulls,
        };
        let fetcher = SimWeb { inner: self.web.clone(), gate: self.gate.clone(), life };
        let edges = Edges {
            store: Arc::new(store),
            teg: Arc::new(teg),
            fetcher: Arc::new(fetcher),
            notifier: Arc::new(marketplace_ports::Silence),
            ids: self.ids.clone(),
        };
        let market = Marketplace::start(self.config.clone(), edges);
        let inbox = self.inbox.clone();
        let open = tokio::spawn(async move {
            let opened = async {
                market.open().await?;
                let worker = Worker::new(market.clone(), PACE).await?;
                Ok((market, worker))
            };
            let opened = opened.await;
            lock(&inbox).push(News::Opened(life, opened));
        });
        let replica = &mut self.replicas[index];
        replica.life = life;
        replica.stage = Stage::Opening(open);
    }

    /// Lets a worker do a round.
    pub(crate) fn tick(&mut self, index: usize) {
        let replica = &mut self.replicas[index];
        let Stage::Up(up) = &mut replica.stage else { return };
        let Some(mut worker) = up.worker.take() else { return };
        let (inbox, life) = (self.inbox.clone(), replica.life);
        up.tick = Some(tokio::spawn(async move {
            let worked = worker.tick().await;
            lock(&inbox).push(News::Ticked(life, worker, worked));
        }));
    }

    /// Sends a request to a replica.
    pub(crate) fn send(
        &mut self,
        index: usize,
        sending: Sending,
        work: impl FnOnce(Marketplace) -> std::pin::Pin<Box<dyn Future<Output = Outcome> + Send>>,
    ) {
        let replica = &mut self.replicas[index];
        let Stage::Up(up) = &replica.stage else { return };
        self.requests += 1;
        let (number, life, inbox) = (self.requests, replica.life, self.inbox.clone());
        let work = work(up.market.clone());
        let task = tokio::spawn(async move {
            let outcome = CAUSE.scope((sending.attempt, sending.body), work).await;
            lock(&inbox).push(News::Answered(life, number, sending, outcome));
        });
        replica.requests.push(Request { number, sending, task });
    }

    /// Replicas that serve.
    pub(crate) fn up(&self) -> Vec<usize> {
        let up = |(index, replica): (usize, &Replica)| {
            matches!(replica.stage, Stage::Up(_)).then_some(index)
        };
        self.replicas.iter().enumerate().filter_map(up).collect()
    }

    /// Replicas that do not.
    pub(crate) fn down(&self) -> Vec<usize> {
        let down = |(index, replica): (usize, &Replica)| {
            matches!(replica.stage, Stage::Down).then_some(index)
        };
        self.replicas.iter().enumerate().filter_map(down).collect()
    }

    pub(crate) fn under_way(&self) -> usize {
        self.replicas.iter().map(|replica| replica.requests.len()).sum()
    }

    /// A sign of life. What was silent before is downtime.
    pub(crate) async fn beat(&mut self) {
        let server = uuid::Uuid::nil();
        self.store.heartbeat(server).await.expect("the inner store has no faults");
        let now = self.now().await;
        if let Some(last) = self.last_beat
            && now.since(last) >= SHORTEST_GAP.micros()
        {
            self.gaps.push((last, now));
        }
        self.last_beat = Some(now);
    }

    /// Moves the clock. While a replica is up, there are signs of life.
    pub(crate) async fn advance(&mut self, micros: i64) {
        let mut left = micros;
        while left > 0 {
            let slice = left.min(HEARTBEAT.micros() * 4);
            self.clock.advance_micros(slice);
            left -= slice;
            if self.up().is_empty() {
                continue;
            }
            let now = self.now().await;
            let due = self.last_beat.is_none_or(|last| now.since(last) >= HEARTBEAT.micros());
            if due {
                self.beat().await;
            }
        }
    }
}
