//! What a commit says and what follows from it: events, clocks, work, answers.

use std::collections::BTreeMap;

use marketplace_ports::{EffectChange, Event, StoreError, Subject, Timer, Writes};
use marketplace_store_rows::{
    EffectRow, EventRow, EventsDigest, IdempotencyRow, NonceRow, TimerRow, id_text, party_key,
    subject_text,
};

use super::{Draft, small};
use crate::keys::{answer_id, nonce_id};

/// Events that one row of an audience can point at: bits of a positive number.
const WINDOW: i32 = 63;

impl Draft {
    pub(super) fn add_events(&mut self, events: Vec<Event>) -> Result<(), StoreError> {
        let mut digest = EventsDigest::default();
        self.whole.batch.events = small(events.len())?;
        let mut heard: BTreeMap<(i64, i32), i64> = BTreeMap::new();
        for (line, event) in (0..).zip(events) {
            for did in &event.audience {
                let from = line - line % WINDOW;
                *heard.entry((party_key(did.as_str()), from)).or_default() |= 1 << (line - from);
            }
            let row = EventRow::new(event);
            digest.add(&row);
            self.whole.events.push((
                line,
                row.id,
                row.subject,
                row.name,
                row.audience,
                row.at,
                row.data,
            ));
        }
        self.whole.batch.events_digest = digest.finish().to_vec();
        for ((agent, from), lines) in heard {
            self.whole.batch.heard_by.push(agent);
            self.whole.batch.heard_from.push(from);
            self.whole.batch.heard_lines.push(lines);
        }
        Ok(())
    }

    pub(super) fn add_work(&mut self, writes: &Writes) {
        for ((subject, kind), timer) in &writes.timers {
            match timer {
                Some(timer) => {
                    let row = TimerRow::new(timer);
                    let columns = (row.subject, row.kind, row.sequence, row.due);
                    if is_first(writes, timer) {
                        self.whole.first_timers.push(columns);
                    } else {
                        self.timers.push(columns);
                    }
                }
                None => {
                    let subject = subject_text(*subject);
                    let name = format!("{kind} {subject}");
                    self.whole.cleared_timers.push((subject, name));
                }
            }
        }
        for effect in writes.effects.values() {
            let row = EffectRow::new(effect);
            self.effects.push((row.id, row.work, row.due, row.attempts));
        }
        for change in &writes.effects_retried {
            if let EffectChange::Retry { id, due, attempts, error } = change {
                let columns = (id_text(*id), due.micros(), i64::from(*attempts), error.clone());
                self.retried_effects.push(columns);
            }
        }
        for id in &writes.effects_done {
            self.finished_effects.push((id_text(*id),));
        }
        for blob in &writes.blobs {
            let order = id_text(blob.order.uuid());
            self.blobs.push((order, blob.sha256.to_vec(), blob.bytes.to_vec()));
        }
    }

    /// By their keys: two commits that take the same ones wait for each other in one order.
    pub(super) fn add_answers(&mut self, writes: &Writes) {
        let answers: BTreeMap<[u8; 32], _> = writes
            .idempotency
            .iter()
            .map(|(key, record)| (answer_id(key), (key, record)))
            .collect();
        for (id, (key, record)) in answers {
            let row = IdempotencyRow::new(key, record);
            self.whole.answers.push((
                id.to_vec(),
                row.caller,
                row.route,
                row.key,
                row.body_sha256,
                row.reply,
                row.expires_at,
            ));
        }
        let nonces: BTreeMap<[u8; 32], _> =
            writes.nonces.iter().map(|(nonce, until)| (nonce_id(nonce), (nonce, until))).collect();
        for (id, (nonce, until)) in nonces {
            let row = NonceRow::new(nonce, *until);
            self.nonces.push((id.to_vec(), row.signer, row.value, row.expires_at));
        }
    }
}

/// Whether there cannot be such a timer yet: its order is new.
fn is_first(writes: &Writes, timer: &Timer) -> bool {
    match timer.subject {
        Subject::Order(id) => writes.orders.get(&id).is_some_and(|write| write.stored == 0),
        _ => false,
    }
}
