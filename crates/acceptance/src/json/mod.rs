//! JSON as a flat list of values: small, quick to read, and never deeper than allowed.

mod canonical;
mod number;
mod read;
mod tree;

pub(crate) use canonical::canonical;
pub(crate) use number::{Decimal, Divisor};
pub(crate) use read::{ReadError, Repeated, read};
pub(crate) use tree::{At, Kind, Tree};

/// Deepest nesting of arrays and objects, in deliveries and in terms.
pub const MAX_NESTING: usize = 64;
