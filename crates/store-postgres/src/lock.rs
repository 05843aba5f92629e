//! The first round trip of a commit: whether it was written before, and the locks on everything
//! that it touches, with what stands there now.
//!
//! Locks are taken table by table in the order of [`Table::ALL`], then balances, then the counter;
//! in each table by key; rows that are only read are locked against change together with those
//! that are written. Only then the commit gets its number and its time: what is under one lock is
//! in the order of the numbers.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use marketplace_ledger::Account;
use marketplace_money::Amount;
use marketplace_ports::{Batch, ChangeSet, Current, Key};
use marketplace_store_rows::{from_count, id_text};
use tokio_postgres::Row;

use crate::clock::{CLOCK, StoreClock};
use crate::failure::Failure;
use crate::found::column;
use crate::keys::{Keys, Table};
use crate::session::Session;
use crate::view::{take, told};

pub(crate) const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";
/// What became of a batch: nothing in the row of one that was given up.
pub(crate) const OUTCOMES: &str = "SELECT outcomes FROM batches WHERE id = $1";
const ANSWERS_TAKEN: &str = "SELECT id FROM idempotency WHERE id = ANY($1)";
const NONCES_TAKEN: &str = "SELECT id FROM nonces WHERE id = ANY($1)";
const BALANCES: &str = "SELECT account, amount, payout_at, exposure FROM balances \
     WHERE account = ANY($1) ORDER BY account FOR NO KEY UPDATE";
const LISTING_COUNT: &str = "SELECT value FROM counters WHERE name = 'listings' FOR NO KEY UPDATE";

static NUMBER: LazyLock<String> = LazyLock::new(|| format!("{CLOCK}, nextval('batch_numbers')"));

/// For each table the statement that locks against change, and the one that locks for writing.
static LOCKS: LazyLock<[[String; 2]; Table::ALL.len()]> = LazyLock::new(|| {
    Table::ALL.map(|table| {
        let (name, key) = table.names();
        ["SHARE", "NO KEY UPDATE"].map(|strength| {
            format!(
                "SELECT {key}, version FROM {name} WHERE {key} = ANY($1) ORDER BY {key} FOR {strength}"
            )
        })
    })
});

/// A balance that has a row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StandingBalance {
    pub(crate) amount: i64,
    pub(crate) payout_at: Option<i64>,
    pub(crate) exposure: i64,
}

impl StandingBalance {
    /// Of a row of account, amount, `payout_at`, exposure.
    pub(crate) fn read(row: &Row) -> Result<Self, Failure> {
        Ok(Self { amount: column(row, 1)?, payout_at: column(row, 2)?, exposure: column(row, 3)? })
    }
}

/// What stands, locked, where a batch will write.
pub(crate) struct Standing {
    pub(crate) current: Current,
    /// By account.
    pub(crate) balances: HashMap<String, StandingBalance>,
    /// The number of the commit, if it was taken.
    pub(crate) number: Option<i64>,
    /// Its time, in microseconds.
    pub(crate) at: i64,
}

/// What the first round trip found.
pub(crate) enum Before {
    /// The batch was written, or given up, before.
    Known(Option<String>),
    /// It was not.
    Standing(Box<Standing>),
}

/// Every key that a batch touches. An agent's row decides on its payouts, which are kept with its
/// balance.
pub(crate) fn keys_of(batch: &Batch) -> Keys {
    let mut keys: HashSet<Key> = batch.sets.iter().flat_map(|(_, set)| set.keys()).collect();
    let agents = batch.sets.iter().flat_map(|(_, set)| &set.agents);
    keys.extend(agents.map(|change| Key::Balance(Account::Agent(change.row.did.clone()))));
    Keys::new(&keys)
}

/// Whether any set of a batch writes to a table.
fn writes_to(batch: &Batch, table: Table) -> bool {
    let writes = |set: &ChangeSet| match table {
        Table::Orders => !set.orders.is_empty(),
        Table::Listings => !set.listings.is_empty(),
        Table::Agents => !set.agents.is_empty(),
        Table::Withdrawals => !set.withdrawals.is_empty(),
        Table::Deposits => !set.deposits.is_empty(),
        Table::ApiKeys => !set.api_keys.is_empty(),
        Table::Tasks => !set.tasks.is_empty(),
        Table::TegRecords => !set.teg_records.is_empty(),
        Table::Motions => !set.motions.is_empty(),
        Table::Disputes => !set.disputes.is_empty(),
        Table::Jurors => !set.jurors.is_empty(),
        Table::Reviews => !set.reviews.is_empty(),
    };
    batch.sets.iter().any(|(_, set)| writes(set))
}

/// The tables that the batch touches, in the written order, with what locks their rows.
fn locks<'a>(batch: &Batch, keys: &'a Keys) -> Vec<(Table, &'static str, Vec<&'a str>)> {
    let touched = Table::ALL.into_iter().filter(|table| !keys.of(*table).is_empty());
    touched
        .map(|table| {
            let text = &LOCKS[table as usize][usize::from(writes_to(batch, table))];
            (table, text.as_str(), keys.texts(table))
        })
        .collect()
}

/// Begins the transaction and takes all locks.
pub(crate) async fn lock(
    session: &mut Session,
    clock: &StoreClock,
    batch: &Batch,
    keys: &Keys,
) -> Result<Before, Failure> {
    let id = id_text(batch.id);
    let answers: Vec<&[u8]> = keys.answers.keys().map(|id| &id[..]).collect();
    let nonces: Vec<&[u8]> = keys.nonces.keys().map(|id| &id[..]).collect();
    let balances: Vec<&str> = keys.balances.keys().map(String::as_str).collect();
    let tables = locks(batch, keys);

    let fixed = [OUTCOMES, ANSWERS_TAKEN, NONCES_TAKEN, BALANCES, LISTING_COUNT, NUMBER.as_str()];
    session.prepare(fixed.into_iter().chain(tables.iter().map(|(_, text, _)| *text))).await?;
    let mut pipeline = session.begin(BEGIN);
    let known = pipeline.rows(OUTCOMES, vec![&id])?;
    let mut wanted = |wanted: bool, text, params| {
        if wanted { pipeline.rows(text, params).map(Some) } else { Ok(None) }
    };
    let answers_taken = wanted(!answers.is_empty(), ANSWERS_TAKEN, vec![&answers])?;
    let nonces_taken = wanted(!nonces.is_empty(), NONCES_TAKEN, vec![&nonces])?;
    let mut versions = Vec::with_capacity(tables.len());
    for (table, text, keys) in &tables {
        versions.push((*table, wanted(true, *text, vec![keys])?));
    }
    let balances_place = wanted(!balances.is_empty(), BALANCES, vec![&balances])?;
    let count = wanted(keys.listing_count, LISTING_COUNT, vec![])?;
    let number = pipeline.rows(&NUMBER, vec![])?;
    let mut answers = pipeline.run().await?;

    if let Some(row) = take(&mut answers, known).first() {
        return Ok(Before::Known(column(row, 0)?));
    }
    let mut rows = |place: Option<usize>| place.map_or_else(Vec::new, |at| take(&mut answers, at));
    let numbered = rows(Some(number));
    let at = told(clock, &numbered)?.micros();
    let number = numbered.first().map_or(Ok(0), |row| column(row, 2))?;
    let mut standing = Standing {
        current: Current::default(),
        balances: HashMap::new(),
        number: Some(number),
        at,
    };
    standing.read_taken(keys, &rows(answers_taken), &rows(nonces_taken))?;
    for (table, place) in versions {
        standing.read_versions(table, keys, &rows(place))?;
    }
    standing.read_balances(keys, &rows(balances_place))?;
    if let Some(row) = rows(count).first() {
        standing.current.listing_count = column(row, 0)?;
    }
    Ok(Before::Standing(Box::new(standing)))
}

impl Standing {
    fn read_taken(&mut self, keys: &Keys, answers: &[Row], nonces: &[Row]) -> Result<(), Failure> {
        let id = |row: &Row| -> Result<[u8; 32], Failure> {
            Ok(column::<&[u8]>(row, 0)?.try_into().unwrap_or_default())
        };
        for row in answers {
            let key = keys.answers.get(&id(row)?).cloned();
            self.current.taken.extend(key.map(Key::Idempotency));
        }
        for row in nonces {
            self.current.taken.extend(keys.nonces.get(&id(row)?).cloned().map(Key::Nonce));
        }
        Ok(())
    }

    fn read_versions(&mut self, table: Table, keys: &Keys, rows: &[Row]) -> Result<(), Failure> {
        for row in rows {
            let text: &str = column(row, 0)?;
            if let Some(key) = keys.of(table).get(text) {
                let version = from_count(column(row, 1)?);
                self.current.versions.insert(key.clone(), version);
            }
        }
        Ok(())
    }

    fn read_balances(&mut self, keys: &Keys, rows: &[Row]) -> Result<(), Failure> {
        for row in rows {
            let text: &str = column(row, 0)?;
            let balance = StandingBalance::read(row)?;
            if let Some(account) = keys.balances.get(text) {
                let amount = Amount::from_nano(balance.amount);
                self.current.balances.insert(account.clone(), amount);
                if let Account::Agent(did) = account {
                    let open = Amount::from_nano(balance.exposure);
                    self.current.exposures.insert(did.clone(), open);
                }
            }
            self.balances.insert(text.to_owned(), balance);
        }
        Ok(())
    }
}

/// The status whose orders are in no list of open ones.
pub(crate) const COMPLETED: &str = "COMPLETED";
