//! What the writer's thread owns: the connection, and what it remembers of the database.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use marketplace_money::{Gap, Gaps, Timestamp};
use marketplace_ports::StoreError;
use marketplace_store_rows::{from_count, tables};
use tokio::sync::watch;
use uuid::Uuid;

use crate::OpenError;
use crate::cache::{Cache, SharedCache};
use crate::clock::StoreClock;
use crate::database::{Place, Purpose};
use crate::failure::Failure;
use crate::heads::{Heads, latest_time};
use crate::keeper::Keeper;
use crate::lease::Held;

/// Our downtime, for everybody who asks.
pub(crate) type SharedGaps = Arc<Mutex<Gaps>>;

/// The connection is dropped before the place, whose lock guards it.
pub(crate) struct Books {
    pub(crate) connection: SqliteConnection,
    pub(crate) heads: Heads,
    pub(crate) cache: SharedCache,
    pub(crate) clock: Arc<StoreClock>,
    pub(crate) gaps: SharedGaps,
    /// The last sign of life of any server.
    pub(crate) last_heartbeat: Option<Timestamp>,
    /// Who holds which job, and until when. Not in the file: a holder dies with the process.
    pub(crate) jobs: HashMap<String, Held>,
    /// Batches that were asked for before they came: they are not written any more.
    pub(crate) abandoned: HashSet<Uuid>,
    /// The position of the last event, for those who wait for the next one.
    pub(crate) feed: watch::Sender<u64>,
    keeper: Keeper,
    /// The connection failed and was not opened again yet.
    broken: bool,
    place: Arc<Place>,
}

impl Books {
    /// Opens the database of a place for writing, at the newest migration.
    pub(crate) fn open(place: Arc<Place>, clock: Arc<StoreClock>) -> Result<Self, OpenError> {
        let mut connection = place.connect(Purpose::Write)?;
        place.migrate(&mut connection)?;
        let failed = |failure: Failure| place.failed(&StoreError::from(failure));
        let heads = Heads::read(&mut connection).map_err(failed)?;
        let latest = latest_time(&mut connection).map_err(|error| place.failed(&error))?;
        clock.not_before(latest);
        let gaps = read_gaps(&mut connection).map_err(|error| place.failed(&error))?;
        let last_heartbeat =
            read_heartbeat(&mut connection).map_err(|error| place.failed(&error))?;
        let keeper = Keeper::start(&place)?;
        let feed = watch::Sender::new(from_count(heads.event));
        Ok(Self {
            connection,
            heads,
            cache: SharedCache::default(),
            clock,
            gaps: Arc::new(Mutex::new(gaps)),
            last_heartbeat,
            jobs: HashMap::new(),
            abandoned: HashSet::new(),
            feed,
            keeper,
            broken: false,
            place,
        })
    }

    pub(crate) fn path(&self) -> String {
        self.place.path().to_owned()
    }

    pub(crate) fn known_gaps(&self) -> Gaps {
        self.gaps.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Does some work in one transaction. Says `Unknown` when the commit itself failed: what was
    /// on its way to the disk may be there after a crash.
    pub(crate) fn transaction<T>(
        &mut self,
        rows: usize,
        work: impl FnOnce(&mut SqliteConnection) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        self.ready()?;
        if let Err(error) = self.connection.batch_execute("BEGIN IMMEDIATE") {
            return Err(self.fail(error.into()));
        }
        match work(&mut self.connection) {
            Err(failure) => {
                if self.connection.batch_execute("ROLLBACK").is_err() {
                    self.broken = true;
                }
                Err(self.fail(failure))
            }
            Ok(value) => match self.connection.batch_execute("COMMIT") {
                Ok(()) => {
                    self.keeper.committed(&mut self.connection, rows);
                    Ok(value)
                }
                Err(error) => {
                    tracing::error!(%error, "the store's database did not commit");
                    self.broken = true;
                    Err(StoreError::Unknown(error.to_string()))
                }
            },
        }
    }

    /// Runs a query of the writer's own.
    pub(crate) fn read<T>(
        &mut self,
        query: impl FnOnce(&mut SqliteConnection) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        self.ready()?;
        query(&mut self.connection).map_err(|failure| self.fail(failure))
    }

    /// Turns a failure into its meaning. When the database could not do its work, the connection
    /// is not trusted any more: on a full disk SQLite may roll back by itself, which confuses it.
    fn fail(&mut self, failure: Failure) -> StoreError {
        let error = StoreError::from(failure);
        match error {
            StoreError::Rejected(_) => tracing::warn!(%error),
            _ => tracing::error!(%error),
        }
        self.broken |= matches!(error, StoreError::Unavailable(_));
        error
    }

    /// Opens the database again after a failure, and reads what is remembered anew.
    pub(crate) fn ready(&mut self) -> Result<(), StoreError> {
        if !self.broken {
            return Ok(());
        }
        let unavailable = |error: OpenError| StoreError::Unavailable(error.to_string());
        self.connection = self.place.connect(Purpose::Write).map_err(unavailable)?;
        *self.cache.lock() = Cache::default();
        self.heads = Heads::read(&mut self.connection)?;
        let gaps = read_gaps(&mut self.connection).map_err(Failure::from)?;
        *self.gaps.lock().unwrap_or_else(PoisonError::into_inner) = gaps;
        self.last_heartbeat = read_heartbeat(&mut self.connection).map_err(Failure::from)?;
        self.broken = false;
        Ok(())
    }
}

fn read_gaps(connection: &mut SqliteConnection) -> QueryResult<Gaps> {
    let rows: Vec<(i64, i64)> = tables::gaps::table.load(connection)?;
    let gap = |(from, until)| Gap {
        from: Timestamp::from_micros(from),
        until: Timestamp::from_micros(until),
    };
    Ok(Gaps::new(rows.into_iter().map(gap).collect()))
}

fn read_heartbeat(connection: &mut SqliteConnection) -> QueryResult<Option<Timestamp>> {
    let last: Option<i64> =
        tables::servers::table.select(diesel::dsl::max(tables::servers::at)).first(connection)?;
    Ok(last.map(Timestamp::from_micros))
}

#[cfg(test)]
mod tests {
    use marketplace_ledger::{Account, EntryDraft, EntryKind};
    use marketplace_money::{Amount, CommandId, EntryId};
    use marketplace_ports::{Batch, ChangeSet, CommitOutcome, Key, Snapshot};

    use super::*;

    fn open(path: &std::path::Path) -> Books {
        let place = Arc::new(Place::prepare(path).unwrap());
        let clock = Arc::new(StoreClock::new(Arc::new(|| Timestamp::from_micros(5))));
        Books::open(place, clock).unwrap()
    }

    fn deposit(number: u128) -> Batch {
        let to = Account::Agent("did:key:a".parse().unwrap());
        let amount = Amount::from_nano(1);
        let draft = EntryDraft::transfer(EntryKind::Deposit, Account::Teg, to, amount).unwrap();
        let entry = draft.because("x".repeat(3_000)).named(EntryId::new(Uuid::from_u128(number)));
        let set = ChangeSet { entries: vec![entry], ..ChangeSet::default() };
        let command = CommandId::new(Uuid::from_u128(number));
        Batch { id: Uuid::from_u128(number), snapshot: Snapshot(0), sets: vec![(command, set)] }
    }

    fn balance(books: &mut Books) -> i64 {
        let account = Account::Agent("did:key:a".parse().unwrap());
        let view = books.view(&HashSet::from([Key::Balance(account.clone())])).unwrap();
        view.balances[&account].nano()
    }

    #[test]
    fn a_full_disk_loses_nothing_and_heals() {
        let folder = tempfile::tempdir().unwrap();
        let mut books = open(&folder.path().join("full.db"));
        // A later bound than this is refused by SQLite, an earlier one is where the file ends.
        books.connection.batch_execute("PRAGMA max_page_count = 1").unwrap();
        let mut paid = 0;
        let (failed, error) = loop {
            match books.commit(deposit(paid + 1)) {
                Ok(outcomes) => assert_eq!(outcomes, [CommitOutcome::Committed]),
                Err(error) => break (paid + 1, error),
            }
            paid += 1;
            assert!(paid < 10_000, "the disk is never full");
        };
        assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
        // Opened anew, without the bound: the same batch goes now.
        assert_eq!(balance(&mut books), i64::try_from(paid).unwrap());
        assert_eq!(books.commit(deposit(failed)), Ok(vec![CommitOutcome::Committed]));
        assert_eq!(balance(&mut books), i64::try_from(paid + 1).unwrap());
        assert_eq!(books.heads.posting, 2 * i64::try_from(paid + 1).unwrap());
    }

    #[test]
    fn what_is_remembered_is_what_the_file_says() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("books.db");
        let mut books = open(&path);
        for number in 1..=5 {
            books.commit(deposit(number)).unwrap();
        }
        let heads = format!("{:?}", books.heads);
        assert_eq!(balance(&mut books), 5);
        books.broken = true;
        assert_eq!(balance(&mut books), 5);
        assert_eq!(format!("{:?}", books.heads), heads);
        drop(books);
        let mut books = open(&path);
        assert_eq!(balance(&mut books), 5);
        assert_eq!(format!("{:?}", books.heads), heads);
    }
}
