//! In-memory index over active listings: full text, filters, sorts, facets and pages.
//!
//! Pure: no I/O, no clock, no threads, no serde. The index is derived data. It is filled from the
//! store, follows the events, and is never asked for the truth about money or state.
//!
//! What holds, and why:
//! - The answer depends on what is listed now and on nothing else, so replicas agree. It is the
//!   same in every order of arrival, and cursors stay good while other listings come and go.
//! - No query walks over all listings unless all of them match. Text goes through posting lists,
//!   browsing through sorted orders for the market and for each kind of service. What a query may
//!   look at is bounded: words, readings of a word, postings.
//! - No floating point: equal listings have equal scores on every machine.
//! - Memory is bounded by what is listed now.
//!
//! - The bulk of it, the posting lists, is behind a port ([`PostingLists`]): in memory, or with the
//!   feature `tantivy` in a tantivy index on the disk, for markets whose lists are larger than the
//!   memory. Everything else is shared, and both are checked against the same naive scan.
//!
//! A reader's way through the code: [`Index`] (`index.rs`) owns slots, words and orders;
//! `text.rs` and `browse.rs` answer the two sorts of questions; `selection.rs` makes the page;
//! `score.rs` has all weights; `vocabulary.rs` says which words stand for others.

mod browse;
mod builder;
mod cursor;
mod dealings;
mod document;
mod folding;
mod highlight;
mod index;
mod lists;
mod order;
mod page;
mod peers;
mod query;
mod score;
mod selection;
mod sellers;
mod shelf;
mod similar;
mod slots;
mod stop_words;
#[cfg(feature = "tantivy")]
mod tantivy_lists;
mod text;
mod typos;
mod vocabulary;
mod words;

pub use builder::Builder;
pub use cursor::{Cursor, CursorError};
pub use dealings::{Because, Dealings, Suggestion};
pub use document::{Acceptance, Document, SellerFacts, ServiceKind};
pub use highlight::{Excerpt, Highlighter};
pub use index::{Index, IndexFull};
pub use lists::{MemoryLists, Posting, PostingLists};
pub use page::{DELIVERY_BOUNDS, Facets, Hit, PRICE_BOUNDS, Page, REPUTATION_BOUNDS};
pub use query::{
    DEFAULT_LIMIT, MAX_LIMIT, MAX_NEED_CHARS, MAX_QUERY_WORDS, MAX_TEXT_CHARS, Matching, Query,
    SearchError, Sort,
};
pub use score::{Blend, FULL, Score};
pub use stop_words::is_stop_word;
#[cfg(feature = "tantivy")]
pub use tantivy_lists::TantivyLists;
pub use words::words;
