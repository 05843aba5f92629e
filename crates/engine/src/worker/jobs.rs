//! The jobs that look at everything: each is done by one worker of all, at its own pace, and waits
//! for no other.

use std::collections::HashMap;
use std::time::Duration;

use marketplace_money::{Did, Seconds, Timestamp};
use marketplace_ports::Lease;
use uuid::Uuid;

use super::{Pace, Worked, unless_stopped};
use crate::marketplace::Marketplace;
use crate::refusal::Error;
use crate::reputation::Worth;

/// Commits whose history is put away in one transaction, and in one sweep.
const RETIRED_AT_ONCE: u32 = 100;
const MOST_RETIRED: u32 = 20_000;
/// Answers and nonces that one sweep forgets at once.
const FORGOTTEN_AT_ONCE: u32 = 1_000;
/// How long a job is left to whoever holds it before it is asked for again: by its holder, so that
/// it stays one worker's between two turns, and by the others.
const ASK_AGAIN: Seconds = Seconds(5);
/// Pauses between looks whether a job is due: the store's clock may run otherwise than ours.
const SHORTEST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// After a failure, and while a job that may be done has no cause.
const PAUSE: Duration = Duration::from_secs(1);

/// What a job does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Duty {
    Payouts,
    Mirror,
    Reserves,
    Standing,
    Forgetting,
}

impl Duty {
    const ALL: [Self; 5] =
        [Self::Payouts, Self::Mirror, Self::Reserves, Self::Standing, Self::Forgetting];

    /// Under which name it is held.
    const fn name(self) -> &'static str {
        match self {
            Self::Payouts => "payouts",
            Self::Mirror => "mirror",
            Self::Reserves => "reserves",
            Self::Standing => "standing",
            Self::Forgetting => "forgetting",
        }
    }

    /// Between two times.
    const fn pace(self, pace: &Pace) -> Seconds {
        match self {
            Self::Payouts => pace.payouts,
            Self::Mirror => pace.mirror,
            Self::Reserves => pace.reserves,
            Self::Standing => pace.standing,
            Self::Forgetting => pace.forgetting,
        }
    }
}

/// A job, and when it was done.
pub(super) struct Job {
    pub(super) marketplace: Marketplace,
    duty: Duty,
    lease: Lease,
    pace: Pace,
    /// When it was done last, by us.
    done: Option<Timestamp>,
    /// Whether it was ours when we asked last, and when that was.
    asked: Option<(bool, Timestamp)>,
    /// What was last written of each agent's standing.
    pub(super) told: HashMap<Did, Worth>,
    /// When what derives from history was written down last, by us.
    kept: Option<Timestamp>,
}

/// All jobs, for a worker of this name.
pub(super) fn all(marketplace: &Marketplace, owner: Uuid, pace: Pace) -> Vec<Job> {
    let job = |duty| Job {
        marketplace: marketplace.clone(),
        duty,
        lease: Lease { owner, duration: pace.lease },
        pace,
        done: None,
        asked: None,
        told: HashMap::new(),
        kept: None,
    };
    Duty::ALL.map(job).into()
}

impl Job {
    /// Does it, if it is due and no other worker holds it.
    pub(super) async fn turn(&mut self, now: Timestamp) -> Result<Worked, Error> {
        let mut worked = Worked::default();
        if !self.is_ours(now).await? || !self.is_due(now).await? {
            return Ok(worked);
        }
        match self.duty {
            Duty::Payouts => worked.payouts = self.start_payouts().await?,
            Duty::Mirror => worked.transfers = self.mirror_history().await?,
            Duty::Reserves => self.look_after_reserves().await?,
            Duty::Standing => self.refresh_standing().await?,
            Duty::Forgetting => self.forget(now).await?,
        }
        self.done = Some(now);
        Ok(worked)
    }

    /// When it may be due again.
    fn next(&self) -> Option<Timestamp> {
        self.done.map(|done| done.plus(self.duty.pace(&self.pace)))
    }

    async fn is_due(&self, now: Timestamp) -> Result<bool, Error> {
        let (Some(done), Some(next)) = (self.done, self.next()) else { return Ok(true) };
        if now < next {
            return Ok(false);
        }
        // The TEG counts requests: seldom, while nobody waits for a transfer.
        Ok(self.duty != Duty::Mirror
            || now >= done.plus(self.pace.mirror_idle)
            || self.marketplace.awaits_transfers(now).await?)
    }

    /// Whether this worker is the one that does it: between its turns, too. Not asked in each round.
    async fn is_ours(&mut self, now: Timestamp) -> Result<bool, Error> {
        match self.asked {
            Some((ours, at)) if now < at.plus(ASK_AGAIN) => Ok(ours),
            _ => self.ask(now).await,
        }
    }

    async fn ask(&mut self, now: Timestamp) -> Result<bool, Error> {
        let ours = self.marketplace.store().lease_job(self.duty.name(), self.lease).await?;
        self.asked = Some((ours, now));
        Ok(ours)
    }

    /// Does it again and again until `stop` resolves.
    pub(super) async fn run(mut self, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        loop {
            let Some(pause) = unless_stopped(&mut stop, self.round()).await else { return };
            tokio::select! {
                biased;
                () = &mut stop => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// One turn; says how long to wait for the next.
    async fn round(&mut self) -> Duration {
        let turn = async {
            let now = self.marketplace.now().await?;
            let worked = self.turn(now).await?;
            self.marketplace.inner.publisher.figures.count(&worked);
            self.marketplace.now().await
        };
        match turn.await {
            Err(error) => {
                tracing::warn!(%error, job = self.duty.name(), "a job failed");
                PAUSE
            }
            Ok(_) if self.asked.is_some_and(|(ours, _)| !ours) => LONGEST_PAUSE,
            Ok(now) => {
                let left = self.next().map_or(0, |next| next.since(now));
                match u64::try_from(left) {
                    Ok(left) if left > 0 => {
                        Duration::from_micros(left).clamp(SHORTEST_PAUSE, LONGEST_PAUSE)
                    }
                    // It might be done now, and there was no cause.
                    _ => PAUSE,
                }
            }
        }
    }

    async fn forget(&mut self, now: Timestamp) -> Result<(), Error> {
        let least = u64::from(FORGOTTEN_AT_ONCE);
        while self.marketplace.store().forget(FORGOTTEN_AT_ONCE).await? >= least {}
        if self.kept.is_none_or(|kept| now >= kept.plus(self.pace.snapshot)) {
            self.keep_what_derives(now).await?;
        }
        let (Some(history), Some(kept)) = (self.pace.history, self.kept) else { return Ok(()) };
        // Never what is not kept: commits of that moment may have come to the feed after it.
        let before = now.minus(history).min(kept.minus(self.lease.duration));
        // A minute's share at most: what is left is put away in the next minutes.
        for _ in 0..MOST_RETIRED / RETIRED_AT_ONCE {
            if self.marketplace.store().retire(before, RETIRED_AT_ONCE).await? == 0 {
                break;
            }
        }
        Ok(())
    }

    /// Writes down what derives from all history, up to now.
    async fn keep_what_derives(&mut self, now: Timestamp) -> Result<(), Error> {
        self.marketplace.catch_up_standings().await?;
        // That may take longer than a lease lasts, and two must not write at once.
        if self.ask(now).await? {
            self.marketplace.keep_standings(self.pace.history.is_some()).await?;
            self.marketplace.keep_counts().await?;
            self.kept = Some(now);
        }
        Ok(())
    }
}
