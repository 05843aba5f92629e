//! In-memory index over active listings: full text, filters, sorts and pages.
//!
//! Pure: no I/O, no clock, no threads, no serde. The index is derived data. It is filled from the
//! store, follows the events, and is never asked for the truth about money or state.
//!
//! What holds, and why:
//! - The answer depends on the set of listings alone, not on the order in which they arrived: a
//!   score is made from one listing and the query, so replicas agree and cursors stay good while
//!   other listings come and go. This is why no word counts more for being rare in the market.
//! - No query walks over all listings unless all of them match. Text goes through posting lists,
//!   browsing through sorted orders for the market and for each kind of service.
//! - No floating point: equal listings have equal scores on every machine.
//! - Memory is bounded by what is listed now: what was removed is swept out in small steps by
//!   later removals, so no single write has to stop the readers for long.
//!
//! A reader's way through the code: [`Index`] (`index.rs`) owns slots, words and orders;
//! `text.rs` and `browse.rs` answer the two sorts of questions; `score.rs` has all weights.

mod browse;
mod cursor;
mod document;
mod index;
mod order;
mod query;
mod score;
mod selection;
mod shelf;
mod slots;
mod text;
mod vocabulary;
mod words;

pub use cursor::{Cursor, CursorError};
pub use document::{Document, ServiceKind};
pub use index::{Index, IndexFull};
pub use query::{
    DEFAULT_LIMIT, MAX_LIMIT, MAX_QUERY_WORDS, MAX_TEXT_CHARS, Page, Query, SearchError, Sort,
};
