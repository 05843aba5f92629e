//! Where AVT lives: the embedded TEG node, a double-entry ledger in a SQLite file of its own; the
//! same node as a [`server`]; and [`HttpTeg`], the client of a TEG elsewhere.
//!
//! The node stands in for the settlement network where there is none: on one machine, in tests, and as
//! the peer of the HTTP client. Its tokens are play money, its books are not: every change is a
//! balanced entry, committed with full sync before it is answered.
//!
//! - All accounts sum to zero, always: tokens come from the issuer, the only account below zero.
//! - Calls that wait together share one commit; each runs in a savepoint of its own.
//! - An idempotency key belongs to the agent that used it. Refusals store nothing.

mod agents;
mod audit;
mod book;
mod client;
mod database;
mod dispute;
mod failure;
mod faucet;
mod history;
mod lock;
mod node;
mod reputation;
mod schema;
pub mod server;
mod settings;
mod stake;
mod statement;
mod transfer;
mod writer;

pub use agents::Sending;
pub use audit::{Audit, AuditedAccount};
pub use book::Account;
pub use client::{
    BreakerSettings, DisputeReport, HourlyLimits, HttpTeg, HttpTegError, HttpTegSettings, Rail,
    TegAuth, is_loopback,
};
pub use dispute::LoggedDispute;
pub use failure::OpenError;
pub use faucet::FAUCET_GIFT;
pub use node::EmbeddedTeg;
pub use reputation::Signaled;
pub use settings::{Clock, EmbeddedTegSettings};
pub use stake::Stake;
pub use statement::StatementLine;
