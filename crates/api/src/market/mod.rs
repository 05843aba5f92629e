//! The market as a whole.

pub(crate) mod overview;
