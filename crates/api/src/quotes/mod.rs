//! Quotes.

pub(crate) mod create;
