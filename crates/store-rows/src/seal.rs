//! The chain of hashes, the same in every SQL store.
//!
//! In two steps: a commit knows the digests of its postings and of its events; its place in the
//! chain, and so its hash, may follow later, from its row alone. No place in a table goes into a
//! digest: history that moves to another store keeps its hashes. Nobody edits history without
//! every later hash showing it, and what is put away by policy leaves its digest.

use sha2::{Digest, Sha256};

use crate::{EventRow, PostingRow};

/// A SHA-256 whose input can be read in one way only: every value goes in with its length or in
/// eight bytes.
#[derive(Clone, Debug, Default)]
struct Framed(Sha256);

impl Framed {
    fn number(&mut self, value: i64) {
        self.0.update(value.to_be_bytes());
    }

    fn text(&mut self, text: &str) {
        self.0.update((text.len() as u64).to_be_bytes());
        self.0.update(text);
    }

    fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

/// The digest of a commit's postings, in their order.
#[derive(Clone, Debug, Default)]
pub struct PostingsDigest(Framed);

impl PostingsDigest {
    /// The next line of the commit. The balance after it is not in the digest: it follows from the
    /// lines before, and an audit counts it again.
    pub fn add(&mut self, row: &PostingRow) {
        self.0.text(&row.entry);
        self.0.number(row.line);
        self.0.number(row.lines);
        self.0.text(&row.account);
        self.0.number(row.delta);
        self.0.text(&row.kind);
        self.0.text(&row.reason);
        self.0.number(row.at);
    }

    /// Over all of them.
    #[must_use]
    pub fn finish(self) -> [u8; 32] {
        self.0.finish()
    }
}

/// The digest of a commit's events, in their order.
#[derive(Clone, Debug, Default)]
pub struct EventsDigest(Framed);

impl EventsDigest {
    /// The next event of the commit.
    pub fn add(&mut self, row: &EventRow) {
        self.0.text(&row.id);
        self.0.text(&row.subject);
        self.0.text(&row.name);
        self.0.text(&row.audience);
        self.0.number(row.at);
        self.0.text(&row.data);
    }

    /// Over all of them.
    #[must_use]
    pub fn finish(self) -> [u8; 32] {
        self.0.finish()
    }
}

/// What of a commit goes into its hash.
#[derive(Clone, Copy, Debug)]
pub struct ChainLink<'a> {
    /// Its place in the chain, from 1.
    pub position: i64,
    /// Its name.
    pub id: &'a str,
    /// When, in microseconds.
    pub at: i64,
    /// A letter for each set.
    pub outcomes: &'a str,
    /// Of its postings.
    pub postings: &'a [u8],
    /// Of its events.
    pub events: &'a [u8],
}

impl ChainLink<'_> {
    /// Its hash; `previous` is that of the commit before it, zeros for the first.
    #[must_use]
    pub fn hash(&self, previous: &[u8; 32]) -> [u8; 32] {
        let mut hash = Sha256::new_with_prefix(previous);
        hash.update(self.content());
        hash.finalize().into()
    }

    /// What is hashed after the hash before it: every text and digest after its length.
    #[must_use]
    pub fn content(&self) -> Vec<u8> {
        let mut content = Vec::with_capacity(192);
        let framed = |content: &mut Vec<u8>, bytes: &[u8]| {
            content.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
            content.extend_from_slice(bytes);
        };
        content.extend_from_slice(&self.position.to_be_bytes());
        framed(&mut content, self.id.as_bytes());
        content.extend_from_slice(&self.at.to_be_bytes());
        for bytes in [self.outcomes.as_bytes(), self.postings, self.events] {
            framed(&mut content, bytes);
        }
        content
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn posting(account: &str, reason: &str, delta: i64) -> PostingRow {
        PostingRow {
            entry: "e".to_owned(),
            line: 0,
            lines: 2,
            account: account.to_owned(),
            delta,
            kind: "deposit".into(),
            reason: reason.to_owned(),
            at: 5,
        }
    }

    fn of(rows: &[PostingRow]) -> [u8; 32] {
        let mut digest = PostingsDigest::default();
        rows.iter().for_each(|row| digest.add(row));
        digest.finish()
    }

    #[test]
    fn what_differs_hashes_differently() {
        let different = [
            of(&[]),
            of(&[posting("a", "b", 1)]),
            of(&[posting("ab", "", 1)]),
            of(&[posting("a", "b", -1)]),
            of(&[posting("a", "b", 1), posting("a", "b", 1)]),
        ];
        for (index, one) in different.iter().enumerate() {
            assert!(different[..index].iter().all(|other| other != one), "{index}");
        }
    }

    #[test]
    fn a_hash_is_of_its_link_and_of_all_before() {
        let link = ChainLink {
            position: 1,
            id: "b",
            at: 5,
            outcomes: "wc",
            postings: &[1; 32],
            events: &[2; 32],
        };
        let hash = link.hash(&[0; 32]);
        assert_eq!(hash, link.hash(&[0; 32]));
        let others = [
            link.hash(&[1; 32]),
            ChainLink { position: 2, ..link }.hash(&[0; 32]),
            ChainLink { id: "c", ..link }.hash(&[0; 32]),
            ChainLink { at: 6, ..link }.hash(&[0; 32]),
            ChainLink { outcomes: "ww", ..link }.hash(&[0; 32]),
            ChainLink { postings: &[2; 32], events: &[1; 32], ..link }.hash(&[0; 32]),
        ];
        assert!(others.iter().all(|other| *other != hash));
    }
}
