//! Where each append-only table ends, and the few sums that a commit carries on.

use std::collections::BTreeMap;

use diesel::dsl::max;
use diesel::prelude::*;
use marketplace_ledger::Account;
use marketplace_money::Timestamp;
use marketplace_store_rows::{bytes32, tables};

use crate::failure::Failure;
use crate::retire::Retired;

/// The name of the counter of listings.
pub(crate) const LISTING_COUNT: &str = "listings";

/// Known to the writer alone, who alone changes it. A commit works on a copy, which becomes the
/// truth when the database has it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heads {
    /// Last positions; 0 in an empty table.
    pub(crate) order: i64,
    pub(crate) listing: i64,
    pub(crate) posting: i64,
    pub(crate) event: i64,
    pub(crate) batch: i64,
    pub(crate) answer: i64,
    pub(crate) nonce: i64,
    /// Of the last batch; zeros before the first.
    pub(crate) hash: [u8; 32],
    pub(crate) listing_count: i64,
    /// Sums over the journal of accounts that no rule reads, in nano-AVT.
    pub(crate) sums: BTreeMap<Account, i64>,
    /// What all open orders hold, in nano-AVT.
    pub(crate) open_escrow: i64,
    /// When the first row in each table of what is forgotten may be forgotten.
    pub(crate) first_answer_expires: Option<i64>,
    pub(crate) first_nonce_expires: Option<i64>,
}

/// The name of the sum of all orders' accounts; no account is called so.
pub(crate) const OPEN_ESCROW: &str = "orders";

macro_rules! last {
    ($connection:expr, $table:ident) => {
        tables::$table::table
            .select(max(tables::$table::position))
            .first::<Option<i64>>($connection)?
            .unwrap_or(0)
    };
}

impl Heads {
    pub(crate) fn read(connection: &mut SqliteConnection) -> Result<Self, Failure> {
        use tables::{batches, counters, sums};
        let hash: Option<Vec<u8>> = batches::table
            .order(batches::position.desc())
            .select(batches::hash)
            .first(connection)
            .optional()?;
        let count: Option<i64> = counters::table
            .find(LISTING_COUNT)
            .select(counters::value)
            .first(connection)
            .optional()?;
        let retired = Retired::read(connection)?;
        let (mut totals, mut open_escrow) = (BTreeMap::new(), 0);
        for (account, amount) in sums::table.load::<(String, i64)>(connection)? {
            if account == OPEN_ESCROW {
                open_escrow = amount;
                continue;
            }
            let key = account.parse::<Account>();
            let error = |error| marketplace_store_rows::RowError::new("sums", &account, error);
            totals.insert(key.map_err(error)?, amount);
        }
        Ok(Self {
            order: last!(connection, orders),
            listing: last!(connection, listings),
            posting: last!(connection, postings).max(retired.posting),
            event: last!(connection, events).max(retired.event),
            batch: last!(connection, batches),
            answer: last!(connection, idempotency),
            nonce: last!(connection, nonces),
            hash: hash
                .map(|hash| bytes32("batches", "last", &hash))
                .transpose()?
                .unwrap_or_default(),
            listing_count: count.unwrap_or(0),
            sums: totals,
            open_escrow,
            first_answer_expires: first_answer_expires(connection)?,
            first_nonce_expires: first_nonce_expires(connection)?,
        })
    }
}

pub(crate) fn first_answer_expires(connection: &mut SqliteConnection) -> QueryResult<Option<i64>> {
    use tables::idempotency::dsl;
    dsl::idempotency.order(dsl::position).select(dsl::expires_at).first(connection).optional()
}

pub(crate) fn first_nonce_expires(connection: &mut SqliteConnection) -> QueryResult<Option<i64>> {
    use tables::nonces::dsl;
    dsl::nonces.order(dsl::position).select(dsl::expires_at).first(connection).optional()
}

/// The latest time in the database: the clock does not go back behind it.
pub(crate) fn latest_time(connection: &mut SqliteConnection) -> QueryResult<Timestamp> {
    use tables::{batches, gaps, servers};
    let batch: Option<i64> = batches::table
        .order(batches::position.desc())
        .select(batches::at)
        .first(connection)
        .optional()?;
    let heartbeat: Option<i64> = servers::table.select(max(servers::at)).first(connection)?;
    let gap: Option<i64> = gaps::table.select(max(gaps::until_at)).first(connection)?;
    let latest = batch.max(heartbeat).max(gap);
    Ok(Timestamp::from_micros(latest.unwrap_or(i64::MIN)))
}
