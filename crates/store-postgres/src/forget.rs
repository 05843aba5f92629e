//! What is not kept for ever: answers and nonces go when their time is over, history when policy
//! says so. In bounded steps, each a transaction of its own: nobody waits long for one.

use std::collections::BTreeSet;

use diesel::sql_types::{BigInt, Nullable, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use marketplace_money::Timestamp;
use marketplace_store_rows::{audience_from_text, from_count, party_key};

use crate::failure::Failure;
use crate::months;
use crate::query::query;

const ANSWERS: &str = "\
DELETE FROM idempotency WHERE id IN (
    SELECT id FROM idempotency WHERE expires_at <= ?
    ORDER BY expires_at LIMIT ? FOR UPDATE SKIP LOCKED
)";

const NONCES: &str = "\
DELETE FROM nonces WHERE id IN (
    SELECT id FROM nonces WHERE expires_at <= ?
    ORDER BY expires_at LIMIT ? FOR UPDATE SKIP LOCKED
)";

/// Forgets answers and nonces whose time is over; says how many.
pub(crate) async fn forget(
    connection: &mut AsyncPgConnection,
    now: Timestamp,
    limit: u32,
) -> Result<u64, Failure> {
    let mut forgotten = 0;
    for what in [ANSWERS, NONCES] {
        let delete = query::<()>(what).number(now.micros()).number(limit);
        forgotten += delete.execute(connection).await? as u64;
    }
    Ok(forgotten)
}

/// Commits that come next in the chain, as long as they are old enough. What follows a younger
/// one stays with it, whatever its own clock said.
const OLD: &str = "\
WITH candidates AS (
    SELECT b.position, b.at, b.last_event FROM batches b, retired r, chain c
    WHERE b.position > r.position AND b.position < c.position ORDER BY b.position LIMIT ?
)
SELECT COUNT(*), MAX(position), MAX(last_event), MAX(at) FROM candidates
WHERE position < COALESCE((SELECT MIN(position) FROM candidates WHERE at >= ?), position + 1)";

type OldColumns = (BigInt, Nullable<BigInt>, Nullable<BigInt>, Nullable<BigInt>);
type OldRow = (i64, Option<i64>, Option<i64>, Option<i64>);

/// Positions of postings are made of the numbers of their commits.
const OPEN: &str = "\
INSERT INTO openings (account, amount)
SELECT p.account, CAST(SUM(p.delta) AS BIGINT)
FROM batches b, retired r, postings p
WHERE b.position > r.position AND b.position <= ?
    AND p.position >= b.number * 1048576 AND p.position < (b.number + 1) * 1048576
    AND p.at = b.at
GROUP BY p.account
ORDER BY p.account
ON CONFLICT (account) DO UPDATE SET amount = openings.amount + excluded.amount";

/// Who may see what is put away.
const AUDIENCES: &str = "\
SELECT e.audience FROM retired r, batches b, events e
WHERE b.position > r.position AND b.position <= ?
    AND e.batch = b.number AND e.stored_at = b.at";

/// Whoever reads the feed of one agent starts behind what is put away. A row speaks of one commit
/// only, so none reaches behind the last of them.
const BLIND: &str = "DELETE FROM event_audience WHERE agent = ANY(?) AND position <= ?";

/// The keys of those who may see what is put away.
async fn audience(connection: &mut AsyncPgConnection, position: i64) -> Result<Vec<i64>, Failure> {
    let texts = query::<Text>(AUDIENCES).number(position);
    let texts: Vec<String> = texts.load(connection).await?;
    let mut keys = BTreeSet::new();
    for text in texts {
        let names = audience_from_text(&text)?;
        keys.extend(names.iter().map(|did| party_key(did.as_str())));
    }
    Ok(keys.into_iter().collect())
}

/// Puts away the history of commits before an instant, about `limit` commits of it; says of how
/// many.
pub(crate) async fn retire(
    connection: &mut AsyncPgConnection,
    before: Timestamp,
    limit: u32,
) -> Result<u64, Failure> {
    let step = async |connection: &mut AsyncPgConnection| {
        // One at a time: whoever comes second finds what the first has left.
        let lock = query::<BigInt>("SELECT position FROM retired FOR UPDATE");
        let _: i64 = lock.get_result(connection).await?;
        let old = query::<OldColumns>(OLD).number(limit).number(before.micros());
        let (count, position, event, at): OldRow = old.get_result(connection).await?;
        let (Some(position), Some(at)) = (position, at) else {
            return Ok::<u64, Failure>(0);
        };
        query::<()>(OPEN).number(position).execute(connection).await?;
        if let Some(event) = event {
            let keys = audience(connection, position).await?;
            query::<()>(BLIND).numbers(keys).number(event).execute(connection).await?;
        }
        let spent = query::<()>("DELETE FROM openings WHERE amount = 0");
        spent.execute(connection).await?;
        let moved = query::<()>(
            "UPDATE retired SET position = ?, event = GREATEST(event, ?), at = GREATEST(at, ?)",
        );
        moved.number(position).number(event.unwrap_or(0)).number(at).execute(connection).await?;
        Ok(from_count(count))
    };
    let retired = connection.build_transaction().read_committed().run(step).await?;
    if retired == 0 {
        months::drop_retired(connection).await?;
    }
    Ok(retired)
}
