//! Moves the write-ahead log into the database file, beside the writer.
//!
//! Left to SQLite, the commit that fills the log would wait until all of it is written and synced:
//! one command in a hundred would be slow. The keeper does it on a connection of its own while the
//! writer goes on. Only a moment without commits lets the log start anew, and under load there is
//! none: when little is left, the keeper asks the writer to do the rest between two commits.
//!
//! It also makes the lists of events, which the writer puts into the file between two commits.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use diesel::prelude::*;
use diesel::sql_types::Integer;

use crate::OpenError;
use crate::database::{Place, Purpose};
use crate::event_lists::{self, Piece};

/// Rows after which the keeper looks at the log again: a fraction of what makes it act.
const ROWS_PER_LOOK: usize = 2_000;
/// Pages in the log that are worth a pass: 16 MiB.
const PAGES_PER_PASS: i32 = 4_000;
/// So few pages the writer moves by itself.
const PAGES_FOR_THE_WRITER: i32 = 500;
/// The writer may be faster than the keeper for a while.
const PASSES: usize = 4;

#[derive(QueryableByName)]
struct Log {
    #[diesel(sql_type = Integer)]
    log: i32,
    #[diesel(sql_type = Integer)]
    checkpointed: i32,
}

fn look(connection: &mut SqliteConnection) -> QueryResult<Log> {
    diesel::sql_query("PRAGMA wal_checkpoint(NOOP)").get_result(connection)
}

fn pass(connection: &mut SqliteConnection) -> QueryResult<Log> {
    diesel::sql_query("PRAGMA wal_checkpoint(PASSIVE)").get_result(connection)
}

/// The keeper's thread. Stops when it is dropped.
#[derive(Debug)]
pub(crate) struct Keeper {
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
    finish: Arc<AtomicBool>,
    lists: Lists,
    rows: usize,
}

/// Lists of events on their way to the writer.
type Lists = Arc<Mutex<VecDeque<Piece>>>;

impl Keeper {
    pub(crate) fn start(place: &Place) -> Result<Self, OpenError> {
        let mut connection = place.connect(Purpose::Keep)?;
        let finish = Arc::new(AtomicBool::new(false));
        let (wake, woken) = sync_channel(1);
        let asked = Arc::clone(&finish);
        let lists = Lists::default();
        let made = Arc::clone(&lists);
        let thread = std::thread::Builder::new()
            .name("store-keeper".to_owned())
            .spawn(move || serve(&mut connection, &woken, &asked, &made))
            .map_err(|source| OpenError::Io { path: place.path().to_owned(), source })?;
        Ok(Self { wake: Some(wake), thread: Some(thread), finish, lists, rows: 0 })
    }

    /// Told by the writer after each commit.
    pub(crate) fn committed(&mut self, writer: &mut SqliteConnection, rows: usize) {
        if self.finish.swap(false, Ordering::Relaxed)
            && let Err(error) = pass(writer)
        {
            tracing::warn!(%error, "the log was not moved into the database");
        }
        self.write_list(writer);
        self.rows += rows;
        if self.rows < ROWS_PER_LOOK {
            return;
        }
        self.rows = 0;
        let sent = self.wake.as_ref().map(|wake| wake.try_send(()));
        if let Some(Err(TrySendError::Disconnected(()))) = sent {
            tracing::error!("the keeper of the store's log has stopped");
            self.wake = None;
        }
    }
}

impl Keeper {
    /// One piece between two commits: who waits for the next one waits a few milliseconds more.
    fn write_list(&self, writer: &mut SqliteConnection) {
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(piece) = lists.pop_front() else { return };
        if let Err(error) = event_lists::write(writer, &piece) {
            tracing::warn!(%error, "a list of events was not written, it will be made again");
            lists.clear();
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.wake = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the keeper of the store's log had panicked");
        }
    }
}

fn serve(
    connection: &mut SqliteConnection,
    woken: &Receiver<()>,
    finish: &AtomicBool,
    lists: &Lists,
) {
    while woken.recv().is_ok() {
        if lists.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
            match event_lists::next_chunk(connection) {
                Ok(made) => *lists.lock().unwrap_or_else(PoisonError::into_inner) = made,
                Err(error) => tracing::warn!(%error, "no list of events was made"),
            }
        }
        if let Err(error) = keep(connection, finish) {
            tracing::warn!(%error, "the log was not moved into the database");
        }
    }
}

fn keep(connection: &mut SqliteConnection, finish: &AtomicBool) -> QueryResult<()> {
    if look(connection)?.log < PAGES_PER_PASS {
        return Ok(());
    }
    for _ in 0..PASSES {
        pass(connection)?;
        let log = look(connection)?;
        if log.log - log.checkpointed < PAGES_FOR_THE_WRITER {
            finish.store(true, Ordering::Relaxed);
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use diesel::connection::SimpleConnection;

    use super::*;

    /// Commits until the log is worth a pass; says how many pages are in it.
    fn fill(writer: &mut SqliteConnection) -> i32 {
        for _ in 0..40 {
            writer
                .batch_execute(
                    "INSERT INTO notes SELECT hex(randomblob(16)), hex(randomblob(2000))
                     FROM json_each('[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20]')",
                )
                .unwrap();
        }
        look(writer).unwrap().log
    }

    #[test]
    fn the_log_is_moved_and_starts_anew() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::prepare(&folder.path().join("keeper.db")).unwrap();
        let mut writer = place.connect(Purpose::Write).unwrap();
        place.migrate(&mut writer).unwrap();
        let mut keeper = place.connect(Purpose::Keep).unwrap();
        let finish = AtomicBool::new(false);
        keep(&mut keeper, &finish).unwrap();
        assert!(!finish.load(Ordering::Relaxed), "a short log is left alone");
        let mut longest = 0;
        while longest < PAGES_PER_PASS {
            longest = fill(&mut writer);
        }
        // A reader that is in the middle of something keeps the log from starting anew, no more.
        let mut reader = place.connect(Purpose::Read).unwrap();
        reader.batch_execute("BEGIN; SELECT COUNT(*) FROM notes").unwrap();
        keep(&mut keeper, &finish).unwrap();
        assert!(finish.swap(false, Ordering::Relaxed), "the writer is asked to do the rest");
        let log = pass(&mut writer).unwrap();
        assert_eq!(log.log, log.checkpointed);
        assert!(fill(&mut writer) > longest);
        reader.batch_execute("COMMIT").unwrap();
        keep(&mut keeper, &finish).unwrap();
        assert!(finish.swap(false, Ordering::Relaxed));
        pass(&mut writer).unwrap();
        assert!(fill(&mut writer) < PAGES_PER_PASS, "the log starts anew");
    }
}
