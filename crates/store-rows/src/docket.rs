//! Disputes and jurors as rows.

use diesel::prelude::*;
use marketplace_disputes::Side;
use marketplace_ledger::{Account, EntryDraft, EntryKind};
use marketplace_money::{OrderId, Timestamp};
use marketplace_ports::{Docket, Juror};

use crate::docket_text::{Beside, entry, entry_text, opening, opening_text};
use crate::text::{Reader, account_text, id_text, json};
use crate::{PostingRow, RowError, count, from_count};

/// What queries look at of a dispute; the dispute itself is its log.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = crate::tables::disputes)]
pub struct DisputeRow {
    /// A UUID.
    pub id: String,
    /// From 1.
    pub version: i64,
    /// A UUID.
    pub order_id: String,
    /// A DID.
    pub buyer: String,
    /// A DID.
    pub seller: String,
    /// The DID of one of them.
    pub disputer: String,
    /// On the wire.
    pub phase: String,
    /// What its account holds of the buyer's, in nano-AVT.
    pub held_by_buyer: i64,
    /// The same of the seller's.
    pub held_by_seller: i64,
    /// When the disputer lost it, in microseconds.
    pub lost_at: Option<i64>,
}

impl DisputeRow {
    /// The row of a dispute.
    #[must_use]
    pub fn new(docket: &Docket) -> Self {
        let dispute = &docket.dispute;
        Self {
            id: id_text(dispute.id.uuid()),
            version: count(dispute.version),
            order_id: id_text(dispute.order.uuid()),
            buyer: dispute.buyer.to_string(),
            seller: dispute.seller.to_string(),
            disputer: dispute.party(dispute.disputer).to_string(),
            phase: dispute.phase().name().to_owned(),
            held_by_buyer: docket.held_by(Side::Buyer).nano(),
            held_by_seller: docket.held_by(Side::Seller).nano(),
            lost_at: docket.lost_at().map(Timestamp::micros),
        }
    }
}

/// One version of a dispute.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = crate::tables::dispute_log)]
pub struct DisputeLogRow {
    /// A UUID.
    pub dispute: String,
    /// From 1.
    pub version: i64,
    /// JSON.
    pub data: String,
}

impl DisputeLogRow {
    /// The versions of a dispute after `stored`; all of them after 0.
    #[must_use]
    pub fn after(docket: &Docket, stored: u64) -> Vec<Self> {
        let id = id_text(docket.dispute.id.uuid());
        let data = |version: u64| match docket.entry(version) {
            None => opening_text(&docket.opened),
            Some(entry) => {
                let facts = docket.facts.as_ref().filter(|(own, _)| *own == version);
                let operators = docket.operators.as_ref().filter(|(own, _)| *own == version);
                let pool = docket.pools.iter().find(|(own, _)| *own == version);
                let beside = Beside {
                    facts: facts.map(|(_, facts)| facts),
                    rule_set: docket.rule_set.as_ref().filter(|_| facts.is_some()),
                    operators: operators.map(|(_, board)| board),
                    pool: pool.map(|(_, name)| name),
                };
                entry_text(entry, beside)
            }
        };
        let row =
            |version| Self { dispute: id.clone(), version: count(version), data: data(version) };
        (stored + 1..=docket.dispute.version).map(row).collect()
    }

    /// The disputes of these rows, which are ordered by dispute and version.
    ///
    /// # Errors
    /// When a row is not what we write, or one is missing.
    pub fn dockets(rows: &[Self]) -> Result<Vec<Docket>, RowError> {
        let mut dockets: Vec<Docket> = Vec::new();
        let mut last: Option<&str> = None;
        for row in rows {
            let reader = Reader { table: "dispute_log", id: &row.dispute };
            if last != Some(&row.dispute) {
                last = Some(&row.dispute);
                dockets.push(Docket::open(opening(reader, &row.data)?));
            } else if let Some(docket) = dockets.last_mut() {
                let kept = entry(reader, &row.data)?;
                docket.add(kept.entry);
                let version = docket.dispute.version;
                docket.facts = kept.facts.map(|facts| (version, facts)).or(docket.facts.take());
                docket.rule_set = kept.rule_set.or(docket.rule_set);
                let operators = kept.operators.map(|board| (version, board));
                docket.operators = operators.or(docket.operators.take());
                docket.pools.extend(kept.pool.map(|name| (version, name)));
            }
            let version = dockets.last().map_or(0, |docket| docket.dispute.version);
            if count(version) != row.version {
                return Err(reader.error(format_args!("version {version} is missing")));
            }
        }
        Ok(dockets)
    }
}

/// An agent as a juror.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = crate::tables::jurors, treat_none_as_null = true)]
#[diesel(treat_none_as_default_value = false)]
pub struct JurorRow {
    /// A DID.
    pub did: String,
    /// From 1.
    pub version: i64,
    /// In microseconds.
    pub since: i64,
    /// In microseconds.
    pub leaving: Option<i64>,
    /// 0 or 1.
    pub opted_out: i64,
    /// A JSON list of UUIDs.
    pub benches: String,
    /// A JSON list.
    pub service_types: String,
}

impl JurorRow {
    /// The row of a juror.
    #[must_use]
    pub fn new(juror: &Juror) -> Self {
        let benches: Vec<String> = juror.benches.iter().map(|id| id_text(id.uuid())).collect();
        let types: Vec<String> = juror.service_types.iter().map(ToString::to_string).collect();
        Self {
            did: juror.did.to_string(),
            version: count(juror.version),
            since: juror.since.micros(),
            leaving: juror.leaving.map(Timestamp::micros),
            opted_out: i64::from(juror.opted_out),
            benches: json(&benches),
            service_types: json(&types),
        }
    }

    /// The juror of the row.
    ///
    /// # Errors
    /// When the row is not what we write.
    pub fn juror(&self) -> Result<Juror, RowError> {
        let reader = Reader { table: "jurors", id: &self.did };
        let benches: Vec<String> = reader.json(&self.benches)?;
        let types: Vec<String> = reader.json(&self.service_types)?;
        Ok(Juror {
            did: reader.text(&self.did)?,
            version: from_count(self.version),
            since: Timestamp::from_micros(self.since),
            leaving: self.leaving.map(Timestamp::from_micros),
            opted_out: self.opted_out != 0,
            benches: benches.iter().map(|id| reader.text(id)).collect::<Result<_, _>>()?,
            service_types: types.iter().map(|name| reader.text(name)).collect::<Result<_, _>>()?,
        })
    }
}

/// The entries of a dispute, and of the end of its order's escrow, among lines of the journal that are
/// in order and are the dispute's by their reason, or end some escrow. An agent may give any reason
/// for a transfer of its own, so the kind counts too.
///
/// # Errors
/// When a row is not what we write.
pub fn drafts_of(order: OrderId, rows: &[PostingRow]) -> Result<Vec<EntryDraft>, RowError> {
    let mut drafts = Vec::new();
    let escrow = account_text(&Account::Order(order));
    for lines in rows.chunk_by(|a, b| a.entry == b.entry) {
        let Some(first) = lines.first() else { continue };
        let kind = first.kind()?;
        let wanted = match kind {
            EntryKind::DisputeBond | EntryKind::DisputeClosed => true,
            kind if kind.ends_escrow() => lines.iter().any(|line| line.account == escrow),
            _ => false,
        };
        if !wanted {
            continue;
        }
        let moves = lines.iter().map(|row| Ok((row.account()?, row.delta())));
        let moves = moves.collect::<Result<Vec<_>, RowError>>()?;
        let draft = EntryDraft::new(kind, moves);
        drafts.push(draft.map_err(|error| RowError::new("postings", &first.entry, error))?);
    }
    Ok(drafts)
}
