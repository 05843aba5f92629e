//! The embedded TEG node: a double-entry ledger of AVT in a SQLite file of its own.
//!
//! It stands in for the settlement network where there is none: on one machine, in tests, and as
//! the peer of the HTTP client. Its tokens are play money, its books are not: every change is a
//! balanced entry, committed with full sync before it is answered.
//!
//! - All accounts sum to zero, always: tokens come from the issuer, the only account below zero.
//! - Calls that wait together share one commit; each runs in a savepoint of its own.
//! - An idempotency key belongs to the agent that used it. Refusals store nothing.

mod audit;
mod book;
mod database;
mod failure;
mod faucet;
mod history;
mod lock;
mod node;
mod reputation;
mod schema;
mod settings;
mod stake;
mod transfer;
mod writer;

pub use audit::{Audit, AuditedAccount};
pub use book::Account;
pub use failure::OpenError;
pub use faucet::FAUCET_GIFT;
pub use node::EmbeddedTeg;
pub use settings::{Clock, EmbeddedTegSettings};
