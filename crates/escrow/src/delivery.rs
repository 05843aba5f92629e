//! What a seller hands over.

use std::sync::Arc;

use marketplace_money::Timestamp;

/// Where the bytes are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// In our store, under their hash.
    Inline,
    /// Behind a URI; the worker fetched them once and they matched the hash.
    Fetched {
        /// Where they were; a hostile URL to everybody else.
        uri: Arc<str>,
    },
    /// Nowhere: delivered outside, which only a buyer that chose `auto_on_delivery` allows.
    None,
}

/// The result of the executable checks, run before the command was queued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChecksOutcome {
    /// All of them.
    pub passed: bool,
    /// Over checks, delivery and results, so that anybody can repeat them.
    pub hash: [u8; 32],
    /// Those that did not pass, in the order of the terms; at most as many as a listing may have.
    pub failed: Arc<[FailedCheck]>,
}

/// A check that a delivery did not pass: what the seller mends, and evidence for both parties.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedCheck {
    /// Its place in the terms, from 0.
    pub index: u8,
    /// What kind of check it is, as the terms name it.
    pub kind: Arc<str>,
    /// What was found, in one line; may quote some characters of the delivery: inert text.
    pub reason: Arc<str>,
}

/// A delivery as it stands in the order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Of the bytes; all zero without content.
    pub sha256: [u8; 32],
    /// Where the bytes are.
    pub content: Content,
    /// In bytes.
    pub size: u64,
    /// As the seller says; inert.
    pub media_type: Option<Arc<str>>,
    /// As the seller says; inert text.
    pub note: Option<Arc<str>>,
    /// Under `verified` only.
    pub checks: Option<ChecksOutcome>,
    /// When it counted as delivered.
    pub at: Timestamp,
}

/// A delivery whose bytes are behind a URI and have not been fetched: nothing is delivered yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announced {
    /// What the bytes must hash to.
    pub sha256: [u8; 32],
    /// Where they are said to be.
    pub uri: Arc<str>,
    /// As the seller says; inert.
    pub media_type: Option<Arc<str>>,
    /// As the seller says; inert text.
    pub note: Option<Arc<str>>,
    /// When it was announced.
    pub at: Timestamp,
}

/// What a seller hands in. The shell has hashed inline bytes and run the checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeliveryInput {
    /// Bytes that are here: sent inline, or fetched by the worker.
    Bytes {
        /// Of the bytes, computed by us.
        sha256: [u8; 32],
        /// What the seller said they hash to.
        claimed_sha256: Option<[u8; 32]>,
        /// In bytes.
        size: u64,
        /// Where they came from, when the worker fetched them.
        uri: Option<Arc<str>>,
        /// As the seller says.
        media_type: Option<Arc<str>>,
        /// As the seller says.
        note: Option<Arc<str>>,
        /// Under `verified` only.
        checks: Option<ChecksOutcome>,
    },
    /// Bytes that the worker shall fetch.
    Uri {
        /// What they must hash to.
        sha256: [u8; 32],
        /// Where they are.
        uri: Arc<str>,
        /// As the seller says.
        media_type: Option<Arc<str>>,
        /// As the seller says.
        note: Option<Arc<str>>,
    },
    /// Nothing but the word that it was done.
    Nothing {
        /// As the seller says.
        note: Option<Arc<str>>,
    },
}

impl DeliveryInput {
    /// Bytes of an inline delivery.
    pub const LARGEST_INLINE: usize = 256 * 1024;
    /// Bytes behind a URI.
    pub const LARGEST_FETCHED: u64 = 10 * 1024 * 1024;
    /// Bytes of a URI.
    pub const LONGEST_URI: usize = 2_048;
    /// Bytes of a media type.
    pub const LONGEST_MEDIA_TYPE: usize = 255;
    /// Characters of a note.
    pub const LONGEST_NOTE: usize = 2_000;
    /// Characters of the reason why a check failed.
    pub const LONGEST_REASON: usize = 200;
}
