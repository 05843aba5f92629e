//! The worker: timers, outbox, payouts, the mirror of the TEG's history, signs of life. Any
//! number of workers may run; leases and versions make each effect happen once.
//!
//! Timers and work of the outbox are shared out among all workers. What looks at everything, such
//! as payouts and the mirror, is a job that one of them holds ([`jobs`]). Each job takes its own
//! time: a TEG that is slow, or five thousand scores to look at, hold up no deadline.

mod disputes;
mod effects;
mod jobs;
mod mirror;
mod notices;
mod payouts;
mod reserves;
mod signals;
mod standing;
mod timers;
mod withdrawals;

use std::time::Duration;

use futures::FutureExt as _;
use futures::future::join_all;
use marketplace_money::{Seconds, Timestamp};
use marketplace_ports::{Dues, Lease};
use uuid::Uuid;

use self::jobs::Job;
use crate::marketplace::Marketplace;
use crate::refusal::Error;

/// How the worker paces itself.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Between looks at the TEG's history, while a transfer is awaited.
    pub mirror: Seconds,
    /// And while none is; not less than `mirror`.
    pub mirror_idle: Seconds,
    /// Between looks at payout policies.
    pub payouts: Seconds,
    /// Between refreshes of providers' standing.
    pub standing: Seconds,
    /// Between snapshots of all standings; not less than `forgetting`.
    pub snapshot: Seconds,
    /// Between sweeps of answers and nonces whose time is over, and of history.
    pub forgetting: Seconds,
    /// How long postings and events are kept; for ever, when nothing is said.
    pub history: Option<Seconds>,
    /// Between signs of life.
    pub heartbeat: Seconds,
    /// Between looks whether the reserves are explained.
    pub reserves: Seconds,
    /// How long work is set aside.
    pub lease: Seconds,
}

impl Pace {
    /// Of a server.
    pub const DEFAULT: Self = Self {
        mirror: Seconds(8),
        mirror_idle: Seconds(8),
        payouts: Seconds(5),
        standing: Seconds(60),
        snapshot: Seconds(600),
        forgetting: Seconds(60),
        history: None,
        heartbeat: Seconds(5),
        reserves: Seconds(60),
        lease: Seconds(30),
    };
}

impl Default for Pace {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Does what nobody asks for at the moment.
pub struct Worker {
    pub(crate) marketplace: Marketplace,
    pub(crate) id: Uuid,
    lease: Seconds,
    jobs: Vec<Job>,
    notices: notices::Notices,
}

/// What a round of work did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Worked {
    /// Timers that were due.
    pub timers: usize,
    /// Outbox rows that were due.
    pub effects: usize,
    /// Transfers of the history that were looked at.
    pub transfers: usize,
    /// Payouts that were started.
    pub payouts: usize,
}

impl std::ops::AddAssign for Worked {
    fn add_assign(&mut self, other: Self) {
        self.timers += other.timers;
        self.effects += other.effects;
        self.transfers += other.transfers;
        self.payouts += other.payouts;
    }
}

impl Worked {
    /// Whether there was anything to do.
    #[must_use]
    pub const fn any(&self) -> bool {
        self.timers + self.effects + self.transfers + self.payouts > 0
    }
}

/// How much is set aside at once.
const BITE: u32 = 100;
/// How long a worker that stops may take to finish what it is at.
const LAST_ROUND: Duration = Duration::from_secs(3);
/// Without a sign of life of any server for so long, nobody could do a duty: it is no server's
/// gap yet, but will be one.
const SILENCE: Seconds = Seconds(30);

impl Worker {
    /// A worker with an id of its own.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn new(marketplace: Marketplace, pace: Pace) -> Result<Self, Error> {
        let id = marketplace.fresh_id().await?;
        Ok(Self {
            jobs: jobs::all(&marketplace, id, pace),
            marketplace,
            id,
            lease: pace.lease,
            notices: notices::Notices::default(),
        })
    }

    pub(crate) const fn lease(&self) -> Lease {
        Lease { owner: self.id, duration: self.lease }
    }

    /// One round of everything that is due, one after the other.
    ///
    /// # Errors
    /// When the store does not answer; what was set aside comes back after its lease.
    pub async fn tick(&mut self) -> Result<Worked, Error> {
        let now = self.marketplace.now().await?;
        let mut worked = Worked { timers: self.fire_due_timers(now).await?, ..Worked::default() };
        for job in &mut self.jobs {
            worked += job.turn(now).await?;
        }
        worked.effects = self.work_outbox().await?;
        self.marketplace.inner.publisher.figures.count(&worked);
        Ok(worked)
    }

    async fn fire_due_timers(&self, now: Timestamp) -> Result<usize, Error> {
        if self.servers_are_silent(now).await? { Ok(0) } else { self.fire_timers().await }
    }

    /// Clocks stand still while no server runs. Its first sign of life makes a gap of the silence,
    /// and the gap moves the deadlines; until then no timer may fire.
    async fn servers_are_silent(&self, now: Timestamp) -> Result<bool, Error> {
        let last = self.marketplace.store().last_heartbeat().await?;
        Ok(last.is_some_and(|last| now >= last.plus(SILENCE)))
    }

    /// Gives back what it has set aside: others need not wait for its leases to end.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn release(&self) -> Result<(), Error> {
        Ok(self.marketplace.store().release_leases(self.id).await?)
    }

    /// Works until `stop` resolves, then finishes what it is at and gives back the rest. Errors are
    /// logged, and tried again. Timers, the outbox and each job run beside the others.
    pub async fn run(mut self, stop: impl Future<Output = ()>) {
        let stop = stop.shared();
        let jobs = std::mem::take(&mut self.jobs);
        let jobs = join_all(jobs.into_iter().map(|job| job.run(stop.clone())));
        let timers = self.fire_timers_until(stop.clone());
        tokio::join!(timers, self.work_outbox_until(stop.clone()), jobs);
        if let Err(error) = self.release().await {
            tracing::warn!(%error, "what was set aside waits for the end of its lease");
        }
    }

    async fn fire_timers_until(&self, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        loop {
            let round = async {
                let now = self.marketplace.now().await?;
                self.fire_due_timers(now).await
            };
            let Some(timers) = unless_stopped(&mut stop, round).await else { return };
            match timers {
                Ok(0) => {}
                Ok(timers) => {
                    let worked = Worked { timers, ..Worked::default() };
                    self.marketplace.inner.publisher.figures.count(&worked);
                    continue;
                }
                Err(error) => tracing::warn!(%error, "timers were not fired"),
            }
            let pause = self.pause(|dues| dues.timer).await;
            tokio::select! {
                biased;
                () = &mut stop => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Until something is due, and at most a second.
    async fn pause(&self, due: impl Fn(Dues) -> Option<Timestamp>) -> Duration {
        let longest = Duration::from_secs(1);
        let store = self.marketplace.store();
        let due = store.dues().await.map(due);
        match (due, store.now().await) {
            (Ok(Some(due)), Ok(now)) => {
                let micros = u64::try_from(due.since(now)).unwrap_or(0);
                Duration::from_micros(micros).clamp(Duration::from_millis(5), longest)
            }
            _ => longest,
        }
    }

    /// Gives signs of life of a server until `stop` resolves: their absence is downtime, which
    /// stops every clock.
    pub async fn heartbeat(marketplace: Marketplace, stop: impl Future<Output = ()>) {
        let Ok(id) = marketplace.fresh_id().await else { return };
        let period = Duration::from_secs(u64::from(Pace::default().heartbeat.0));
        tokio::pin!(stop);
        loop {
            if let Err(error) = marketplace.store().heartbeat(id).await {
                tracing::warn!(%error, "no sign of life could be given");
            }
            tokio::select! {
                biased;
                () = &mut stop => return,
                () = tokio::time::sleep(period) => {}
            }
        }
    }
}

/// What a round came to; nothing when it was the last one. What it is at is idempotent: to be cut
/// off does no harm.
async fn unless_stopped<T>(
    stop: impl Future<Output = ()>,
    round: impl Future<Output = T>,
) -> Option<T> {
    tokio::pin!(round);
    tokio::select! {
        biased;
        () = stop => {
            let _ = tokio::time::timeout(LAST_ROUND, round).await;
            None
        }
        done = &mut round => Some(done),
    }
}
