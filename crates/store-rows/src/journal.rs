//! Postings and events as rows.

use std::borrow::Cow;

use diesel::prelude::*;
use marketplace_ledger::{Account, Entry, EntryKind};
use marketplace_money::{Amount, EntryId, Timestamp};
use marketplace_ports::{Event, SealedEvent};

use crate::text::{Reader, id_text};
use crate::{RowError, account_text, audience, count, from_count, subject_text};

/// One line of a journal entry.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = crate::tables::postings)]
pub struct PostingRow {
    /// A UUID; the same for all lines of an entry.
    pub entry: String,
    /// Which line of the entry, from 0.
    pub line: i64,
    /// How many lines the entry has.
    pub lines: i64,
    /// The account's name.
    pub account: String,
    /// In nano-AVT, not zero.
    pub delta: i64,
    /// What the entry is for.
    pub kind: Cow<'static, str>,
    /// Inert text.
    pub reason: String,
    /// In microseconds.
    pub at: i64,
}

/// The lines of an entry with their accounts, in order.
pub fn postings_of(
    entry: &Entry,
    at: Timestamp,
) -> impl Iterator<Item = (&Account, PostingRow)> + '_ {
    let id = id_text(entry.id.uuid());
    let kind = EntryKind::NAMES.iter().find(|(kind, _)| *kind == entry.kind());
    let kind = kind.map_or("", |(_, name)| name);
    let lines = count(entry.postings().len() as u64);
    (0_i64..).zip(entry.postings()).map(move |(line, posting)| {
        let row = PostingRow {
            entry: id.clone(),
            line,
            lines,
            account: account_text(&posting.account),
            delta: posting.delta.nano(),
            kind: kind.into(),
            reason: entry.reason().to_owned(),
            at: at.micros(),
        };
        (&posting.account, row)
    })
}

impl PostingRow {
    fn reader(&self) -> Reader<'_> {
        Reader { table: "postings", id: &self.entry }
    }

    /// Which entry the line belongs to.
    ///
    /// # Errors
    /// When the row is not what we write.
    pub fn entry(&self) -> Result<EntryId, RowError> {
        self.reader().text(&self.entry)
    }

    /// Whose balance moves.
    ///
    /// # Errors
    /// When the row is not what we write.
    pub fn account(&self) -> Result<Account, RowError> {
        self.reader().text(&self.account)
    }

    /// What the entry is for.
    ///
    /// # Errors
    /// When the row is not what we write.
    pub fn kind(&self) -> Result<EntryKind, RowError> {
        self.reader().text(&self.kind)
    }

    /// What is added to the balance.
    #[must_use]
    pub const fn delta(&self) -> Amount {
        Amount::from_nano(self.delta)
    }
}

/// A fact of the event log.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = crate::tables::events)]
pub struct EventRow {
    /// A UUID.
    pub id: String,
    /// What it is about.
    pub subject: String,
    /// Stable.
    pub name: Cow<'static, str>,
    /// JSON: the DIDs that may see it.
    pub audience: String,
    /// In microseconds.
    pub at: i64,
    /// JSON.
    pub data: String,
}

impl EventRow {
    /// The row of an event.
    #[must_use]
    pub fn new(event: Event) -> Self {
        Self {
            id: id_text(event.id.uuid()),
            subject: subject_text(event.subject),
            name: event.name.into(),
            audience: audience::to_text(&event.audience),
            at: event.at.micros(),
            data: event.data,
        }
    }

    /// The event of the row, at its place in the log.
    ///
    /// # Errors
    /// When the row is not what we write.
    pub fn sealed(self, position: i64) -> Result<SealedEvent, RowError> {
        let reader = Reader { table: "events", id: &self.id };
        Ok(SealedEvent {
            position: from_count(position),
            id: reader.text(&self.id)?,
            subject: reader.text(&self.subject)?,
            audience: audience::from_text(reader, &self.audience)?,
            at: Timestamp::from_micros(self.at),
            name: self.name.into_owned(),
            data: self.data,
        })
    }
}
