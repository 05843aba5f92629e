//! The writer: one thread owns the database, and what waits together is committed together.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use diesel::prelude::*;
use marketplace_ports::TegError;
use tokio::sync::{mpsc, oneshot};

use crate::OpenError;
use crate::database::Place;
use crate::failure::Failure;
use crate::settings::EmbeddedTegSettings;

/// Most requests in one commit: a bound on how long the first of them waits.
const LARGEST_BATCH: usize = 256;
/// Callers beyond this many wait before they are queued.
const QUEUE: usize = 1_024;

/// A request in the queue.
trait Job: Send {
    /// Does the work inside a savepoint and keeps its outcome. May be called again after the
    /// batch was rolled back.
    fn run(
        &mut self,
        conn: &mut SqliteConnection,
        settings: &EmbeddedTegSettings,
    ) -> QueryResult<()>;

    /// Tells the caller, once the fate of the batch is known.
    fn answer(self: Box<Self>, fate: Result<(), TegError>);
}

struct Call<T, W> {
    work: W,
    outcome: Option<Result<T, TegError>>,
    reply: oneshot::Sender<Result<T, TegError>>,
}

impl<T, W> Job for Call<T, W>
where
    T: Send,
    W: FnMut(&mut SqliteConnection, &EmbeddedTegSettings) -> Result<T, Failure> + Send,
{
    fn run(
        &mut self,
        conn: &mut SqliteConnection,
        settings: &EmbeddedTegSettings,
    ) -> QueryResult<()> {
        let result = match conn.transaction(|conn| (self.work)(conn, settings)) {
            Ok(value) => Ok(value),
            Err(Failure::Refused { code, reason }) => Err(TegError::Refused { code, reason }),
            Err(Failure::Database(error)) => return Err(error),
        };
        self.outcome = Some(result);
        Ok(())
    }

    fn answer(self: Box<Self>, fate: Result<(), TegError>) {
        let outcome = match (fate, self.outcome) {
            (Ok(()), Some(outcome)) => outcome,
            (Err(error), _) => Err(error),
            (Ok(()), None) => Err(lost("the request was not run")),
        };
        // A caller that has gone away finds the outcome by its key.
        let _ = self.reply.send(outcome);
    }
}

/// The way to the thread. Dropping it waits until the queue is done and the file is closed.
#[derive(Debug)]
pub(crate) struct Writer {
    queue: Option<mpsc::Sender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
    commits: Arc<AtomicU64>,
}

impl Writer {
    /// Starts the thread over an open database.
    pub(crate) fn start(
        place: Place,
        connection: SqliteConnection,
        settings: EmbeddedTegSettings,
    ) -> Result<Self, OpenError> {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let commits = Arc::new(AtomicU64::new(0));
        let path = place.name().to_owned();
        let mut books = Books { connection, place, settings, commits: Arc::clone(&commits) };
        let thread = std::thread::Builder::new()
            .name("teg-writer".to_owned())
            .spawn(move || books.serve(waiting))
            .map_err(|source| OpenError::Io { path, source })?;
        Ok(Self { queue: Some(queue), thread: Some(thread), commits })
    }

    /// Queues the work and waits for its commit. `work` runs again when its batch is rolled back,
    /// and must then do the same.
    pub(crate) async fn call<T, W>(&self, work: W) -> Result<T, TegError>
    where
        T: Send + 'static,
        W: FnMut(&mut SqliteConnection, &EmbeddedTegSettings) -> Result<T, Failure>
            + Send
            + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let call = Box::new(Call { work, outcome: None, reply });
        let stopped = || TegError::Unavailable {
            reason: "the TEG's writer has stopped".to_owned(),
            retry_after: None,
        };
        let queue = self.queue.as_ref().ok_or_else(stopped)?;
        queue.send(call).await.map_err(|_| stopped())?;
        answer.await.unwrap_or_else(|_| Err(lost("the TEG's writer stopped in the middle")))
    }

    /// How many commits there were.
    pub(crate) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the TEG's writer had panicked");
        }
    }
}

/// What the thread owns. The connection is dropped before the place, whose lock guards it.
struct Books {
    connection: SqliteConnection,
    place: Place,
    settings: EmbeddedTegSettings,
    commits: Arc<AtomicU64>,
}

impl Books {
    fn serve(&mut self, mut waiting: mpsc::Receiver<Box<dyn Job>>) {
        let mut batch = Vec::with_capacity(LARGEST_BATCH);
        while waiting.blocking_recv_many(&mut batch, LARGEST_BATCH) > 0 {
            self.settle(&mut batch);
        }
    }

    /// Commits and answers the batch. When the database refuses it as a whole, each request is
    /// tried alone: one that cannot be done must not fail its neighbours.
    fn settle(&mut self, batch: &mut Vec<Box<dyn Job>>) {
        let mut fate = self.commit(batch);
        if batch.len() == 1 || fate.is_ok() {
            batch.drain(..).for_each(|job| job.answer(fate.clone()));
            return;
        }
        for mut job in batch.drain(..) {
            fate = self.commit(std::slice::from_mut(&mut job));
            job.answer(fate);
        }
    }

    fn commit(&mut self, jobs: &mut [Box<dyn Job>]) -> Result<(), TegError> {
        let mut all_ran = false;
        let settings = &self.settings;
        let result = self.connection.immediate_transaction(|conn| {
            jobs.iter_mut().try_for_each(|job| job.run(conn, settings))?;
            all_ran = true;
            Ok::<(), diesel::result::Error>(())
        });
        let Err(error) = result else {
            self.commits.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        };
        tracing::error!(%error, requests = jobs.len(), "the TEG's database failed");
        self.reconnect();
        if all_ran {
            // A commit that failed on the way to the disk may be there after a crash.
            Err(lost(&error.to_string()))
        } else {
            Err(TegError::Unavailable { reason: error.to_string(), retry_after: None })
        }
    }

    /// When the disk is full SQLite may roll back by itself, which confuses the old connection.
    /// In memory there is no other: it is kept.
    fn reconnect(&mut self) {
        if let Place::File { .. } = self.place {
            match self.place.connect() {
                Ok(connection) => self.connection = connection,
                Err(error) => tracing::error!(%error, "the TEG's database does not open again"),
            }
        }
    }
}

fn lost(reason: &str) -> TegError {
    TegError::Unknown { reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};

    use diesel::connection::SimpleConnection;
    use futures::future::{join, join_all};
    use marketplace_money::{Amount, Did, Timestamp};
    use marketplace_ports::TegTransfer;
    use uuid::Uuid;

    use super::*;
    use crate::book::Verb;
    use crate::transfer::{self, Instruction};
    use crate::{audit, faucet};

    const GENESIS: Amount = Amount::from_avt(1_000);

    fn settings() -> EmbeddedTegSettings {
        EmbeddedTegSettings {
            owner: "did:marketplace".parse().unwrap(),
            genesis: GENESIS,
            transfer_fee: Amount::ZERO,
            faucet_open: true,
            clock: Arc::new(|| Timestamp::from_micros(1_000_000)),
        }
    }

    fn start(place: Place) -> Writer {
        let mut connection = place.connect().unwrap();
        place.migrate(&mut connection).unwrap();
        if faucet::owner(&mut connection).unwrap().is_none() {
            faucet::found(&mut connection, &settings()).unwrap();
        }
        Writer::start(place, connection, settings()).unwrap()
    }

    /// Keeps the writer busy until `release` is used, so that a queue forms behind it.
    async fn hold(writer: &Writer, busy: oneshot::Sender<()>, release: Receiver<()>) {
        let mut busy = Some(busy);
        let held = writer.call(move |_, _| {
            busy.take().map(|busy| busy.send(())).expect("runs once").expect("the test waits");
            release.recv().expect("the test releases");
            Ok(())
        });
        held.await.unwrap();
    }

    async fn pay(writer: &Writer, key: u128, memo: String) -> Result<TegTransfer, TegError> {
        let (sender, receiver): (Did, Did) =
            ("did:marketplace".parse().unwrap(), "did:key:seller".parse().unwrap());
        let amount = Amount::from_avt(1);
        let key = Uuid::from_u128(key);
        let (verb, longest_memo, fee) = (Verb::Transfer, transfer::MEMO_BYTES, None);
        let order = Instruction { verb, key, sender, receiver, amount, memo, longest_memo, fee };
        writer.call(move |conn, settings| transfer::send(conn, settings, &order)).await
    }

    #[tokio::test]
    async fn what_waits_together_shares_one_commit_and_a_poisoned_neighbour_hurts_nobody() {
        let check = async |poisoned: usize, expect_commits: u64| {
            let writer = start(Place::Memory);
            let (release, wait) = channel();
            let (busy, is_busy) = oneshot::channel();
            let payments = (0..50).map(|key| pay(&writer, key, String::new()));
            let poison = (0..poisoned)
                .map(|_| writer.call(|conn, _| Ok(conn.batch_execute("DELETE FROM entries")?)));
            let queued = async {
                is_busy.await.unwrap();
                let all = join(join_all(payments), join_all(poison));
                futures::pin_mut!(all);
                // The first poll queues them all; only then may the writer go on.
                assert!(futures::poll!(&mut all).is_pending());
                release.send(()).unwrap();
                all.await
            };
            let ((), (paid, refused)) = join(hold(&writer, busy, wait), queued).await;
            assert!(paid.iter().all(Result::is_ok), "{paid:?}");
            let unavailable = |r: &Result<(), TegError>| matches!(r, Err(TegError::Unavailable { reason, .. }) if reason.contains("append"));
            assert!(refused.iter().all(unavailable), "{refused:?}");
            assert_eq!(writer.commits(), expect_commits, "{poisoned} poisoned");
            let audited = writer.call(|conn, _| audit::audit(conn)).await.unwrap();
            assert!(audited.is_clean(), "{audited:?}");
            let seller = crate::Account::Available("did:key:seller".parse().unwrap());
            assert_eq!(audited.balance(&seller), Amount::from_avt(50));
        };
        check(0, 2).await;
        check(1, 51).await;
        check(2, 51).await;
    }

    #[tokio::test]
    async fn a_full_disk_loses_nothing_and_heals() {
        let folder = tempfile::tempdir().unwrap();
        let writer = start(Place::file(&folder.path().join("teg.db")).unwrap());
        writer.call(|conn, _| Ok(conn.batch_execute("PRAGMA max_page_count = 1")?)).await.unwrap();
        let (mut paid, mut failed) = (0, None);
        for key in 0..10_000 {
            match pay(&writer, key, "m".repeat(256)).await {
                Ok(_) => paid += 1,
                Err(error) => {
                    failed = Some((key, error));
                    break;
                }
            }
        }
        let (key, error) = failed.expect("the disk is never full");
        assert!(matches!(error, TegError::Unavailable { .. }), "{error}");
        // The writer has opened the file anew, without the bound: the same key now succeeds.
        pay(&writer, key, "m".repeat(256)).await.unwrap();
        let audited = writer.call(|conn, _| audit::audit(conn)).await.unwrap();
        assert!(audited.is_clean());
        let seller = crate::Account::Available("did:key:seller".parse().unwrap());
        assert_eq!(audited.balance(&seller), Amount::from_avt(paid + 1));
    }
}
