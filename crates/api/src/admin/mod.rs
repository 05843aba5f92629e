//! What operators see.

pub(crate) mod audit;
pub(crate) mod dead_letters;
pub(crate) mod orders;
pub(crate) mod retry_dead_letters;
pub(crate) mod rotate_key;
pub(crate) mod withdrawals;
