//! The market as a whole.

pub(crate) mod follow;
pub(crate) mod overview;
