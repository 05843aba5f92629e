//! Disputes and jurors in a commit, and in the view that it is decided on.

use std::sync::Arc;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};
use marketplace_ports::{Key, StoreError, View, Writes};
use marketplace_store_rows::{DisputeLogRow, DisputeRow, JurorRow, count, id_text, tables};

use crate::books::Books;
use crate::commit::{one, write_rows};
use crate::docket_queries::dockets;
use crate::draft::Versioned;
use crate::failure::Failure;
use crate::fetch::rows_by;
use crate::statement::{insert, insert_all, statement};

insert!(DisputeRow => "disputes" {
    "id": id as Text,
    "version": version as BigInt,
    "order_id": order_id as Text,
    "buyer": buyer as Text,
    "seller": seller as Text,
    "disputer": disputer as Text,
    "phase": phase as Text,
    "held_by_buyer": held_by_buyer as BigInt,
    "held_by_seller": held_by_seller as BigInt,
    "lost_at": lost_at as Nullable<BigInt>,
} "");

statement! {
    /// The next version of a dispute.
    UpdateDispute { row: &'a DisputeRow, read: i64 } =
    "UPDATE disputes SET version = " row.version as BigInt,
    ", phase = " row.phase as Text,
    ", held_by_buyer = " row.held_by_buyer as BigInt,
    ", held_by_seller = " row.held_by_seller as BigInt,
    ", lost_at = " row.lost_at as Nullable<BigInt>,
    " WHERE id = " row.id as Text,
    " AND version = " read as BigInt,
}

struct NewLogRow {
    row: DisputeLogRow,
    batch: i64,
}

insert!(NewLogRow => "dispute_log" {
    "dispute": row.dispute as Text,
    "version": row.version as BigInt,
    "batch": batch as BigInt,
    "data": row.data as Text,
} "");

struct NewCommit {
    batch: i64,
    first_posting: i64,
    last_posting: i64,
    postings: Vec<u8>,
    events: Vec<u8>,
}

insert!(NewCommit => "dispute_commits" {
    "batch": batch as BigInt,
    "first_posting": first_posting as BigInt,
    "last_posting": last_posting as BigInt,
    "postings": postings as Binary,
    "events": events as Binary,
} "");

struct NewExhibit {
    dispute: String,
    name: Vec<u8>,
    bytes: Vec<u8>,
}

// The same bytes may be handed in again.
insert!(NewExhibit => "exhibits" {
    "dispute": dispute as Text,
    "name": name as Binary,
    "bytes": bytes as Binary,
} " ON CONFLICT (dispute, name) DO NOTHING");

/// What a commit writes about disputes.
#[derive(Default)]
pub(crate) struct Judged {
    batch: i64,
    new: Vec<DisputeRow>,
    changed: Vec<Versioned<DisputeRow>>,
    log: Vec<NewLogRow>,
    commit: Option<NewCommit>,
    exhibits: Vec<NewExhibit>,
    jurors: Vec<Versioned<JurorRow>>,
}

impl Judged {
    /// The rows of a commit.
    pub(crate) fn of(writes: &Writes, batch: i64) -> Self {
        let mut judged = Self { batch, ..Self::default() };
        for write in writes.disputes.values() {
            let row = DisputeRow::new(&write.row);
            match write.stored {
                0 => judged.new.push(row),
                stored => judged.changed.push((count(stored), row)),
            }
            let log = DisputeLogRow::after(&write.row, write.stored).into_iter();
            judged.log.extend(log.map(|row| NewLogRow { row, batch }));
        }
        judged.exhibits.extend(writes.exhibits.iter().map(|exhibit| NewExhibit {
            dispute: id_text(exhibit.dispute.uuid()),
            name: exhibit.name.to_vec(),
            bytes: exhibit.bytes.to_vec(),
        }));
        for write in writes.jurors.values() {
            judged.jurors.push((count(write.stored), JurorRow::new(&write.row)));
        }
        judged
    }

    /// Where the commit's postings are, and what its hash is made of.
    pub(crate) fn seal(
        &mut self,
        first: Option<i64>,
        last: Option<i64>,
        postings: [u8; 32],
        events: [u8; 32],
    ) {
        self.commit = (!self.log.is_empty()).then(|| NewCommit {
            batch: self.batch,
            // An empty range where nothing was posted.
            first_posting: first.unwrap_or(1),
            last_posting: last.unwrap_or(0),
            postings: postings.to_vec(),
            events: events.to_vec(),
        });
    }

    /// How many rows there are, about.
    pub(crate) fn rows(&self) -> usize {
        let bytes: usize = self.exhibits.iter().map(|row| 1 + row.bytes.len() / 1_024).sum();
        let rows = self.new.len() + self.changed.len() + self.log.len();
        bytes + rows + self.jurors.len()
    }

    /// Writes them.
    pub(crate) fn write(&self, connection: &mut SqliteConnection) -> Result<(), Failure> {
        insert_all(connection, &self.new)?;
        for (read, row) in &self.changed {
            one("disputes", &row.id, UpdateDispute { row, read: *read }.execute(connection)?)?;
        }
        insert_all(connection, &self.log)?;
        insert_all(connection, self.commit.as_slice())?;
        insert_all(connection, &self.exhibits)?;
        let jurors: &[Versioned<JurorRow>] = &self.jurors;
        write_rows!(connection, jurors.did, jurors);
        Ok(())
    }
}

/// Keys of what is never remembered.
#[derive(Default)]
pub(crate) struct Wanted {
    disputes: Vec<String>,
    jurors: Vec<String>,
}

impl Wanted {
    pub(crate) fn add(&mut self, key: &Key) {
        match key {
            Key::Dispute(id) => self.disputes.push(id_text(id.uuid())),
            Key::Juror(did) => self.jurors.push(did.as_str().to_owned()),
            _ => {}
        }
    }
}

impl Books {
    pub(crate) fn load_judged(
        &mut self,
        wanted: &Wanted,
        view: &mut View,
    ) -> Result<(), StoreError> {
        let found = self.read(|connection| {
            let selection = JurorRow::as_select();
            let jurors = rows_by!(connection, jurors.did, selection, JurorRow, &wanted.jurors);
            Ok((dockets(connection, &wanted.disputes)?, jurors))
        })?;
        let (dockets, jurors) = found;
        view.disputes.extend(dockets.into_iter().map(|row| (row.dispute.id, row)));
        for row in jurors {
            let juror = row.juror()?;
            view.jurors.insert(juror.did.clone(), Arc::new(juror));
        }
        Ok(())
    }
}
