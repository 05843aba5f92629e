//! The batching executor: what waits is decided together and committed together.
//!
//! Batches form by themselves: while one is being committed, the next one gathers. When idle, a
//! command is a batch of its own and waits for nobody.
//!
//! A store with many writers takes several batches at once. Commands that touch the same rows wait
//! for each other ([`Line`]); should one be decided on what another commit changes meanwhile, the
//! store says `Conflict`, and it is decided again.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use marketplace_money::CommandId;
use marketplace_ports::{Batch, ChangeSet, CommitOutcome, Key, Notifier, Store, StoreError, View};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::Instrument as _;

use crate::ids::Ids;
use crate::job::{Job, Step};
use crate::line::{Line, Queued};
use crate::measures::Measures;
use crate::publish::{Notice, Publisher};
use crate::refusal::Error;
use crate::trace;

/// How often a command is decided again because others were faster.
const ATTEMPTS: usize = 5;
/// How often a lost answer is asked for before its commands are told to come back.
const OUTCOME_ATTEMPTS: u32 = 6;

pub(crate) struct Executor {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) notifier: Arc<dyn Notifier>,
    pub(crate) ids: Arc<dyn Ids>,
    pub(crate) publisher: Arc<Publisher>,
    pub(crate) measures: Measures,
    pub(crate) batch_limit: usize,
    /// Commits on their way at the same time.
    pub(crate) in_flight: usize,
}

/// What became of a round of jobs.
struct Round {
    /// To be decided again.
    again: Vec<Box<dyn Job>>,
}

/// A batch that has come to its end.
struct Landed {
    /// What it held.
    keys: Vec<Key>,
    /// To be decided again.
    again: Vec<Queued>,
}

impl Executor {
    /// Serves the queue until it is closed and empty.
    pub(crate) async fn run(self, mut queue: mpsc::Receiver<Box<dyn Job>>) {
        let mut line = Line::new(self.in_flight);
        let mut flying = FuturesUnordered::new();
        let mut fresh: Vec<Box<dyn Job>> = Vec::with_capacity(self.batch_limit);
        let mut is_open = true;
        loop {
            while line.len() < self.batch_limit
                && let Ok(job) = queue.try_recv()
            {
                line.push(job);
            }
            while flying.len() < self.in_flight {
                let batch = line.take(self.batch_limit);
                if batch.is_empty() {
                    break;
                }
                flying.push(self.serve(batch));
            }
            if !is_open && flying.is_empty() {
                return;
            }
            // While all that may fly does, the next batch gathers in the queue: nobody is woken
            // for each command.
            let gathers = is_open && flying.len() < self.in_flight && line.len() < self.batch_limit;
            tokio::select! {
                biased;
                Some(landed) = flying.next() => line.land(&landed.keys, landed.again),
                count = queue.recv_many(&mut fresh, self.batch_limit), if gathers => {
                    is_open = count > 0;
                    fresh.drain(..).for_each(|job| line.push(job));
                }
            }
        }
    }

    /// One round of a batch; who was decided too often on what others changed is told to come back.
    async fn serve(&self, batch: Vec<Queued>) -> Landed {
        let keys = batch.iter().flat_map(|queued| queued.keys().iter().cloned()).collect();
        let may_recall = batch.iter().all(Queued::may_recall);
        let mut tickets = HashMap::with_capacity(batch.len());
        let mut jobs = Vec::with_capacity(batch.len());
        for queued in batch {
            let (job, ticket) = queued.split();
            tickets.insert(job.command(), ticket);
            jobs.push(job);
        }
        let mut again = Vec::new();
        for mut job in self.round(jobs, may_recall).await.again {
            let ticket = tickets.remove(&job.command()).unwrap_or_default();
            if ticket.attempts < ATTEMPTS {
                again.push(ticket.requeue(job));
            } else {
                job.fail(Error::unavailable("too many commands change the same thing", 1));
            }
        }
        Landed { keys, again }
    }

    /// One batch, once.
    async fn round(&self, jobs: Vec<Box<dyn Job>>, may_recall: bool) -> Round {
        let span = trace::batch(jobs.iter().map(|job| job.command()));
        self.decide(jobs, may_recall).instrument(span).await
    }

    /// Loads or recalls, decides, commits and answers once.
    async fn decide(&self, mut jobs: Vec<Box<dyn Job>>, may_recall: bool) -> Round {
        let mut keys = HashSet::with_capacity(jobs.len() * 3);
        for job in &jobs {
            job.keys(&mut keys);
        }
        self.measures.batch(jobs.len());
        let recalled = if may_recall { self.store.recall(&keys) } else { None };
        let is_recalled = recalled.is_some();
        self.measures.looked("state", is_recalled);
        let mut view = match recalled {
            Some(view) => view,
            None => match self.load(&keys).await {
                Ok(view) => view,
                Err(error) => return fail_all(jobs, &Error::from(error)),
            },
        };
        let (now, snapshot) = (view.now, view.snapshot);
        self.publisher.see_time(now);
        let mut sets: Vec<(CommandId, ChangeSet)> = Vec::with_capacity(jobs.len());
        let mut writing: Vec<Option<usize>> = Vec::with_capacity(jobs.len());
        for job in &mut jobs {
            writing.push(match job.step(&mut view, self.notifier.as_ref()) {
                Step::Write(set) => {
                    sets.push((job.command(), *set));
                    Some(sets.len() - 1)
                }
                Step::Refused => None,
            });
        }
        drop(view);
        if sets.is_empty() && is_recalled {
            return Round { again: jobs };
        }
        if sets.is_empty() {
            jobs.iter_mut().for_each(|job| job.answer());
            return Round { again: Vec::new() };
        }
        let notices: Vec<Notice> = sets.iter().map(|(_, set)| Notice::of(set)).collect();
        let batch = Batch { id: self.ids.fresh(now), snapshot, sets };
        let asked = Instant::now();
        let span = trace::commit(&batch);
        let committed = self.commit(batch).instrument(span).await;
        self.measures.committed(asked.elapsed());
        match committed {
            Ok(outcomes) => self.finish(jobs, &writing, notices, &outcomes, is_recalled),
            Err(StoreError::Rejected(_)) if jobs.len() > 1 => self.one_by_one(jobs).await,
            Err(error) => fail_all(jobs, &Error::from(error)),
        }
    }

    async fn load(&self, keys: &HashSet<Key>) -> Result<View, StoreError> {
        let asked = Instant::now();
        let loaded = self.store.load(keys).await;
        self.measures.loaded(asked.elapsed());
        loaded
    }

    fn finish(
        &self,
        jobs: Vec<Box<dyn Job>>,
        writing: &[Option<usize>],
        notices: Vec<Notice>,
        outcomes: &[CommitOutcome],
        is_recalled: bool,
    ) -> Round {
        let conflict = is_recalled || outcomes.contains(&CommitOutcome::Conflict);
        for (notice, outcome) in notices.into_iter().zip(outcomes) {
            if *outcome == CommitOutcome::Committed {
                self.publisher.publish(notice);
            }
        }
        let mut again = Vec::new();
        for (mut job, writing) in jobs.into_iter().zip(writing) {
            let stands = match writing {
                Some(at) => outcomes.get(*at) == Some(&CommitOutcome::Committed),
                // A refusal may rest on a neighbour's change that did not come to be, or on what is
                // not so any more.
                None => !conflict,
            };
            if stands { job.answer() } else { again.push(job) }
        }
        self.measures.conflicts.inc_by(again.len() as u64);
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
                // Not written, and never will be, however late our request arrives: decide again.
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
            let round = Box::pin(self.round(vec![job], false)).await;
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
