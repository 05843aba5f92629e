//! Disputes and jurors in a commit, and in the view that it is decided on.

use std::sync::Arc;

use marketplace_ports::{View, Writes};
use marketplace_store_rows::{DisputeLogRow, DisputeRow, JurorRow, count, id_text};
use tokio_postgres::Row;

use crate::arrays::{Arrays, arrays};
use crate::failure::Failure;
use crate::found::{Found, column};
use crate::keys::Keys;

arrays! {
    /// Disputes that are new.
    NewDisputes => "INSERT INTO disputes ({columns}) SELECT * FROM {rows}" {
        position: i64 as "bigint",
        id: String as "text",
        version: i64 as "bigint",
        order_id: String as "text",
        buyer: String as "text",
        seller: String as "text",
        disputer: String as "text",
        phase: String as "text",
        held_by_buyer: i64 as "bigint",
        held_by_seller: i64 as "bigint",
        lost_at: Option<i64> as "bigint",
    }
}

arrays! {
    /// The next versions of disputes.
    ChangedDisputes => "UPDATE disputes SET version = u.version, phase = u.phase, \
        held_by_buyer = u.held_by_buyer, held_by_seller = u.held_by_seller, lost_at = u.lost_at \
        FROM {few} \
        WHERE disputes.id = u.id AND disputes.version = u.read" {
        id: String as "text",
        read: i64 as "bigint",
        version: i64 as "bigint",
        phase: String as "text",
        held_by_buyer: i64 as "bigint",
        held_by_seller: i64 as "bigint",
        lost_at: Option<i64> as "bigint",
    }
}

arrays! {
    /// What they are made of.
    NewLog => "INSERT INTO dispute_log ({columns}) SELECT * FROM {rows}" {
        dispute: String as "text",
        version: i64 as "bigint",
        batch: i64 as "bigint",
        data: String as "text",
    }
}

arrays! {
    /// Bytes of disputes; the same may be handed in again.
    NewExhibits => "INSERT INTO exhibits ({columns}) SELECT * FROM {rows} \
        ON CONFLICT (dispute, name) DO NOTHING" {
        dispute: String as "text",
        name: Vec<u8> as "bytea",
        bytes: Vec<u8> as "bytea",
    }
}

arrays! {
    /// Jurors that are new.
    NewJurors => "INSERT INTO jurors ({columns}) SELECT * FROM {rows}" {
        did: String as "text",
        version: i64 as "bigint",
        since: i64 as "bigint",
        leaving: Option<i64> as "bigint",
        opted_out: i64 as "bigint",
        benches: String as "text",
        service_types: String as "text",
    }
}

arrays! {
    /// The next versions of jurors.
    ChangedJurors => "UPDATE jurors SET version = u.version, since = u.since, \
        leaving = u.leaving, opted_out = u.opted_out, benches = u.benches, \
        service_types = u.service_types FROM {few} \
        WHERE jurors.did = u.did AND jurors.version = u.read" {
        did: String as "text",
        read: i64 as "bigint",
        version: i64 as "bigint",
        since: i64 as "bigint",
        leaving: Option<i64> as "bigint",
        opted_out: i64 as "bigint",
        benches: String as "text",
        service_types: String as "text",
    }
}

/// What a commit writes about disputes.
#[derive(Debug, Default)]
pub(crate) struct Judged {
    disputes: NewDisputes,
    changed_disputes: ChangedDisputes,
    log: NewLog,
    exhibits: NewExhibits,
    jurors: NewJurors,
    changed_jurors: ChangedJurors,
}

impl Judged {
    /// The rows of the commit with this number; `place` gives its positions.
    pub(crate) fn of(writes: &Writes, number: i64, mut place: impl FnMut() -> i64) -> Self {
        let mut judged = Self::default();
        for write in writes.disputes.values() {
            let (r, read) = (DisputeRow::new(&write.row), count(write.stored));
            let held = (r.held_by_buyer, r.held_by_seller);
            if read == 0 {
                judged.disputes.push((
                    place(),
                    r.id,
                    r.version,
                    r.order_id,
                    r.buyer,
                    r.seller,
                    r.disputer,
                    r.phase,
                    held.0,
                    held.1,
                    r.lost_at,
                ));
            } else {
                let changed = (r.id, read, r.version, r.phase, held.0, held.1, r.lost_at);
                judged.changed_disputes.push(changed);
            }
            for log in DisputeLogRow::after(&write.row, write.stored) {
                judged.log.push((log.dispute, log.version, number, log.data));
            }
        }
        for exhibit in &writes.exhibits {
            let dispute = id_text(exhibit.dispute.uuid());
            judged.exhibits.push((dispute, exhibit.name.to_vec(), exhibit.bytes.to_vec()));
        }
        for write in writes.jurors.values() {
            let (r, read) = (JurorRow::new(&write.row), count(write.stored));
            if read == 0 {
                judged.jurors.push((
                    r.did,
                    r.version,
                    r.since,
                    r.leaving,
                    r.opted_out,
                    r.benches,
                    r.service_types,
                ));
            } else {
                judged.changed_jurors.push((
                    r.did,
                    read,
                    r.version,
                    r.since,
                    r.leaving,
                    r.opted_out,
                    r.benches,
                    r.service_types,
                ));
            }
        }
        judged
    }

    /// In the order in which they are sent.
    pub(crate) fn statements(&self) -> [&dyn Arrays; 6] {
        [
            &self.disputes,
            &self.jurors,
            &self.changed_disputes,
            &self.changed_jurors,
            &self.log,
            &self.exhibits,
        ]
    }
}

/// The disputes of a view: their whole logs.
pub(crate) const DISPUTES: &str = "SELECT dispute, version, data FROM dispute_log \
     WHERE dispute = ANY($1) ORDER BY dispute, version";

pub(crate) fn read_disputes(_: &Keys, rows: &[Row], view: &mut View) -> Result<(), Failure> {
    let log = rows.iter().map(|row| {
        let (dispute, version) = (column(row, 0)?, column(row, 1)?);
        Ok(DisputeLogRow { dispute, version, data: column(row, 2)? })
    });
    let log = log.collect::<Result<Vec<_>, Failure>>()?;
    for docket in DisputeLogRow::dockets(&log)? {
        view.disputes.insert(docket.dispute.id, Arc::new(docket));
    }
    Ok(())
}

pub(crate) fn read_jurors(_: &Keys, rows: &[Row], view: &mut View) -> Result<(), Failure> {
    for row in rows {
        let juror = JurorRow::read(row)?.juror()?;
        view.jurors.insert(juror.did.clone(), Arc::new(juror));
    }
    Ok(())
}
