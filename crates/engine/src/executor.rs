//! The batching executor: what waits is decided together and committed together.
//!
//! Batches form by themselves: while one is being committed, the next one gathers. When idle, a
//! command is a batch of its own and waits for nobody.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use marketplace_money::CommandId;
use marketplace_ports::{Batch, ChangeSet, CommitOutcome, Store, StoreError};
use tokio::sync::mpsc;

use crate::ids::Ids;
use crate::job::{Job, Step};
use crate::publish::{Notice, Publisher};
use crate::refusal::Error;

/// How often a command is decided again because others were faster.
const ATTEMPTS: usize = 5;
/// How often a lost answer is asked for before its commands are told to come back.
const OUTCOME_ATTEMPTS: u32 = 6;

pub(crate) struct Executor {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) ids: Arc<dyn Ids>,
    pub(crate) publisher: Arc<Publisher>,
    pub(crate) batch_limit: usize,
}

/// What became of a round of jobs.
struct Round {
    /// To be decided again.
    again: Vec<Box<dyn Job>>,
}

impl Executor {
    /// Serves the queue until it is closed and empty.
    pub(crate) async fn run(self, mut queue: mpsc::Receiver<Box<dyn Job>>) {
        let mut jobs: Vec<Box<dyn Job>> = Vec::with_capacity(self.batch_limit);
        while queue.recv_many(&mut jobs, self.batch_limit).await > 0 {
            self.serve(std::mem::take(&mut jobs)).await;
        }
    }

    async fn serve(&self, mut jobs: Vec<Box<dyn Job>>) {
        for _ in 0..=ATTEMPTS {
            let round = self.round(jobs).await;
            if round.again.is_empty() {
                return;
            }
            jobs = round.again;
        }
        for job in &mut jobs {
            job.fail(Error::unavailable("too many commands change the same thing", 1));
        }
    }

    /// Loads, decides, commits and answers once.
    async fn round(&self, mut jobs: Vec<Box<dyn Job>>) -> Round {
        let mut keys = HashSet::with_capacity(jobs.len() * 3);
        for job in &jobs {
            job.keys(&mut keys);
        }
        let mut view = match self.store.load(&keys).await {
            Ok(view) => view,
            Err(error) => return fail_all(jobs, &Error::from(error)),
        };
        let (now, snapshot) = (view.now, view.snapshot);
        self.publisher.see_time(now);
        let mut sets: Vec<(CommandId, ChangeSet)> = Vec::with_capacity(jobs.len());
        let mut writing: Vec<Option<usize>> = Vec::with_capacity(jobs.len());
        for job in &mut jobs {
            writing.push(match job.step(&mut view) {
                Step::Write(set) => {
                    sets.push((job.command(), *set));
                    Some(sets.len() - 1)
                }
                Step::Refused => None,
            });
        }
        drop(view);
        if sets.is_empty() {
            jobs.iter_mut().for_each(|job| job.answer());
            return Round { again: Vec::new() };
        }
        let notices: Vec<Notice> = sets.iter().map(|(_, set)| Notice::of(set)).collect();
        let batch = Batch { id: self.ids.fresh(now), snapshot, sets };
        match self.commit(batch).await {
            Ok(outcomes) => self.finish(jobs, &writing, notices, &outcomes),
            Err(StoreError::Rejected(_)) if jobs.len() > 1 => self.one_by_one(jobs).await,
            Err(error) => fail_all(jobs, &Error::from(error)),
        }
    }

    fn finish(
        &self,
        jobs: Vec<Box<dyn Job>>,
        writing: &[Option<usize>],
        notices: Vec<Notice>,
        outcomes: &[CommitOutcome],
    ) -> Round {
        let conflict = outcomes.contains(&CommitOutcome::Conflict);
        for (notice, outcome) in notices.into_iter().zip(outcomes) {
            if *outcome == CommitOutcome::Committed {
                self.publisher.publish(notice);
            }
        }
        let mut again = Vec::new();
        for (mut job, writing) in jobs.into_iter().zip(writing) {
            let stands = match writing {
                Some(at) => outcomes.get(*at) == Some(&CommitOutcome::Committed),
                // A refusal may rest on a neighbour's change that did not come to be.
                None => !conflict,
            };
            if stands { job.answer() } else { again.push(job) }
        }
        Round { again }
    }

    /// Commits; a lost answer is looked up by the batch's id before anybody is told anything.
    async fn commit(&self, batch: Batch) -> Result<Vec<CommitOutcome>, StoreError> {
        let id = batch.id;
        let count = batch.sets.len();
        let error = match self.store.commit(batch).await {
            Err(StoreError::Unknown(reason)) => StoreError::Unknown(reason),
            answer => return answer,
        };
        for attempt in 0..OUTCOME_ATTEMPTS {
            match self.store.outcome(id).await {
                Ok(Some(outcomes)) => return Ok(outcomes),
                // Never written, and our attempt is over: decide again.
                Ok(None) => return Ok(vec![CommitOutcome::Conflict; count]),
                Err(_) => tokio::time::sleep(Duration::from_millis(50 << attempt)).await,
            }
        }
        Err(error)
    }

    /// A batch that the database refuses as a whole goes again one by one: a poisoned command
    /// fails alone.
    async fn one_by_one(&self, jobs: Vec<Box<dyn Job>>) -> Round {
        let mut again = Vec::new();
        for job in jobs {
            let round = Box::pin(self.round(vec![job])).await;
            again.extend(round.again);
        }
        Round { again }
    }
}

fn fail_all(mut jobs: Vec<Box<dyn Job>>, error: &Error) -> Round {
    tracing::error!(%error, jobs = jobs.len(), "a batch failed");
    jobs.iter_mut().for_each(|job| job.fail(error.clone()));
    Round { again: Vec::new() }
}
