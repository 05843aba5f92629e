//! Disputes, and jurors, as readers see them.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use marketplace_disputes::ChainLink;
use marketplace_ledger::{Account, EntryDraft};
use marketplace_money::{Amount, Did, DisputeId, OrderId, Timestamp};
use marketplace_ports::{DisputeFilter, DisputeStore, Docket, Juror, Page, StoreError};
use marketplace_store_rows::{
    DisputeLogRow, DisputeRow, JurorRow, PostingRow, account_text, agent_of, bytes32, count,
    drafts_of, from_count, id_of, id_text, tables,
};

use crate::failure::Failure;
use crate::fetch::{MOST_KEYS, rows_by};
use crate::rows::NewBatch;
use crate::seal::link;
use crate::store::SqliteStore;

/// What the index of open disputes has; spelled as it spells it, or SQLite does not see it.
const OPEN: &str = "phase NOT IN ('FINAL', 'WITHDRAWN', 'SETTLED', 'ABORTED')";
/// Disputes that are read at once by the audit.
const AUDITED: i64 = 200;

/// Disputes by their ids, in the order of the ids.
pub(crate) fn dockets(
    connection: &mut SqliteConnection,
    ids: &[String],
) -> Result<Vec<Arc<Docket>>, Failure> {
    use tables::dispute_log::dsl;
    let mut found = HashMap::with_capacity(ids.len());
    for ids in ids.chunks(MOST_KEYS) {
        let rows: Vec<DisputeLogRow> = dsl::dispute_log
            .filter(dsl::dispute.eq_any(ids))
            .order((dsl::dispute, dsl::version))
            .select(DisputeLogRow::as_select())
            .load(connection)?;
        for docket in DisputeLogRow::dockets(&rows)? {
            found.insert(id_text(docket.dispute.id.uuid()), Arc::new(docket));
        }
    }
    Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
}

/// How many rows do not say what their log says.
pub(crate) fn strange_disputes(connection: &mut SqliteConnection) -> Result<u64, Failure> {
    use tables::disputes::dsl;
    let (mut strange, mut after) = (0, 0);
    loop {
        let rows: Vec<(i64, DisputeRow)> = dsl::disputes
            .filter(dsl::position.gt(after))
            .order(dsl::position)
            .limit(AUDITED)
            .select((dsl::position, DisputeRow::as_select()))
            .load(connection)?;
        let Some((last, _)) = rows.last() else { return Ok(strange) };
        after = *last;
        for (_, row) in &rows {
            let kept = match dockets(connection, std::slice::from_ref(&row.id)) {
                Ok(kept) => kept,
                Err(Failure::Store(StoreError::Corrupt(problem))) => {
                    tracing::error!(problem, "a dispute cannot be read");
                    Vec::new()
                }
                Err(failure) => return Err(failure),
            };
            let agrees = kept.first().is_some_and(|docket| DisputeRow::new(docket) == *row);
            strange += u64::from(!agrees);
        }
    }
}

fn of_order(
    connection: &mut SqliteConnection,
    order: OrderId,
) -> Result<Vec<Arc<Docket>>, Failure> {
    use tables::disputes::dsl;
    let query = dsl::disputes.filter(dsl::order_id.eq(id_text(order.uuid())));
    let ids: Vec<String> = query.order(dsl::position).select(dsl::id).load(connection)?;
    dockets(connection, &ids)
}

fn page(
    connection: &mut SqliteConnection,
    filter: &DisputeFilter,
) -> Result<Page<Arc<Docket>>, Failure> {
    use tables::disputes::dsl;
    let from = count(filter.cursor.unwrap_or(u64::MAX));
    let mut query = dsl::disputes
        .filter(dsl::position.lt(from))
        .order(dsl::position.desc())
        .limit(i64::from(filter.limit) + 1)
        .select((dsl::position, dsl::id))
        .into_boxed();
    if let Some(party) = &filter.party {
        let party = party.as_str().to_owned();
        query = query.filter(dsl::buyer.eq(party.clone()).or(dsl::seller.eq(party)));
    }
    if filter.open_only {
        query = query.filter(sql::<Bool>(OPEN));
    }
    let mut rows: Vec<(i64, String)> = query.load(connection)?;
    let limit = usize::try_from(filter.limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|(position, _)| from_count(*position));
    let ids: Vec<String> = rows.into_iter().map(|(_, id)| id).collect();
    Ok(Page { items: dockets(connection, &ids)?, next })
}

fn lost(
    connection: &mut SqliteConnection,
    disputer: &Did,
    since: Timestamp,
) -> Result<u32, Failure> {
    use tables::disputes::dsl;
    let lost: i64 = dsl::disputes
        .filter(dsl::disputer.eq(disputer.as_str()))
        .filter(sql::<Bool>("lost_at IS NOT NULL"))
        .filter(dsl::lost_at.ge(since.micros()))
        .select(diesel::dsl::count_star())
        .get_result(connection)?;
    Ok(u32::try_from(lost).unwrap_or(u32::MAX))
}

fn exhibit(
    connection: &mut SqliteConnection,
    dispute: DisputeId,
    name: [u8; 32],
) -> Result<Option<Arc<[u8]>>, Failure> {
    use tables::exhibits::dsl;
    let query = dsl::exhibits.find((id_text(dispute.uuid()), name.to_vec()));
    let bytes: Option<Vec<u8>> = query.select(dsl::bytes).get_result(connection).optional()?;
    Ok(bytes.map(Arc::from))
}

#[derive(QueryableByName)]
struct Link {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    version: i64,
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    position: i64,
    #[diesel(sql_type = diesel::sql_types::Text)]
    id: String,
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    at: i64,
    #[diesel(sql_type = diesel::sql_types::Text)]
    outcomes: String,
    #[diesel(sql_type = diesel::sql_types::Binary)]
    hash: Vec<u8>,
    #[diesel(sql_type = diesel::sql_types::Nullable<diesel::sql_types::Binary>)]
    previous: Option<Vec<u8>>,
    #[diesel(sql_type = diesel::sql_types::Binary)]
    postings: Vec<u8>,
    #[diesel(sql_type = diesel::sql_types::Binary)]
    events: Vec<u8>,
}

const LINKS: &str = "
SELECT l.version, b.position, b.id, b.at, b.outcomes, b.hash, p.hash AS previous,
    c.postings, c.events
FROM dispute_log l
    JOIN dispute_commits c ON c.batch = l.batch
    JOIN batches b ON b.position = l.batch
    LEFT JOIN batches p ON p.position = l.batch - 1
WHERE l.dispute = ? ORDER BY l.version";

fn seals(
    connection: &mut SqliteConnection,
    id: DisputeId,
) -> Result<Vec<(u64, ChainLink)>, Failure> {
    let query = diesel::sql_query(LINKS).bind::<diesel::sql_types::Text, _>(id_text(id.uuid()));
    let rows: Vec<Link> = query.load(connection)?;
    let mut links = Vec::with_capacity(rows.len());
    for row in rows {
        let previous = row.previous.as_deref().unwrap_or(&[0; 32]);
        let previous = bytes32("batches", &row.id, previous)?;
        let hash = bytes32("batches", &row.id, &row.hash)?;
        let (position, id, at, outcomes) = (row.position, row.id, row.at, row.outcomes);
        let batch = NewBatch { position, id, at, outcomes, hash: Vec::new() };
        let content = Some(link(&batch, &row.postings, &row.events).content());
        let position = from_count(position);
        links.push((from_count(row.version), ChainLink { position, previous, hash, content }));
    }
    Ok(links)
}

const ENDS_ESCROW: &str = "kind IN ('escrow_released', 'escrow_refunded', 'escrow_split')";
const ENTRIES: &str = "
SELECT DISTINCT c.first_posting, c.last_posting FROM dispute_log l
    JOIN dispute_commits c ON c.batch = l.batch
WHERE l.dispute = ? ORDER BY c.batch";

#[derive(QueryableByName)]
struct Range {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    first_posting: i64,
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    last_posting: i64,
}

fn entries(
    connection: &mut SqliteConnection,
    id: DisputeId,
    order: OrderId,
) -> Result<Vec<EntryDraft>, Failure> {
    use tables::postings::dsl;
    let query = diesel::sql_query(ENTRIES).bind::<diesel::sql_types::Text, _>(id_text(id.uuid()));
    let ranges: Vec<Range> = query.load(connection)?;
    let mut rows: Vec<PostingRow> = Vec::new();
    for range in ranges {
        let query = dsl::postings
            .filter(dsl::position.ge(range.first_posting))
            .filter(dsl::position.le(range.last_posting))
            .filter(dsl::reason.eq(Docket::entry_reason(id)).or(sql::<Bool>(ENDS_ESCROW)))
            .order(dsl::position)
            .select(PostingRow::as_select());
        rows.extend(query.load::<PostingRow>(connection)?);
    }
    Ok(drafts_of(order, &rows)?)
}

/// Jurors with their stakes.
fn with_stakes(
    connection: &mut SqliteConnection,
    rows: &[JurorRow],
) -> Result<Vec<(Arc<Juror>, Amount)>, Failure> {
    use tables::balances::dsl;
    let mut staked = Vec::with_capacity(rows.len());
    for row in rows {
        let juror = Arc::new(row.juror()?);
        let account = account_text(&Account::Juror(juror.did.clone()));
        let query = dsl::balances.find(account).select(dsl::amount);
        let stake: Option<i64> = query.get_result(connection).optional()?;
        staked.push((juror, Amount::from_nano(stake.unwrap_or(0))));
    }
    Ok(staked)
}

fn juror(
    connection: &mut SqliteConnection,
    did: &Did,
) -> Result<Option<(Arc<Juror>, Amount)>, Failure> {
    let keys = [did.as_str().to_owned()];
    let rows = rows_by!(connection, jurors.did, JurorRow::as_select(), JurorRow, &keys);
    Ok(with_stakes(connection, &rows)?.pop())
}

fn jurors(
    connection: &mut SqliteConnection,
    after: &str,
    limit: u32,
) -> Result<Vec<(Arc<Juror>, Amount)>, Failure> {
    use tables::jurors::dsl;
    let mut after = after.to_owned();
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut found = Vec::new();
    // Who took its stake back stays in the table.
    loop {
        let rows: Vec<JurorRow> = dsl::jurors
            .filter(dsl::did.gt(&after))
            .order(dsl::did)
            .limit(i64::try_from(limit).unwrap_or(i64::MAX))
            .select(JurorRow::as_select())
            .load(connection)?;
        let Some(last) = rows.last() else { return Ok(found) };
        after.clone_from(&last.did);
        let staked = with_stakes(connection, &rows)?;
        found.extend(staked.into_iter().filter(|(_, stake)| stake.is_positive()));
        if found.len() >= limit {
            found.truncate(limit);
            return Ok(found);
        }
    }
}

/// Lines of one entry stand side by side. What counts of a transfer is cut off at what is asked for,
/// so that no sum is beyond what a number holds.
const SENT: &str = "
SELECT other.account AS other, own.delta < 0 AS sent
FROM postings own JOIN postings other ON other.position >= own.position - own.line
    AND other.position < own.position - own.line + own.lines
WHERE own.account = ?1 AND own.kind = 'transfer' AND own.at >= ?2
    AND substr(other.account, 1, 6) = 'agent:' AND (own.delta < 0) <> (other.delta < 0)
GROUP BY other.account, own.delta < 0
HAVING SUM(MIN(ABS(own.delta), ABS(other.delta), ?3)) >= ?3";

#[derive(QueryableByName)]
struct Sent {
    #[diesel(sql_type = diesel::sql_types::Text)]
    other: String,
    #[diesel(sql_type = Bool)]
    sent: bool,
}

pub(crate) fn sent_since(
    connection: &mut SqliteConnection,
    agents: &[Did],
    since: Timestamp,
    least: Amount,
) -> Result<Vec<(Did, Did)>, Failure> {
    let mut pairs = BTreeSet::new();
    for agent in agents {
        let query = diesel::sql_query(SENT)
            .bind::<diesel::sql_types::Text, _>(account_text(&Account::Agent(agent.clone())))
            .bind::<diesel::sql_types::BigInt, _>(since.micros())
            .bind::<diesel::sql_types::BigInt, _>(least.nano());
        for row in query.load::<Sent>(connection)? {
            let other = agent_of("postings", &row.other)?;
            let own = agent.clone();
            pairs.insert(if row.sent { (own, other) } else { (other, own) });
        }
    }
    Ok(pairs.into_iter().collect())
}

const TO_ANOTHER: &str = "
SELECT o.id FROM blobs b JOIN orders o ON o.id = b.order_id
WHERE b.sha256 = ? AND o.seller = ? AND o.buyer <> ? ORDER BY o.position LIMIT 1";

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = diesel::sql_types::Text)]
    id: String,
}

pub(crate) fn delivered_to_another(
    connection: &mut SqliteConnection,
    seller: &Did,
    buyer: &Did,
    sha256: &[u8; 32],
) -> Result<Option<OrderId>, Failure> {
    let query = diesel::sql_query(TO_ANOTHER)
        .bind::<diesel::sql_types::Binary, _>(&sha256[..])
        .bind::<diesel::sql_types::Text, _>(seller.as_str())
        .bind::<diesel::sql_types::Text, _>(buyer.as_str());
    let found: Option<Id> = query.get_result(connection).optional()?;
    Ok(found.map(|row| id_of("orders", &row.id)).transpose()?.map(OrderId::new))
}

#[async_trait]
impl DisputeStore for SqliteStore {
    async fn docket(&self, id: DisputeId) -> Result<Option<Arc<Docket>>, StoreError> {
        let ids = [id_text(id.uuid())];
        self.readers.read(move |connection| Ok(dockets(connection, &ids)?.pop())).await
    }

    async fn disputes_of(&self, order: OrderId) -> Result<Vec<Arc<Docket>>, StoreError> {
        self.readers.read(move |connection| of_order(connection, order)).await
    }

    async fn disputes(&self, filter: &DisputeFilter) -> Result<Page<Arc<Docket>>, StoreError> {
        let filter = filter.clone();
        self.readers.read(move |connection| page(connection, &filter)).await
    }

    async fn disputes_lost(&self, disputer: &Did, since: Timestamp) -> Result<u32, StoreError> {
        let disputer = disputer.clone();
        self.readers.read(move |connection| lost(connection, &disputer, since)).await
    }

    async fn exhibit(
        &self,
        dispute: DisputeId,
        name: [u8; 32],
    ) -> Result<Option<Arc<[u8]>>, StoreError> {
        self.readers.read(move |connection| exhibit(connection, dispute, name)).await
    }

    async fn dispute_seals(&self, id: DisputeId) -> Result<Vec<(u64, ChainLink)>, StoreError> {
        self.readers.read(move |connection| seals(connection, id)).await
    }

    async fn dispute_entries(
        &self,
        id: DisputeId,
        order: OrderId,
    ) -> Result<Vec<EntryDraft>, StoreError> {
        self.readers.read(move |connection| entries(connection, id, order)).await
    }

    async fn delivered_to_another(
        &self,
        seller: &Did,
        buyer: &Did,
        sha256: [u8; 32],
    ) -> Result<Option<OrderId>, StoreError> {
        let (seller, buyer) = (seller.clone(), buyer.clone());
        let read = move |connection: &mut SqliteConnection| {
            delivered_to_another(connection, &seller, &buyer, &sha256)
        };
        self.readers.read(read).await
    }

    async fn juror(&self, did: &Did) -> Result<Option<(Arc<Juror>, Amount)>, StoreError> {
        let did = did.clone();
        self.readers.read(move |connection| juror(connection, &did)).await
    }

    async fn jurors(
        &self,
        after: Option<&Did>,
        limit: u32,
    ) -> Result<Vec<(Arc<Juror>, Amount)>, StoreError> {
        let after = after.map_or_else(String::new, |did| did.as_str().to_owned());
        self.readers.read(move |connection| jurors(connection, &after, limit)).await
    }
    async fn sent_since(
        &self,
        agents: &[Did],
        since: Timestamp,
        least: Amount,
    ) -> Result<Vec<(Did, Did)>, StoreError> {
        let agents = agents.to_vec();
        self.readers.read(move |connection| sent_since(connection, &agents, since, least)).await
    }
}
