//! Forgets answers and nonces whose time is over: a few in each commit, from the front of their
//! tables, where the oldest are.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use marketplace_money::Did;
use marketplace_ports::{IdempotencyKey, Nonce};

use crate::draft::Draft;
use crate::failure::Failure;
use crate::heads::{first_answer_expires, first_nonce_expires};

/// Rows that a commit forgets beside twice as many as it writes: so the tables shrink under any
/// load, and no commit is slow because of it.
const A_FEW: usize = 64;

/// What a commit forgot, and when the next may be.
#[derive(Default)]
pub(crate) struct Forgotten {
    pub(crate) answers: Vec<IdempotencyKey>,
    pub(crate) nonces: Vec<Nonce>,
    pub(crate) first_answer_expires: Option<i64>,
    pub(crate) first_nonce_expires: Option<i64>,
}

#[derive(QueryableByName)]
struct OldAnswer {
    #[diesel(sql_type = Text)]
    caller: String,
    #[diesel(sql_type = Text)]
    route: String,
    #[diesel(sql_type = Text)]
    key: String,
}

#[derive(QueryableByName)]
struct OldNonce {
    #[diesel(sql_type = Text)]
    signer: String,
    #[diesel(sql_type = Text)]
    value: String,
}

impl Forgotten {
    pub(crate) fn sweep(connection: &mut SqliteConnection, draft: &Draft) -> Result<Self, Failure> {
        let now = draft.batch.at;
        let is_due = |first: Option<i64>| first.is_some_and(|expires_at| expires_at <= now);
        let mut swept = Self {
            first_answer_expires: draft.heads.first_answer_expires,
            first_nonce_expires: draft.heads.first_nonce_expires,
            ..Self::default()
        };
        if is_due(swept.first_answer_expires) {
            swept.answers = forget_answers(connection, now, draft.answers.len())?;
            swept.first_answer_expires = first_answer_expires(connection)?;
        } else if swept.first_answer_expires.is_none() {
            swept.first_answer_expires = draft.answers.first().map(|new| new.row.expires_at);
        }
        if is_due(swept.first_nonce_expires) {
            swept.nonces = forget_nonces(connection, now, draft.nonces.len())?;
            swept.first_nonce_expires = first_nonce_expires(connection)?;
        } else if swept.first_nonce_expires.is_none() {
            swept.first_nonce_expires = draft.nonces.first().map(|new| new.row.expires_at);
        }
        Ok(swept)
    }
}

fn at_most(written: usize) -> i64 {
    i64::try_from(A_FEW + 2 * written).unwrap_or(i64::MAX)
}

fn forget_answers(
    connection: &mut SqliteConnection,
    now: i64,
    written: usize,
) -> Result<Vec<IdempotencyKey>, Failure> {
    let rows: Vec<OldAnswer> = diesel::sql_query(
        "DELETE FROM idempotency
         WHERE position IN (SELECT position FROM idempotency ORDER BY position LIMIT ?)
           AND expires_at <= ?
         RETURNING caller, route, key",
    )
    .bind::<BigInt, _>(at_most(written))
    .bind::<BigInt, _>(now)
    .load(connection)?;
    // A name that is no DID is in no memory either.
    let key = |row: OldAnswer| {
        let caller = row.caller.parse::<Did>().ok()?;
        Some(IdempotencyKey { caller, route: row.route, key: row.key })
    };
    Ok(rows.into_iter().filter_map(key).collect())
}

fn forget_nonces(
    connection: &mut SqliteConnection,
    now: i64,
    written: usize,
) -> Result<Vec<Nonce>, Failure> {
    let rows: Vec<OldNonce> = diesel::sql_query(
        "DELETE FROM nonces
         WHERE position IN (SELECT position FROM nonces ORDER BY position LIMIT ?)
           AND expires_at <= ?
         RETURNING signer, value",
    )
    .bind::<BigInt, _>(at_most(written))
    .bind::<BigInt, _>(now)
    .load(connection)?;
    let nonce = |row: OldNonce| Some(Nonce { signer: row.signer.parse().ok()?, value: row.value });
    Ok(rows.into_iter().filter_map(nonce).collect())
}
