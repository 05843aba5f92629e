//! What operators see.

pub(crate) mod audit;
pub(crate) mod dead_letters;
pub(crate) mod explain_transfer;
pub(crate) mod orders;
pub(crate) mod resolve_withdrawal;
pub(crate) mod retry_dead_letter;
pub(crate) mod rotate_key;
pub(crate) mod withdrawals;
