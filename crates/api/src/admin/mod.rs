//! What operators see.

pub(crate) mod audit;
pub(crate) mod orders;
