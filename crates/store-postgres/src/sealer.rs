//! Gives committed batches their place in the chain, and their events their place in the feed.
//!
//! One row, that of `chain`, is locked by whoever seals. Behind that lock it looks at what is
//! committed and has no place yet, so nothing is missed, however late it was committed, and
//! nothing is put before what has its place. A batch that was decided on another's result has the
//! greater number and is not visible before it: the chain is in an order that explains itself.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use marketplace_ports::StoreError;
use marketplace_store_rows::{ChainLink, bytes32, from_count};
use tokio::sync::{Notify, watch};
use tokio_postgres::Row;

use crate::failure::{Failure, MOST_GONE};
use crate::found::column;
use crate::lock::BEGIN;
use crate::only_postgres::WAKE_OTHERS;
use crate::session::{Session, Writers};
use crate::view::take;

/// Batches that are sealed in one transaction.
const MOST: i64 = 500;
/// Between two rounds: under load a round seals many batches, and costs little for each. What is
/// committed when nothing was for this long is sealed at once.
const BREATH: Duration = Duration::from_millis(20);
/// What a server left unsealed that died after its commit is found by the others.
const LOOK: Duration = Duration::from_millis(700);
/// After a failure.
const PAUSE: Duration = Duration::from_secs(1);

const CHAIN: &str = "SELECT position, event, hash FROM chain FOR UPDATE";
const UNSEALED: &str = "SELECT number, id, at, outcomes, events, postings_digest, events_digest, \
     sum_accounts, sum_deltas, heard_by, heard_from, heard_lines FROM batches \
     WHERE position IS NULL AND outcomes IS NOT NULL ORDER BY number LIMIT $1";
const IS_UNSEALED: &str = "SELECT number FROM batches \
     WHERE position IS NULL AND outcomes IS NOT NULL ORDER BY number LIMIT 1";
const HEAD: &str = "SELECT event FROM chain";
const SEAL: &str = "UPDATE batches SET position = u.position, last_event = u.last_event, \
     hash = u.hash, heard_by = '{}', heard_from = '{}', heard_lines = '{}' \
     FROM (SELECT unnest($1::bigint[]) AS number, unnest($2::bigint[]) AS position, \
     unnest($3::bigint[]) AS last_event, unnest($4::bytea[]) AS hash LIMIT cardinality($1)) AS u \
     WHERE batches.number = u.number";
const AUDIENCE: &str = "INSERT INTO event_audience (agent, position, lines) \
     SELECT unnest($1::bigint[]), unnest($2::bigint[]), unnest($3::bigint[])";
const SUMS: &str = "INSERT INTO sums (account, amount) \
     SELECT * FROM unnest($1::text[], $2::bigint[]) ORDER BY 1 \
     ON CONFLICT (account) DO UPDATE SET amount = sums.amount + excluded.amount";
const MOVE_CHAIN: &str = "UPDATE chain SET position = $1, event = $2, hash = $3";

/// Wakes the sealer of this process, and knows how far the feed is.
#[derive(Clone, Debug)]
pub(crate) struct Bell {
    committed: Arc<Notify>,
    head: watch::Sender<u64>,
}

impl Bell {
    pub(crate) fn new() -> Self {
        Self { committed: Arc::new(Notify::new()), head: watch::Sender::new(0) }
    }

    /// There is something to seal.
    pub(crate) fn ring(&self) {
        self.committed.notify_one();
    }

    /// The feed goes at least so far.
    pub(crate) fn reached(&self, head: u64) {
        self.head.send_modify(|known| *known = (*known).max(head));
    }

    /// Whoever waits looks for itself: somebody else has sealed.
    pub(crate) fn wake_all(&self) {
        self.head.send_modify(|_| {});
    }

    /// Until there may be an event after `position`.
    pub(crate) async fn wait(&self, position: u64) {
        let mut head = self.head.subscribe();
        let known = *head.borrow_and_update();
        // The sender lives as long as the store.
        if known <= position && head.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Seals whenever there is something, until the task is ended.
pub(crate) async fn serve(writers: Writers, bell: Bell) {
    loop {
        let woken = tokio::time::timeout(LOOK, bell.committed.notified()).await;
        let sealed = match woken {
            Ok(()) => settle(&writers, &bell).await,
            Err(_) => look(&writers, &bell).await,
        };
        match sealed {
            Ok(()) => tokio::time::sleep(BREATH).await,
            Err(error) => {
                tracing::warn!(%error, "what is committed is not sealed yet");
                tokio::time::sleep(PAUSE).await;
                bell.ring();
            }
        }
    }
}

/// Seals what others left behind; nearly always there is nothing.
async fn look(writers: &Writers, bell: &Bell) -> Result<(), StoreError> {
    let mut session = writers.get().await?;
    session.prepare([IS_UNSEALED, HEAD]).await?;
    let mut pipeline = session.pipeline();
    let unsealed = pipeline.rows(IS_UNSEALED, vec![])?;
    let head = pipeline.rows(HEAD, vec![])?;
    let mut answers = pipeline.run().await?;
    if let Some(row) = take(&mut answers, head).first() {
        let head = from_count(column(row, 0)?);
        bell.head.send_if_modified(|known| std::mem::replace(known, (*known).max(head)) < head);
    }
    let is_unsealed = !take(&mut answers, unsealed).is_empty();
    drop(session);
    if is_unsealed { settle(writers, bell).await } else { Ok(()) }
}

/// Seals until nothing is left.
pub(crate) async fn settle(writers: &Writers, bell: &Bell) -> Result<(), StoreError> {
    let (mut gone, mut tries) = (0, 0);
    loop {
        let mut session = writers.get().await?;
        let sealed = seal(&mut session, bell).await;
        if sealed.as_ref().is_err_and(|failure| !failure.is_lost()) {
            session.rollback().await?;
        }
        match sealed {
            Ok(count) if count < MOST => return Ok(()),
            Ok(_) => {}
            Err(failure) if failure.is_lost() && gone < MOST_GONE => gone += 1,
            Err(failure) if failure.is_transient() && tries < 5 => tries += 1,
            Err(failure) => return Err(failure.into()),
        }
    }
}

/// A batch that has no place yet.
struct Unsealed {
    number: i64,
    id: String,
    at: i64,
    outcomes: String,
    events: i64,
    postings_digest: Vec<u8>,
    events_digest: Vec<u8>,
}

/// What a round writes.
#[derive(Default)]
struct Round {
    numbers: Vec<i64>,
    positions: Vec<i64>,
    last_events: Vec<Option<i64>>,
    hashes: Vec<Vec<u8>>,
    /// Who hears what: key, position, lines.
    heard: Vec<(i64, i64, i64)>,
    sums: BTreeMap<String, i64>,
}

/// One round; says how many batches it sealed.
async fn seal(session: &mut Session, bell: &Bell) -> Result<i64, Failure> {
    session.prepare([CHAIN, UNSEALED, SEAL, AUDIENCE, SUMS, MOVE_CHAIN]).await?;
    let mut pipeline = session.begin(BEGIN);
    let chain = pipeline.rows(CHAIN, vec![])?;
    let unsealed = pipeline.rows(UNSEALED, vec![&MOST])?;
    let mut answers = pipeline.run().await?;
    let unsealed = take(&mut answers, unsealed);
    if unsealed.is_empty() {
        session.rollback().await?;
        return Ok(0);
    }
    let end = take(&mut answers, chain);
    let end = end.first().ok_or_else(|| missing("the row of the chain is missing"))?;
    let (mut position, mut event): (i64, i64) = (column(end, 0)?, column(end, 1)?);
    let mut hash = bytes32("chain", "end", column(end, 2)?)?;
    let mut round = Round::default();
    for row in &unsealed {
        position += 1;
        let batch = Unsealed::read(row)?;
        hash = batch.link(position).hash(&hash);
        round.add(row, &batch, position, &mut event, hash)?;
    }
    write(session, &mut round, position, event, &hash).await?;
    bell.reached(from_count(event));
    Ok(i64::try_from(unsealed.len()).unwrap_or(MOST))
}

fn missing(what: &str) -> Failure {
    Failure::Store(StoreError::Corrupt(what.to_owned()))
}

impl Unsealed {
    fn read(row: &Row) -> Result<Self, Failure> {
        Ok(Self {
            number: column(row, 0)?,
            id: column(row, 1)?,
            at: column(row, 2)?,
            outcomes: column(row, 3)?,
            events: column::<i32>(row, 4)?.into(),
            postings_digest: column(row, 5)?,
            events_digest: column(row, 6)?,
        })
    }

    fn link(&self, position: i64) -> ChainLink<'_> {
        ChainLink {
            position,
            id: &self.id,
            at: self.at,
            outcomes: &self.outcomes,
            postings: &self.postings_digest,
            events: &self.events_digest,
        }
    }
}

impl Round {
    fn add(
        &mut self,
        row: &Row,
        batch: &Unsealed,
        position: i64,
        event: &mut i64,
        hash: [u8; 32],
    ) -> Result<(), Failure> {
        self.numbers.push(batch.number);
        self.positions.push(position);
        self.hashes.push(hash.to_vec());
        if batch.events > 0 {
            let by: Vec<i64> = column(row, 9)?;
            let from: Vec<i32> = column(row, 10)?;
            let lines: Vec<i64> = column(row, 11)?;
            let first = *event + 1;
            let heard = by.into_iter().zip(from).zip(lines);
            self.heard
                .extend(heard.map(|((by, from), lines)| (by, first + i64::from(from), lines)));
            *event += batch.events;
            self.last_events.push(Some(*event));
        } else {
            self.last_events.push(None);
        }
        let accounts: Vec<String> = column(row, 7)?;
        let deltas: Vec<i64> = column(row, 8)?;
        for (account, delta) in accounts.into_iter().zip(deltas) {
            let sum = self.sums.entry(account).or_default();
            *sum = sum.checked_add(delta).ok_or_else(|| missing("a sum does not fit"))?;
        }
        Ok(())
    }
}

/// Columns of `event_audience`.
#[derive(Default)]
struct Heard {
    by: Vec<i64>,
    from: Vec<i64>,
    lines: Vec<i64>,
}

impl Heard {
    fn of(rows: &[(i64, i64, i64)]) -> Self {
        let mut heard = Self::default();
        for (by, from, lines) in rows {
            heard.by.push(*by);
            heard.from.push(*from);
            heard.lines.push(*lines);
        }
        heard
    }
}

async fn write(
    session: &mut Session,
    round: &mut Round,
    position: i64,
    event: i64,
    hash: &[u8; 32],
) -> Result<(), Failure> {
    // In the order of the index, which many of them share pages of.
    round.heard.sort_unstable();
    let heard = Heard::of(&round.heard);
    let (accounts, deltas): (Vec<&str>, Vec<i64>) =
        round.sums.iter().map(|(account, delta)| (account.as_str(), *delta)).unzip();
    let hash = &hash[..];
    let mut pipeline = session.pipeline();
    let columns: [&(dyn tokio_postgres::types::ToSql + Sync); 4] =
        [&round.numbers, &round.positions, &round.last_events, &round.hashes];
    pipeline.change(SEAL, columns.to_vec())?;
    if !accounts.is_empty() {
        pipeline.change(SUMS, vec![&accounts, &deltas])?;
    }
    if !round.heard.is_empty() {
        pipeline.change(AUDIENCE, vec![&heard.by, &heard.from, &heard.lines])?;
    }
    pipeline.change(MOVE_CHAIN, vec![&position, &event, &hash])?;
    if round.last_events.iter().any(Option::is_some) {
        // In this transaction it delays other sealers only, who wait for its row anyway.
        pipeline.simple(WAKE_OTHERS);
    }
    pipeline.simple("COMMIT");
    pipeline.run().await?;
    session.ended();
    Ok(())
}
