//! Tokens.

pub(crate) mod token;
