//! Posting lists in a tantivy index: for markets whose lists are larger than the memory.
//!
//! Tantivy holds a document for each listing: its slot, and for each of its words one number, made
//! of the word's number and its impact. A list is read from a range of the term dictionary. A commit
//! there takes tens of milliseconds, so commits are made now and then, and what is newer is kept in
//! memory and read together with them: a listing is found at once, and gone at once.
//!
//! The index is derived data: it lies in a folder of its own that goes with the process.

use std::borrow::Cow;
use std::collections::HashSet;

use tantivy::schema::{FAST, Field, INDEXED, IndexRecordOption, Schema};
use tantivy::{
    DocSet, Index, IndexReader, IndexWriter, ReloadPolicy, SegmentReader, TERMINATED,
    TantivyDocument, TantivyError, Term,
};

use crate::lists::{MemoryLists, Posting, PostingLists};

/// Memory of the one thread that writes.
const WRITER_BYTES: usize = 64 << 20;
const SLOT: &str = "slot";

/// See the module.
pub struct TantivyLists {
    writer: IndexWriter,
    reader: IndexReader,
    words: Field,
    slot: Field,
    /// What is newer than the last commit.
    fresh: MemoryLists,
    /// Slots whose documents of the last commit count no more.
    stale: HashSet<u32>,
    changes: usize,
    commit_every: usize,
    /// After a fault of the disk nothing is committed any more: what is newer stays in memory.
    fault: Option<TantivyError>,
}

fn schema() -> (Schema, Field, Field) {
    let mut schema = Schema::builder();
    let words = schema.add_u64_field("words", INDEXED);
    let slot = schema.add_u64_field(SLOT, INDEXED | FAST);
    (schema.build(), words, slot)
}

/// The number of a word with its impact behind it.
fn number(word: u32, impact: u8) -> u64 {
    u64::from(word) << 8 | u64::from(impact)
}

impl TantivyLists {
    /// Lists on the disk, in a new folder among the temporary ones; committed after so many changes.
    ///
    /// # Errors
    /// When there is no room for it.
    pub fn in_temporary_folder(commit_every: usize) -> Result<Self, TantivyError> {
        Self::over(&Index::create_from_tempdir(schema().0)?, commit_every)
    }

    /// The same without a disk: for tests.
    ///
    /// # Errors
    /// When tantivy cannot start its threads.
    pub fn in_memory(commit_every: usize) -> Result<Self, TantivyError> {
        Self::over(&Index::create_in_ram(schema().0), commit_every)
    }

    fn over(index: &Index, commit_every: usize) -> Result<Self, TantivyError> {
        let (_, words, slot) = schema();
        let writer = index.writer_with_num_threads(1, WRITER_BYTES)?;
        let reader: IndexReader =
            index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        Ok(Self {
            writer,
            reader,
            words,
            slot,
            fresh: MemoryLists::default(),
            stale: HashSet::new(),
            changes: 0,
            commit_every,
            fault: None,
        })
    }

    /// Why nothing goes to the disk any more, if so.
    #[must_use]
    pub const fn fault(&self) -> Option<&TantivyError> {
        self.fault.as_ref()
    }

    fn change(&mut self, change: impl FnOnce(&mut Self) -> Result<(), TantivyError>) {
        if self.fault.is_some() {
            return;
        }
        self.changes += 1;
        let done = change(self).and_then(|()| self.commit_when_due());
        self.fault = done.err();
    }

    fn commit_when_due(&mut self) -> Result<(), TantivyError> {
        if self.changes < self.commit_every {
            return Ok(());
        }
        self.writer.commit()?;
        self.reader.reload()?;
        self.fresh = MemoryLists::default();
        self.stale.clear();
        self.changes = 0;
        Ok(())
    }

    fn committed(
        &self,
        segment: &SegmentReader,
        word: u32,
        list: &mut Vec<Posting>,
    ) -> Result<(), TantivyError> {
        let inverted = segment.inverted_index(self.words)?;
        let slots = segment.fast_fields().u64(SLOT)?;
        let bound = |impact| Term::from_field_u64(self.words, number(word, impact));
        let (from, to) = (bound(0), bound(u8::MAX));
        let range = inverted.terms().range();
        let range = range.ge(from.serialized_value_bytes()).le(to.serialized_value_bytes());
        let mut terms = range.into_stream()?;
        while let Some((key, info)) = terms.next() {
            let impact = key.last().copied().unwrap_or(0);
            let mut documents =
                inverted.read_postings_from_terminfo(info, IndexRecordOption::Basic)?;
            while documents.doc() != TERMINATED {
                let document = documents.doc();
                documents.advance();
                let slot = slots.first(document).and_then(|slot| u32::try_from(slot).ok());
                let alive = !segment.is_deleted(document);
                let counts = slot.filter(|slot| alive && !self.stale.contains(slot));
                list.extend(counts.map(|slot| Posting::new(slot, impact)));
            }
        }
        Ok(())
    }
}

impl PostingLists for TantivyLists {
    fn add(&mut self, slot: u32, words: &[(u32, u8)]) {
        self.fresh.add(slot, words);
        self.change(|own| {
            let mut document = TantivyDocument::default();
            document.add_u64(own.slot, slot.into());
            for &(word, impact) in words {
                document.add_u64(own.words, number(word, impact));
            }
            own.writer.add_document(document).map(|_| ())
        });
    }

    fn remove(&mut self, slot: u32, words: &[u32]) {
        self.fresh.remove(slot, words);
        self.stale.insert(slot);
        self.change(|own| {
            own.writer.delete_term(Term::from_field_u64(own.slot, slot.into()));
            Ok(())
        });
    }

    fn read(&self, word: u32) -> Cow<'_, [Posting]> {
        let searcher = self.reader.searcher();
        let mut list = Vec::new();
        for segment in searcher.segment_readers() {
            // What the disk does not give any more is not found: an index is derived data.
            let _ = self.committed(segment, word, &mut list);
        }
        if list.is_empty() {
            return self.fresh.read(word);
        }
        list.extend_from_slice(&self.fresh.read(word));
        list.sort_unstable();
        Cow::Owned(list)
    }
}
