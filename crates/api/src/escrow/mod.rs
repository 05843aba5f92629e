//! Escrow, as the original names it.

pub(crate) mod show;
