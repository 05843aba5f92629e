//! Filling an index at once, for a start: several times quicker than listing by listing.

use crate::document::Document;
use crate::index::{Index, IndexFull};
use crate::lists::PostingLists;
use crate::score::Blend;

/// An index in the making. Nothing can be found before [`Builder::finish`].
pub struct Builder {
    index: Index,
}

impl Builder {
    /// An index of nothing, that will rank by this blend.
    #[must_use]
    pub fn new(blend: Blend) -> Self {
        Self { index: Index::new(blend) }
    }

    /// The same, with its posting lists kept elsewhere than in memory; they must be empty.
    #[must_use]
    pub fn with_lists(blend: Blend, lists: Box<dyn PostingLists>) -> Self {
        Self { index: Index::with_lists(blend, lists) }
    }

    /// Takes a listing. Each must come once, and of each seller what the first of its listings says
    /// holds for all.
    ///
    /// # Errors
    /// When the index is full.
    pub fn add(&mut self, document: Document) -> Result<(), IndexFull> {
        self.index.admit(document).map(|_| ())
    }

    /// The index, which answers and changes like any other from now on.
    #[must_use]
    pub fn finish(self) -> Index {
        let Self { mut index } = self;
        index.put_in_order();
        index
    }
}
