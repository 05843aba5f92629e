//! Disputes and jurors for readers.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use diesel::SelectableHelper;
use diesel::dsl::{count_star, sql};
use diesel::expression::{Expression, Selectable};
use diesel::pg::Pg;
use diesel::sql_types::{BigInt, Binary, Bool, Nullable, Text};
use diesel::{BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use marketplace_disputes::ChainLink;
use marketplace_ledger::{Account, EntryDraft};
use marketplace_money::{Amount, Did, DisputeId, OrderId, Timestamp};
use marketplace_ports::{DisputeFilter, DisputeStore, Docket, Juror, Page, StoreError};
use marketplace_store_rows::{
    ChainLink as Link, DisputeLogRow, DisputeRow, JurorRow, PostingRow, Recount, account_text,
    agent_of, bytes32, count, drafts_of, from_count, id_of, id_text, party_key, tables,
};

use crate::failure::Failure;
use crate::query::query;
use crate::readers::on_reader;
use crate::store::PostgresStore;

/// What the index of open disputes has.
const OPEN: &str = "phase NOT IN ('FINAL', 'WITHDRAWN', 'SETTLED', 'ABORTED')";
/// Disputes that are read at once by the audit.
const AUDITED: i64 = 200;

/// Disputes by their ids, in the order of the ids.
async fn dockets(
    connection: &mut AsyncPgConnection,
    ids: &[String],
) -> Result<Vec<Arc<Docket>>, Failure> {
    use tables::dispute_log::dsl;
    let rows: Vec<DisputeLogRow> = dsl::dispute_log
        .filter(dsl::dispute.eq_any(ids))
        .order((dsl::dispute, dsl::version))
        .select(DisputeLogRow::as_select())
        .load(connection)
        .await?;
    let found = DisputeLogRow::dockets(&rows)?.into_iter();
    let mut found: HashMap<String, Arc<Docket>> =
        found.map(|docket| (id_text(docket.dispute.id.uuid()), Arc::new(docket))).collect();
    Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
}

/// Disputes whose row does not say what their log says, or that hold what the journal does not.
pub(crate) async fn audit(
    connection: &mut AsyncPgConnection,
    recount: &mut Recount,
) -> Result<u64, Failure> {
    use tables::disputes::dsl;
    let (mut strange, mut after) = (0, i64::MIN);
    loop {
        let rows: Vec<(i64, DisputeRow)> = dsl::disputes
            .filter(dsl::position.gt(after))
            .order(dsl::position)
            .limit(AUDITED)
            .select((dsl::position, DisputeRow::as_select()))
            .load(connection)
            .await?;
        let Some((last, _)) = rows.last() else { break };
        after = *last;
        for (_, row) in &rows {
            let kept = match dockets(connection, std::slice::from_ref(&row.id)).await {
                Ok(kept) => kept,
                Err(Failure::Store(StoreError::Corrupt(problem))) => {
                    tracing::error!(problem, "a dispute cannot be read");
                    Vec::new()
                }
                Err(failure) => return Err(failure),
            };
            let agrees = kept.iter().any(|docket| DisputeRow::new(docket) == *row);
            let held = row.held_by_buyer.saturating_add(row.held_by_seller);
            let holds = recount.agrees(&format!("dispute:{}", row.id), held);
            strange += u64::from(!agrees || !holds);
        }
    }
    Ok(strange + recount.left(|account| account.starts_with("dispute:")))
}

/// Open disputes without a timer or about an order that is not disputed, and disputed orders
/// without exactly one open dispute.
pub(crate) const STRAY: &str = "\
WITH open AS (SELECT id, order_id FROM disputes
    WHERE phase NOT IN ('FINAL', 'WITHDRAWN', 'SETTLED', 'ABORTED'))
SELECT
    (SELECT COUNT(*) FROM open WHERE NOT EXISTS
        (SELECT 1 FROM timers WHERE subject = 'dispute:' || open.id))
    + (SELECT COUNT(*) FROM open LEFT JOIN orders ON orders.id = open.order_id
        WHERE orders.phase IS DISTINCT FROM 'DISPUTED')
    + (SELECT COUNT(*) FROM orders WHERE phase = 'DISPUTED' AND
        (SELECT COUNT(*) FROM open WHERE order_id = orders.id) <> 1)";

async fn of_order(
    connection: &mut AsyncPgConnection,
    order: OrderId,
) -> Result<Vec<Arc<Docket>>, Failure> {
    use tables::disputes::dsl;
    let query = dsl::disputes.filter(dsl::order_id.eq(id_text(order.uuid())));
    let ids: Vec<String> = query.order(dsl::position).select(dsl::id).load(connection).await?;
    dockets(connection, &ids).await
}

async fn page(
    connection: &mut AsyncPgConnection,
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
        query = query.filter(dsl::buyer.eq(party.as_str()).or(dsl::seller.eq(party.as_str())));
    }
    if filter.open_only {
        query = query.filter(sql::<Bool>(OPEN));
    }
    let mut rows: Vec<(i64, String)> = query.load(connection).await?;
    let limit = usize::try_from(filter.limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|(position, _)| from_count(*position));
    let ids: Vec<String> = rows.into_iter().map(|(_, id)| id).collect();
    Ok(Page { items: dockets(connection, &ids).await?, next })
}

async fn lost(
    connection: &mut AsyncPgConnection,
    disputer: &Did,
    since: Timestamp,
) -> Result<u32, Failure> {
    use tables::disputes::dsl;
    let lost: i64 = dsl::disputes
        .filter(dsl::disputer.eq(disputer.as_str()))
        .filter(dsl::lost_at.ge(since.micros()))
        .select(count_star())
        .get_result(connection)
        .await?;
    Ok(u32::try_from(lost).unwrap_or(u32::MAX))
}

async fn exhibit(
    connection: &mut AsyncPgConnection,
    dispute: DisputeId,
    name: [u8; 32],
) -> Result<Option<Arc<[u8]>>, Failure> {
    use tables::exhibits::dsl;
    let query = dsl::exhibits.find((id_text(dispute.uuid()), name.to_vec()));
    let bytes: Option<Vec<u8>> =
        query.select(dsl::bytes).get_result(connection).await.optional()?;
    Ok(bytes.map(Arc::from))
}

/// Version, position, id, time, outcomes, hash, the hash before, and both digests.
type LinkColumns =
    ((BigInt, BigInt, Text, BigInt, Text, Binary), (Nullable<Binary>, Binary, Binary));
type LinkRow = ((i64, i64, String, i64, String, Vec<u8>), (Option<Vec<u8>>, Vec<u8>, Vec<u8>));

const LINKS: &str = "\
SELECT l.version, b.position, b.id, b.at, b.outcomes, b.hash,
    (SELECT p.hash FROM batches p WHERE p.position = b.position - 1),
    b.postings_digest, b.events_digest
FROM dispute_log l JOIN batches b ON b.number = l.batch
WHERE l.dispute = ? AND b.position IS NOT NULL ORDER BY l.version";

async fn seals(
    connection: &mut AsyncPgConnection,
    id: DisputeId,
) -> Result<Vec<(u64, ChainLink)>, Failure> {
    let rows = query::<LinkColumns>(LINKS).text(id_text(id.uuid()));
    let rows: Vec<LinkRow> = rows.load(connection).await?;
    let mut links = Vec::with_capacity(rows.len());
    for ((version, position, id, at, outcomes, hash), (previous, postings, events)) in rows {
        let previous = bytes32("batches", &id, previous.as_deref().unwrap_or(&[0; 32]))?;
        let hash = bytes32("batches", &id, &hash)?;
        let (id, outcomes) = (id.as_str(), outcomes.as_str());
        let (postings, events) = (&postings[..], &events[..]);
        let link = Link { position, id, at, outcomes, postings, events };
        let content = Some(link.content());
        let position = from_count(position);
        links.push((from_count(version), ChainLink { position, previous, hash, content }));
    }
    Ok(links)
}

type PostingColumns = <<PostingRow as Selectable<Pg>>::SelectExpression as Expression>::SqlType;

/// The positions of a commit's postings begin with its number.
const ENTRIES: &str = "\
SELECT p.entry, p.line, p.lines, p.account, p.delta, p.kind, p.reason, p.at
FROM (SELECT DISTINCT batch FROM dispute_log WHERE dispute = ?) l
JOIN batches b ON b.number = l.batch
JOIN postings p ON p.at = b.at AND p.position >= (b.number << 20)
    AND p.position < ((b.number + 1) << 20)
WHERE p.reason = ? OR p.kind IN ('escrow_released', 'escrow_refunded', 'escrow_split')
ORDER BY p.position";

async fn entries(
    connection: &mut AsyncPgConnection,
    id: DisputeId,
    order: OrderId,
) -> Result<Vec<EntryDraft>, Failure> {
    let rows = query::<PostingColumns>(ENTRIES).text(id_text(id.uuid()));
    let rows: Vec<PostingRow> = rows.text(Docket::entry_reason(id)).load(connection).await?;
    Ok(drafts_of(order, &rows)?)
}

type JurorColumns = <<JurorRow as Selectable<Pg>>::SelectExpression as Expression>::SqlType;

/// `juror:` is six letters.
const JUROR: &str = "\
SELECT COALESCE(b.amount, 0), j.did, j.version, j.since, j.leaving, j.opted_out, j.benches,
    j.service_types
FROM jurors j LEFT JOIN balances b ON b.account = 'juror:' || j.did WHERE j.did = ?";
const JURORS: &str = "\
SELECT b.amount, j.did, j.version, j.since, j.leaving, j.opted_out, j.benches, j.service_types
FROM jurors j JOIN balances b ON b.account = 'juror:' || j.did
WHERE j.did > ? AND b.amount > 0 ORDER BY j.did LIMIT ?";

/// A juror with its stake.
type Staked = (i64, JurorRow);

fn staked((stake, row): Staked) -> Result<(Arc<Juror>, Amount), Failure> {
    Ok((Arc::new(row.juror()?), Amount::from_nano(stake)))
}

async fn juror(
    connection: &mut AsyncPgConnection,
    did: &Did,
) -> Result<Option<(Arc<Juror>, Amount)>, Failure> {
    let found = query::<(BigInt, JurorColumns)>(JUROR).text(did.as_str());
    let found: Option<Staked> = found.get_result(connection).await.optional()?;
    found.map(staked).transpose()
}

async fn jurors(
    connection: &mut AsyncPgConnection,
    after: &str,
    limit: u32,
) -> Result<Vec<(Arc<Juror>, Amount)>, Failure> {
    let found = query::<(BigInt, JurorColumns)>(JURORS).text(after).number(limit);
    let found: Vec<Staked> = found.load(connection).await?;
    found.into_iter().map(staked).collect()
}

/// Lines of one entry stand side by side. What counts of a transfer is cut off at what is asked for.
/// Two names may have the same key: who else is found by it is left out afterwards.
const SENT: &str = "\
SELECT own.account, other.account, own.delta < 0
FROM postings own JOIN postings other ON other.at = own.at
    AND other.position >= own.position - own.line
    AND other.position < own.position - own.line + own.lines
WHERE own.account_key = ANY(?) AND own.kind = 'transfer' AND own.at >= ?
    AND SUBSTR(other.account, 1, 6) = 'agent:' AND (own.delta < 0) <> (other.delta < 0)
GROUP BY own.account, other.account, own.delta < 0
HAVING SUM(LEAST(ABS(own.delta), ABS(other.delta), ?)) >= ?";

async fn sent_since(
    connection: &mut AsyncPgConnection,
    agents: &[Did],
    since: Timestamp,
    least: Amount,
) -> Result<Vec<(Did, Did)>, Failure> {
    let accounts: HashMap<String, &Did> =
        agents.iter().map(|did| (account_text(&Account::Agent(did.clone())), did)).collect();
    let found = query::<(Text, Text, Bool)>(SENT)
        .numbers(accounts.keys().map(|account| party_key(account)).collect())
        .number(since.micros())
        .number(least.nano())
        .number(least.nano());
    let found: Vec<(String, String, bool)> = found.load(connection).await?;
    let mut pairs = BTreeSet::new();
    for (own, other, sent) in found {
        let Some(own) = accounts.get(&own).map(|did| Did::clone(did)) else { continue };
        let other = agent_of("postings", &other)?;
        pairs.insert(if sent { (own, other) } else { (other, own) });
    }
    Ok(pairs.into_iter().collect())
}

/// Order by order, by its id: joined as the planner likes, it walks along all orders.
const TO_ANOTHER: &str = "\
SELECT o.id FROM (SELECT order_id FROM blobs WHERE sha256 = ? OFFSET 0) b, LATERAL (
    SELECT id, position FROM orders WHERE id = b.order_id AND seller = ? AND buyer <> ? OFFSET 0
) o
ORDER BY o.position LIMIT 1";

async fn delivered_to_another(
    connection: &mut AsyncPgConnection,
    seller: &Did,
    buyer: &Did,
    sha256: &[u8; 32],
) -> Result<Option<OrderId>, Failure> {
    let query = query::<Text>(TO_ANOTHER).bytes(sha256).text(seller.as_str());
    let found: Option<String> =
        query.text(buyer.as_str()).get_result(connection).await.optional()?;
    Ok(found.map(|id| id_of("orders", &id)).transpose()?.map(OrderId::new))
}

#[async_trait]
impl DisputeStore for PostgresStore {
    async fn docket(&self, id: DisputeId) -> Result<Option<Arc<Docket>>, StoreError> {
        let ids = [id_text(id.uuid())];
        let found = on_reader!(self.readers, connection => dockets(connection, &ids))?;
        Ok(found.into_iter().next())
    }

    async fn disputes_of(&self, order: OrderId) -> Result<Vec<Arc<Docket>>, StoreError> {
        on_reader!(self.readers, connection => of_order(connection, order))
    }

    async fn disputes(&self, filter: &DisputeFilter) -> Result<Page<Arc<Docket>>, StoreError> {
        on_reader!(self.readers, connection => page(connection, filter))
    }

    async fn disputes_lost(&self, disputer: &Did, since: Timestamp) -> Result<u32, StoreError> {
        on_reader!(self.readers, connection => lost(connection, disputer, since))
    }

    async fn exhibit(
        &self,
        dispute: DisputeId,
        name: [u8; 32],
    ) -> Result<Option<Arc<[u8]>>, StoreError> {
        on_reader!(self.readers, connection => exhibit(connection, dispute, name))
    }

    async fn dispute_seals(&self, id: DisputeId) -> Result<Vec<(u64, ChainLink)>, StoreError> {
        on_reader!(self.readers, connection => seals(connection, id))
    }

    async fn dispute_entries(
        &self,
        id: DisputeId,
        order: OrderId,
    ) -> Result<Vec<EntryDraft>, StoreError> {
        on_reader!(self.readers, connection => entries(connection, id, order))
    }

    async fn delivered_to_another(
        &self,
        seller: &Did,
        buyer: &Did,
        sha256: [u8; 32],
    ) -> Result<Option<OrderId>, StoreError> {
        on_reader!(self.readers, connection => {
            delivered_to_another(connection, seller, buyer, &sha256)
        })
    }

    async fn juror(&self, did: &Did) -> Result<Option<(Arc<Juror>, Amount)>, StoreError> {
        on_reader!(self.readers, connection => juror(connection, did))
    }

    async fn jurors(
        &self,
        after: Option<&Did>,
        limit: u32,
    ) -> Result<Vec<(Arc<Juror>, Amount)>, StoreError> {
        let after = after.map_or("", Did::as_str);
        on_reader!(self.readers, connection => jurors(connection, after, limit))
    }
    async fn sent_since(
        &self,
        agents: &[Did],
        since: Timestamp,
        least: Amount,
    ) -> Result<Vec<(Did, Did)>, StoreError> {
        on_reader!(self.readers, connection => sent_since(connection, agents, since, least))
    }
}
