//! The worker: timers, outbox, payouts, the mirror of the TEG's history, signs of life. Any
//! number of workers may run; leases and versions make each effect happen once.
//!
//! Timers and work of the outbox are shared out among all workers. What looks at everything, such
//! as payouts and the mirror, is a job that one of them holds.

mod disputes;
mod effects;
mod mirror;
mod notices;
mod payouts;
mod reserves;
mod signals;
mod standing;
mod timers;
mod withdrawals;

use std::collections::HashMap;
use std::time::Duration;

use marketplace_money::{Did, Seconds, Timestamp};
use marketplace_ports::Lease;
use uuid::Uuid;

use crate::marketplace::Marketplace;
use crate::refusal::Error;
use crate::reputation::Worth;

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
    /// Between snapshots of all standings.
    pub snapshot: Seconds,
    /// Between sweeps of answers and nonces whose time is over.
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
    pace: Pace,
    mirrored: Option<Timestamp>,
    paid_out: Option<Timestamp>,
    refreshed: Option<Timestamp>,
    reconciled: Option<Timestamp>,
    forgot: Option<Timestamp>,
    snapshot: Option<Timestamp>,
    /// Jobs that another worker held, and when it did.
    held_by_others: HashMap<&'static str, Timestamp>,
    /// What was last written of each agent.
    told: HashMap<Did, Worth>,
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

impl Worked {
    /// Whether there was anything to do.
    #[must_use]
    pub const fn any(&self) -> bool {
        self.timers + self.effects + self.transfers + self.payouts > 0
    }
}

/// How much is set aside at once.
const BITE: u32 = 100;
/// Commits whose history is put away in one transaction, and in one sweep.
const RETIRED_AT_ONCE: u32 = 100;
const MOST_RETIRED: u32 = 20_000;
/// Answers and nonces that one sweep forgets at once.
const FORGOTTEN_AT_ONCE: u32 = 1_000;
/// How long a worker that stops may take to finish what it is at.
const LAST_ROUND: Duration = Duration::from_secs(3);
/// How long a job that another worker holds is left to it before it is asked for again.
const HELD_BY_OTHERS: Seconds = Seconds(5);
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
            marketplace,
            id,
            pace,
            mirrored: None,
            paid_out: None,
            refreshed: None,
            reconciled: None,
            forgot: None,
            snapshot: None,
            held_by_others: HashMap::new(),
            told: HashMap::new(),
            notices: notices::Notices::default(),
        })
    }

    pub(crate) const fn lease(&self) -> Lease {
        Lease { owner: self.id, duration: self.pace.lease }
    }

    /// One round of everything that is due.
    ///
    /// # Errors
    /// When the store does not answer; what was set aside comes back after its lease.
    pub async fn tick(&mut self) -> Result<Worked, Error> {
        let now = self.marketplace.now().await?;
        let due =
            |last: Option<Timestamp>, pace: Seconds| last.is_none_or(|at| now >= at.plus(pace));
        let mut worked = Worked::default();
        if !self.servers_are_silent(now).await? {
            worked.timers = self.fire_timers().await?;
        }
        if due(self.paid_out, self.pace.payouts) && self.holds("payouts", now).await? {
            worked.payouts = self.start_payouts().await?;
            self.paid_out = Some(now);
        }
        worked.effects = self.work_outbox().await?;
        if self.mirror_is_due(now).await? && self.holds("mirror", now).await? {
            worked.transfers = self.mirror_history().await?;
            self.mirrored = Some(now);
        }
        if due(self.reconciled, self.pace.reserves) && self.holds("reserves", now).await? {
            self.look_after_reserves().await?;
            self.reconciled = Some(now);
        }
        if due(self.refreshed, self.pace.standing) && self.holds("standing", now).await? {
            self.refresh_standing().await?;
            self.refreshed = Some(now);
        }
        if due(self.snapshot, self.pace.snapshot) && self.holds("standings-snapshot", now).await? {
            self.marketplace.keep_standings(self.pace.history.is_some()).await?;
            self.marketplace.keep_counts().await?;
            self.snapshot = Some(now);
        }
        if due(self.forgot, self.pace.forgetting) && self.holds("forgetting", now).await? {
            self.forget(now).await?;
            self.forgot = Some(now);
        }
        self.marketplace.inner.publisher.figures.count(&worked);
        Ok(worked)
    }

    /// Soon while somebody waits for a transfer, else seldom: the TEG counts requests.
    async fn mirror_is_due(&self, now: Timestamp) -> Result<bool, Error> {
        let Some(last) = self.mirrored else { return Ok(true) };
        if now >= last.plus(self.pace.mirror_idle) {
            return Ok(true);
        }
        Ok(now >= last.plus(self.pace.mirror) && self.marketplace.awaits_transfers(now).await?)
    }

    /// Whether this worker is the one that does a job. Who was refused does not ask in each round.
    async fn holds(&mut self, job: &'static str, now: Timestamp) -> Result<bool, Error> {
        let refused = self.held_by_others.get(job);
        if refused.is_some_and(|at| now < at.plus(HELD_BY_OTHERS)) {
            return Ok(false);
        }
        let held = self.marketplace.store().lease_job(job, self.lease()).await?;
        if held {
            self.held_by_others.remove(job);
        } else {
            self.held_by_others.insert(job, now);
        }
        Ok(held)
    }

    /// Clocks stand still while no server runs. Its first sign of life makes a gap of the silence,
    /// and the gap moves the deadlines; until then no timer may fire.
    async fn servers_are_silent(&self, now: Timestamp) -> Result<bool, Error> {
        let last = self.marketplace.store().last_heartbeat().await?;
        Ok(last.is_some_and(|last| now >= last.plus(SILENCE)))
    }

    async fn forget(&self, now: Timestamp) -> Result<(), Error> {
        let (store, least) = (self.marketplace.store(), u64::from(FORGOTTEN_AT_ONCE));
        while store.forget(FORGOTTEN_AT_ONCE).await? >= least {}
        if let Some(history) = self.pace.history {
            let before = now.minus(history);
            // A minute's share at most: what is left is put away in the next minutes.
            for _ in 0..MOST_RETIRED / RETIRED_AT_ONCE {
                if store.retire(before, RETIRED_AT_ONCE).await? == 0 {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Gives back what it has set aside: others need not wait for its leases to end.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn release(&self) -> Result<(), Error> {
        Ok(self.marketplace.store().release_leases(self.id).await?)
    }

    /// Works until `stop` resolves, then finishes what it is at and gives back the rest. Errors are
    /// logged, and tried again.
    pub async fn run(mut self, stop: impl Future<Output = ()>) {
        self.work_until(stop).await;
        if let Err(error) = self.release().await {
            tracing::warn!(%error, "what was set aside waits for the end of its lease");
        }
    }

    async fn work_until(&mut self, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        loop {
            let worked = {
                let round = self.tick();
                tokio::pin!(round);
                tokio::select! {
                    biased;
                    () = &mut stop => {
                        // What it is at is idempotent: to be cut off does no harm.
                        let _ = tokio::time::timeout(LAST_ROUND, round).await;
                        return;
                    }
                    worked = &mut round => worked,
                }
            };
            match worked {
                Ok(worked) if worked.any() => continue,
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "a round of work failed"),
            }
            let pause = self.pause().await;
            tokio::select! {
                biased;
                () = &mut stop => return,
                () = self.marketplace.inner.publisher.work.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Until something is due, and at most a second.
    async fn pause(&self) -> Duration {
        let longest = Duration::from_secs(1);
        let store = self.marketplace.store();
        match (store.dues().await.map(|dues| dues.next()), store.now().await) {
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
