//! The scheduler: one thing happens at a time, and the seed says which.

use marketplace_engine::{Done, Error};
use marketplace_money::{Amount, Did};
use marketplace_ports::{Teg, TegTransactionId, TransferFee};

use super::attempts::History;
use super::coverage::Coverage;
use super::edges::Late;
use super::gate::{Fate, Port};
use super::life::Lives;
use super::options::Profile;
use super::quarrels::Quarrels;
use super::rng::Rng;
use super::trace::Trace;
use super::world::{News, Stage, Up, World};
use super::{Failure, Options, Report, lock};

/// A run of one seed.
pub(crate) struct Run {
    pub(crate) options: Options,
    pub(crate) profile: Profile,
    pub(crate) rng: Rng,
    pub(crate) world: World,
    pub(crate) history: History,
    pub(crate) lives: Lives,
    pub(crate) coverage: Coverage,
    pub(crate) trace: Trace,
    pub(crate) failure: Option<String>,
    pub(crate) step: u32,
    /// Some replica has opened the books: before that nobody trades.
    pub(crate) opened: bool,
    /// Payments to us that agents made, to name them later.
    pub(crate) paid: Vec<(Did, TegTransactionId)>,
    /// Only some seeds quarrel.
    pub(crate) quarrels: Option<Quarrels>,
    /// Until when store or TEG answer nobody.
    outages: [u32; 2],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Release,
    Ask,
    Tick,
    Wait,
    Leap,
    Crash,
    Downtime,
    Start,
    Cancel,
    Outage,
    Freeze,
    Arrive,
    SetBack,
    Weather,
    Complete,
}

const SECOND: i64 = 1_000_000;
const HOUR: i64 = 3_600 * SECOND;

impl Run {
    pub(crate) fn new(options: Options) -> Self {
        let mut rng = Rng::new(options.seed);
        let profile = Profile::of(&mut rng);
        let world = World::new(&profile, &mut rng);
        let quarrels = Quarrels::of(options.seed, profile.pulls);
        let mut trace = Trace::new(options.verbose);
        trace.line(format!("seed {}: {profile:?}", options.seed));
        Self {
            options,
            profile,
            rng,
            world,
            history: History::default(),
            lives: Lives::default(),
            coverage: Coverage::default(),
            trace,
            failure: None,
            step: 0,
            opened: false,
            paid: Vec::new(),
            quarrels,
            outages: [0; 2],
        }
    }

    /// The whole run: the turns, then peace, then the judgement.
    pub(crate) async fn whole(mut self) -> Report {
        while self.step < self.options.steps && self.failure.is_none() {
            self.step += 1;
            self.turn().await;
        }
        if self.failure.is_none() {
            self.make_peace().await;
        }
        if self.failure.is_none() {
            self.judge().await;
        }
        let shadow = lock(&self.world.shadow);
        for (phase, times) in &shadow.phases {
            self.coverage.add(format!("phase:{phase}"), *times);
        }
        let orders = self.lives.orders(&shadow);
        let tail = self.trace.tail();
        Report {
            options: self.options,
            hash: self.trace.hash(),
            lines: self.trace.count(),
            commands: shadow.committed,
            coverage: self.coverage,
            orders,
            failure: self.failure.map(|what| Failure { what, trace: tail }),
        }
    }

    pub(crate) fn fail(&mut self, what: String) {
        if self.failure.is_none() {
            self.trace.line(format!("BROKEN: {what}"));
            self.failure = Some(what);
        }
    }

    pub(crate) fn say(&mut self, what: &str) {
        let at = self.world.clock.now().micros() / 1_000;
        self.trace.line(format!("{:5} {at} {what}", self.step));
    }

    fn choose(&mut self) -> Turn {
        let profile = &self.profile;
        let (up, down) = (self.world.up().len() as u32, self.world.down().len() as u32);
        let waiting = self.world.gate.ready(self.step);
        let room = self.world.under_way() < profile.crowd;
        let asks = if self.opened && room { 120 } else { 0 };
        let serving = u32::from(up > 0);
        self.rng
            .weighted(&[
                (if waiting > 0 { 700 } else { 0 }, Turn::Release),
                (asks * serving, Turn::Ask),
                (60 * up, Turn::Tick),
                (40, Turn::Wait),
                (profile.leaps, Turn::Leap),
                (profile.crashes * serving, Turn::Crash),
                (profile.downtime * serving, Turn::Downtime),
                (60 * down, Turn::Start),
                (profile.cancels * serving, Turn::Cancel),
                (profile.outages, Turn::Outage),
                (profile.freezes * serving, Turn::Freeze),
                (if lock(&self.world.wire).late.is_empty() { 0 } else { 20 }, Turn::Arrive),
                (if profile.clock_back { 4 } else { 0 }, Turn::SetBack),
                (4, Turn::Weather),
                (if profile.announces { 6 } else { 0 }, Turn::Complete),
            ])
            .unwrap_or(Turn::Wait)
    }

    async fn turn(&mut self) {
        let drift = self.rng.within(0, 30_000);
        self.world.advance(drift).await;
        let turn = self.choose();
        match turn {
            Turn::Release => self.release(),
            Turn::Ask => self.ask().await,
            Turn::Tick => self.tick(),
            Turn::Wait => {
                let micros = self.rng.within(SECOND, 90 * SECOND);
                self.wait(micros).await;
            }
            Turn::Leap => {
                let most = *self.rng.pick(&[HOUR / 4, HOUR, 4 * HOUR, 26 * HOUR]).unwrap_or(&HOUR);
                let micros = self.rng.within(SECOND, most);
                self.wait(micros).await;
            }
            Turn::Crash => {
                let up = self.world.up();
                if let Some(index) = self.rng.pick(&up).copied() {
                    self.crash(index).await;
                }
            }
            Turn::Downtime => self.downtime().await,
            Turn::Start => {
                let down = self.world.down();
                if let Some(index) = self.rng.pick(&down).copied() {
                    self.coverage.count("start");
                    self.say(&format!("replica {index} starts"));
                    self.world.start(index);
                }
            }
            Turn::Cancel => self.cancel(),
            Turn::Outage => self.outage(),
            Turn::Freeze => self.freeze(),
            Turn::Arrive => self.arrive().await,
            Turn::SetBack => self.set_back(),
            Turn::Weather => self.weather(),
            Turn::Complete => self.complete(),
        }
        let now = self.world.now().await;
        self.history.age(now);
        World::settle().await;
        self.read_news().await;
        self.look();
        self.look_closely().await;
    }

    async fn wait(&mut self, micros: i64) {
        self.say(&format!("{} s pass", micros / SECOND));
        self.world.advance(micros).await;
    }

    fn tick(&mut self) {
        let idle = |index: &usize| match &self.world.replicas[*index].stage {
            Stage::Up(up) => up.worker.is_some(),
            Stage::Down | Stage::Opening(_) => false,
        };
        let idle: Vec<usize> = self.world.up().into_iter().filter(idle).collect();
        if let Some(index) = self.rng.pick(&idle).copied() {
            self.say(&format!("worker {index} ticks"));
            self.world.tick(index);
        }
    }

    /// Opens the gate for one call.
    fn release(&mut self) {
        let index = self.rng.index(self.world.gate.ready(self.step));
        let Some(waiting) = self.world.gate.take(self.step, index) else { return };
        if self.rng.chance(self.profile.stalls) {
            let turns = self.turns(10, 250);
            self.coverage.count("stall");
            self.say(&format!("life {}: {} stalls for {turns} turns", waiting.life, waiting.call));
            self.world.gate.hold(waiting, self.step + turns);
            return;
        }
        let fate = self.fate(waiting.port, waiting.call);
        let (life, port, call) = (waiting.life, waiting.port, waiting.call);
        if fate == Fate::Pass {
            self.say(&format!("life {life}: {call}"));
        } else {
            self.coverage.count(format!("fault:{port:?}:{call}:{fate:?}"));
            self.coverage.count(format!("fate:{port:?}:{fate:?}"));
            self.say(&format!("life {life}: {port:?} {call} {fate:?}"));
        }
        waiting.release(fate);
    }

    fn fate(&mut self, port: Port, call: &'static str) -> Fate {
        let profile = &self.profile;
        let outage = match port {
            Port::Store => self.step < self.outages[0],
            Port::Teg => self.step < self.outages[1],
            Port::Web => false,
        };
        if outage {
            return Fate::Unavailable;
        }
        let (rate, fates): (u32, &[(u32, Fate)]) = match (port, call) {
            (Port::Store, "commit") => (
                profile.store_faults,
                &[(3, Fate::Unavailable), (3, Fate::LostBefore), (4, Fate::LostAfter)],
            ),
            (Port::Store, _) => (profile.store_faults / 4, &[(1, Fate::Unavailable)]),
            (Port::Teg, "transfer" | "pull" | "stake") => (
                profile.teg_faults,
                &[
                    (3, Fate::Refuse),
                    (3, Fate::Unavailable),
                    (2, Fate::Throttled),
                    (1, Fate::Expired),
                    (3, Fate::LostBefore),
                    (4, Fate::LostAfter),
                    (4, Fate::LostLate),
                    (3, Fate::Duplicate),
                ],
            ),
            (Port::Teg, _) => (
                profile.teg_faults / 3,
                &[(3, Fate::Unavailable), (1, Fate::Throttled), (1, Fate::Expired)],
            ),
            (Port::Web, _) => (profile.web_faults, &[(3, Fate::Unavailable), (1, Fate::Refuse)]),
        };
        if !self.rng.chance(rate) {
            return Fate::Pass;
        }
        match self.rng.weighted(fates) {
            Some(Fate::LostLate) if !self.profile.late_messages => Fate::LostAfter,
            fate => fate.unwrap_or(Fate::Pass),
        }
    }

    /// A replica dies as by kill -9: what it was calling may or may not have been done.
    async fn crash(&mut self, index: usize) {
        let life = self.world.replicas[index].life;
        self.coverage.count("crash");
        for waiting in self.world.gate.kill(life) {
            let done = matches!(waiting.port, Port::Store | Port::Teg) && self.rng.chance(500);
            let (port, call) = (waiting.port, waiting.call);
            let when = if done { "after" } else { "before" };
            self.coverage.count(format!("crash:{port:?}:{call}:{when}"));
            self.say(&format!("life {life} dies {when} {port:?} {call}"));
            if done {
                waiting.release(Fate::DieAfter);
            }
        }
        World::settle().await;
        let replica = &mut self.world.replicas[index];
        for request in replica.requests.drain(..) {
            request.task.abort();
            self.history.forget(request.sending);
        }
        match std::mem::replace(&mut replica.stage, Stage::Down) {
            Stage::Down => {}
            Stage::Opening(task) => task.abort(),
            Stage::Up(up) => up.tick.iter().for_each(|tick| tick.abort()),
        }
        self.say(&format!("replica {index} is down"));
    }

    async fn downtime(&mut self) {
        for index in 0..self.world.replicas.len() {
            if !matches!(self.world.replicas[index].stage, Stage::Down) {
                self.crash(index).await;
            }
        }
        let most = *self.rng.pick(&[HOUR / 6, HOUR, 8 * HOUR, 30 * HOUR]).unwrap_or(&HOUR);
        let micros = self.rng.within(20 * SECOND, most);
        self.coverage.count("downtime");
        self.wait(micros).await;
    }

    /// A client goes away while its request is served.
    fn cancel(&mut self) {
        let up = self.world.up();
        let Some(index) = self.rng.pick(&up).copied() else { return };
        let requests = &mut self.world.replicas[index].requests;
        if requests.is_empty() {
            return;
        }
        let request = requests.remove(self.rng.index(requests.len()));
        request.task.abort();
        self.history.forget(request.sending);
        self.coverage.count("cancel");
        self.say(&format!("request {} is cancelled", request.number));
    }

    fn turns(&mut self, least: i64, most: i64) -> u32 {
        u32::try_from(self.rng.within(least, most)).unwrap_or(0)
    }

    /// A server stands still, as when its machine is paused, and does not know it.
    fn freeze(&mut self) {
        let turns = self.turns(20, 250);
        if let Some(replica) = self.rng.pick(&self.world.replicas) {
            let life = replica.life;
            self.world.gate.freeze(life, self.step + turns);
            self.coverage.count("freeze");
            self.say(&format!("life {life} stands still for {turns} turns"));
        }
    }

    fn outage(&mut self) {
        let which = self.rng.index(2);
        let turns = self.turns(5, 120);
        self.outages[which] = self.step + turns;
        let name = ["store", "teg"][which];
        self.coverage.count(format!("outage:{name}"));
        self.say(&format!("the {name} is out for {turns} turns"));
    }

    /// A message that its sender gave up arrives.
    async fn arrive(&mut self) {
        let late = {
            let late = &mut lock(&self.world.wire).late;
            let index = self.rng.index(late.len());
            (index < late.len()).then(|| late.remove(index))
        };
        if let Some(late) = late {
            self.arrive_one(&late).await;
        }
    }

    pub(crate) async fn arrive_one(&mut self, late: &Late) {
        let done = match late {
            Late::Transfer(order) => self.world.teg.transfer(order).await,
            Late::Pull(order) => self.world.teg.pull(order).await,
        };
        self.coverage.count("late-arrival");
        self.say(&format!("a late message arrives: {}", done.is_ok()));
    }

    fn set_back(&mut self) {
        let micros = self.rng.within(SECOND, 600 * SECOND);
        self.world.clock.advance_micros(-micros);
        self.coverage.count("clock-back");
        self.say(&format!("the clock is set back by {} s", micros / SECOND));
    }

    /// The TEG completes a payment that it had only shown, or it fails.
    fn complete(&mut self) {
        if self.rng.chance(200) {
            if self.world.teg.fail_pending() {
                self.coverage.count("announced-failed");
                self.say("an announced payment fails");
            }
        } else if self.world.teg.complete_pending() {
            self.coverage.count("announced-completed");
            self.say("an announced payment completes");
        }
    }

    fn weather(&mut self) {
        if self.profile.fee_changes && self.rng.chance(400) {
            let fee = Amount::from_nano(self.rng.within(0, 80_000_000));
            self.world.teg.set_fees(TransferFee { flat: fee, ..self.profile.teg_fee });
            self.coverage.count("fee-change");
            self.say(&format!("the TEG's fee is now {fee}"));
        } else if let Some(agent) = self.rng.pick(&self.world.agents).cloned() {
            let raw = self.rng.within(-60, 100);
            self.world.teg.set_reputation(&agent, raw);
            self.say(&format!("{agent} has reputation {raw}"));
        }
    }

    /// Reads what tasks told since the last turn.
    pub(crate) async fn read_news(&mut self) {
        let news: Vec<News> = std::mem::take(&mut *lock(&self.world.inbox));
        for news in news {
            match news {
                News::Opened(life, opened) => self.opened(life, opened).await,
                News::Ticked(life, worker, worked) => {
                    let text = match &worked {
                        Ok(worked) => format!("life {life} worked: {worked:?}"),
                        Err(error) => format!("life {life} did not work: {error}"),
                    };
                    self.say(&text);
                    if let Err(Error::Fault(what)) = worked {
                        self.fail(format!("a worker failed: {what}"));
                    }
                    let replica = self.world.replicas.iter_mut().find(|r| r.life == life);
                    if let Some(Stage::Up(up)) = replica.map(|replica| &mut replica.stage) {
                        up.worker = Some(worker);
                        up.tick = None;
                    }
                }
                News::Answered(life, number, sending, outcome) => {
                    let replica = self.world.replicas.iter_mut().find(|r| r.life == life);
                    if let Some(replica) = replica {
                        replica.requests.retain(|request| request.number != number);
                    }
                    let name = self.history.attempts[sending.attempt].bodies[sending.body].name();
                    let text = match &outcome {
                        Ok(Done::Fresh(text)) => format!("done: {text}"),
                        Ok(Done::Repeated(text)) => format!("repeated: {text}"),
                        Err(error) => format!("{error}"),
                    };
                    let attempt = sending.attempt;
                    self.say(&format!("request {number} (attempt {attempt}, {name}): {text}"));
                    self.coverage.count(format!("verb:{name}:{}", code(&outcome)));
                    if let (Err(Error::Unavailable { reason, .. }), true) =
                        (&outcome, self.profile.calm)
                    {
                        self.fail(format!("nothing is wrong, and still: {reason}"));
                    }
                    if let Err(what) = self.history.answer(sending, &outcome) {
                        self.fail(format!("attempt {attempt} ({name}): {what}"));
                    }
                }
            }
        }
    }

    async fn opened(
        &mut self,
        life: u32,
        opened: Result<(marketplace_engine::Marketplace, marketplace_engine::Worker), Error>,
    ) {
        let Some(replica) = self.world.replicas.iter_mut().find(|r| r.life == life) else { return };
        match opened {
            Ok((market, worker)) => {
                replica.stage =
                    Stage::Up(Box::new(Up { market, worker: Some(worker), tick: None }));
                self.opened = true;
                self.world.beat().await;
                self.say(&format!("life {life} is up"));
            }
            Err(error) => {
                replica.stage = Stage::Down;
                self.say(&format!("life {life} could not open: {error}"));
            }
        }
    }
}

/// A short name of what was answered.
fn code(outcome: &super::attempts::Outcome) -> &'static str {
    match outcome {
        Ok(Done::Fresh(_)) => "done",
        Ok(Done::Repeated(_)) => "repeated",
        Err(Error::Refused(refusal)) => refusal.code(),
        Err(Error::KeyReused) => "key_reused",
        Err(Error::Unavailable { .. }) => "unavailable",
        Err(Error::Fault(_)) => "fault",
    }
}
