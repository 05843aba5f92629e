//! Executable checks on a delivery, bounded in time and memory.
//!
//! A listing's terms name the checks as JSON; [`Checks::parse`] compiles them once, and
//! [`Checks::run`] holds a delivery against them. Both sides are hostile: a seller writes the
//! checks *and* the delivery. So nothing here may run long, recurse deep or grow large, whatever
//! the texts say:
//!
//! * Work is counted in steps (about 5 ns each) and ends at [`MAX_STEPS`]. The count depends only on
//!   the texts, so that a rerun (a dispute, an offline proof) gives the same answer on any machine.
//!   The caller's clock is the second fence, asked every few thousand steps.
//! * A delivery is at most [`MAX_DELIVERY_BYTES`] and nested at most [`MAX_NESTING`] deep. It is
//!   read into one flat list of 16 bytes for each value: an ordinary tree of maps would need a
//!   hundred times the text.
//! * Patterns are compiled to tables (deterministic automata) of bounded size: one table look-up
//!   for each byte, for every text. A pattern whose table grows too large is refused at parse.
//!   The `regex` crate is linear too, but needs seconds for 1 MiB of text with a nasty pattern.
//! * JSON Schema is evaluated here, not by a library: a library cannot be interrupted. See
//!   [`Schema`] for the keywords. The tests compare every verdict with the `jsonschema` crate.
//!
//! The crate knows no clock, no files and no network: `$ref` reaches into the same schema only.
//!
//! # The checks
//!
//! The terms are an array of 1 to 16 objects, at most 64 KiB of text. Unknown kinds, unknown fields
//! and fields that are there twice are refused: a typing error must not become a check that checks
//! nothing.
//!
//! | kind | fields | passes when |
//! |---|---|---|
//! | `json_schema` | `schema` | the delivery is JSON that fits the schema |
//! | `sha256` | `hex` | the delivery has this SHA-256 |
//! | `size` | `min_bytes`, `max_bytes` (one or both) | its length in bytes is within, bounds included |
//! | `rows` | `min`, `max` (one or both) | the number of rows is within, see [`count_rows`] |
//! | `matches` | `pattern` | the pattern is found somewhere in it; anchor with `^` and `$` |

mod budget;
mod checks;
mod digest;
mod error;
mod excerpt;
mod json;
mod pattern;
mod report;
mod run;
mod schema;

pub use budget::{MAX_STEPS, Stop};
pub use checks::{Check, CheckKind, Checks, MAX_CHECKS, MAX_TERMS_BYTES, Range};
pub use digest::Digest;
pub use error::CheckError;
pub use json::MAX_NESTING;
pub use pattern::{MAX_PATTERN_BYTES, MAX_PATTERN_TABLE_BYTES, Pattern};
pub use report::{CheckResult, MAX_DETAIL_CHARS, Report};
pub use run::{MAX_DELIVERY_BYTES, count_rows};
pub use schema::Schema;
