//! The chain of hashes over the rows of this store. What goes into a hash is said in `store-rows`,
//! for all SQL stores: a history that moves to PostgreSQL keeps its hashes.

use marketplace_store_rows::{ChainLink, EventsDigest, PostingsDigest};

use crate::rows::{NewBatch, NewEvent, NewPosting};

/// The hash of a batch in the making.
pub(crate) struct Seal<'a> {
    previous: [u8; 32],
    batch: &'a NewBatch,
    postings: PostingsDigest,
    events: EventsDigest,
}

impl<'a> Seal<'a> {
    /// Begins with the hash of the batch before and the row of this one.
    pub(crate) fn begin(previous: &[u8; 32], batch: &'a NewBatch) -> Self {
        let (postings, events) = (PostingsDigest::default(), EventsDigest::default());
        Self { previous: *previous, batch, postings, events }
    }

    pub(crate) fn posting(&mut self, posting: &NewPosting) {
        self.postings.add(&posting.row);
    }

    pub(crate) fn event(&mut self, event: &NewEvent) {
        self.events.add(&event.row);
    }

    pub(crate) fn finish(self) -> [u8; 32] {
        self.finish_with_digests().0
    }

    /// The hash, and the digests of postings and events from which it follows.
    pub(crate) fn finish_with_digests(self) -> ([u8; 32], [u8; 32], [u8; 32]) {
        let (postings, events) = (self.postings.finish(), self.events.finish());
        (hash(&self.previous, self.batch, &postings, &events), postings, events)
    }
}

/// The hash of a batch of which only the digests are left.
pub(crate) fn hash(
    previous: &[u8; 32],
    batch: &NewBatch,
    postings: &[u8],
    events: &[u8],
) -> [u8; 32] {
    link(batch, postings, events).hash(previous)
}

/// A batch as a link of the chain.
pub(crate) fn link<'a>(batch: &'a NewBatch, postings: &'a [u8], events: &'a [u8]) -> ChainLink<'a> {
    ChainLink {
        position: batch.position,
        id: &batch.id,
        at: batch.at,
        outcomes: &batch.outcomes,
        postings,
        events,
    }
}
