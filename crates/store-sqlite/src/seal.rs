//! The chain of hashes: each batch's over the one before it and over everything that it added to
//! the journal and the event log. Nobody edits history without every later hash showing it.

use sha2::{Digest, Sha256};

use crate::rows::{NewBatch, NewEvent, NewPosting};

/// The hash of a batch in the making. Every value goes in with its length or in eight bytes: no
/// two different batches have the same input.
pub(crate) struct Seal(Sha256);

impl Seal {
    /// Begins with the hash of the batch before and the row of this one.
    pub(crate) fn begin(previous: &[u8; 32], batch: &NewBatch) -> Self {
        let mut seal = Self(Sha256::new());
        seal.0.update(previous);
        seal.number(batch.position);
        seal.text(&batch.id);
        seal.number(batch.at);
        seal.text(&batch.outcomes);
        seal
    }

    pub(crate) fn posting(&mut self, posting: &NewPosting) {
        let row = &posting.row;
        self.0.update(b"p");
        self.number(posting.position);
        self.text(&row.entry);
        self.number(row.line);
        self.number(row.lines);
        self.text(&row.account);
        self.number(row.delta);
        self.text(&row.kind);
        self.text(&row.reason);
        self.number(row.at);
        self.optional(posting.balance);
        self.optional(posting.previous);
    }

    pub(crate) fn event(&mut self, event: &NewEvent) {
        let row = &event.row;
        self.0.update(b"e");
        self.number(event.position);
        self.text(&row.id);
        self.text(&row.subject);
        self.text(&row.name);
        self.text(&row.audience);
        self.number(row.at);
        self.text(&row.data);
    }

    pub(crate) fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }

    fn number(&mut self, value: i64) {
        self.0.update(value.to_be_bytes());
    }

    fn optional(&mut self, value: Option<i64>) {
        match value {
            Some(value) => {
                self.0.update([1]);
                self.number(value);
            }
            None => self.0.update([0]),
        }
    }

    fn text(&mut self, text: &str) {
        self.0.update((text.len() as u64).to_be_bytes());
        self.0.update(text);
    }
}
