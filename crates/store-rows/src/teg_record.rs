//! Transfers at the TEG as rows.

use diesel::prelude::*;
use marketplace_money::{Amount, Timestamp};
use marketplace_ports::{TegRecord, TegRecordState, TegTransactionId};

use crate::text::{Reader, id_text, subject_text};
use crate::{RowError, count, from_count};

/// What is known of a transfer at the TEG.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = crate::tables::teg_records, treat_none_as_null = true)]
#[diesel(treat_none_as_default_value = false)]
pub struct TegRecordRow {
    /// The TEG's name of it.
    pub id: String,
    /// From 1.
    pub version: i64,
    /// `pending`, `failed`, `unmatched` or `booked`.
    pub state: String,
    /// Of the journal, when booked.
    pub entry: Option<String>,
    /// A DID.
    pub payer: Option<String>,
    /// In nano-AVT.
    pub amount: i64,
    /// In atto-AVT, below one nano-AVT.
    pub dust: i64,
    /// As its sender wrote it.
    pub memo: String,
    /// In microseconds.
    pub at: i64,
    /// A subject.
    pub used_for: Option<String>,
}

impl TegRecordRow {
    /// The row of a transfer.
    #[must_use]
    pub fn new(record: &TegRecord) -> Self {
        let (state, entry) = match record.state {
            TegRecordState::Pending => ("pending", None),
            TegRecordState::Failed => ("failed", None),
            TegRecordState::Unmatched => ("unmatched", None),
            TegRecordState::Booked(entry) => ("booked", Some(id_text(entry.uuid()))),
        };
        Self {
            id: record.id.0.clone(),
            version: count(record.version),
            state: state.to_owned(),
            entry,
            payer: record.payer.as_ref().map(|did| did.as_str().to_owned()),
            amount: record.amount.nano(),
            dust: i64::from(record.dust),
            memo: record.memo.clone(),
            at: record.at.micros(),
            used_for: record.used_for.map(subject_text),
        }
    }

    /// The transfer of the row.
    ///
    /// # Errors
    /// When the row is not what we write.
    pub fn record(self) -> Result<TegRecord, RowError> {
        let reader = Reader { table: "teg_records", id: &self.id };
        let state = match (self.state.as_str(), &self.entry) {
            ("pending", None) => TegRecordState::Pending,
            ("failed", None) => TegRecordState::Failed,
            ("unmatched", None) => TegRecordState::Unmatched,
            ("booked", Some(entry)) => TegRecordState::Booked(reader.text(entry)?),
            (other, _) => return Err(reader.error(format_args!("no state {other:?}"))),
        };
        Ok(TegRecord {
            version: from_count(self.version),
            state,
            payer: self.payer.as_deref().map(|did| reader.text(did)).transpose()?,
            amount: Amount::from_nano(self.amount),
            dust: reader.small(self.dust)?,
            at: Timestamp::from_micros(self.at),
            used_for: self.used_for.as_deref().map(|text| reader.text(text)).transpose()?,
            memo: self.memo,
            id: TegTransactionId(self.id.clone()),
        })
    }
}
