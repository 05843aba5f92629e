//! The store of several replicas: PostgreSQL, pooled and pipelined.
//!
//! - A commit is one transaction in two round trips: locks and present versions, then all writes
//!   as arrays with the COMMIT behind them. Which sets may go is decided here, by `ports::admit`.
//! - Commits go over connections of their own, on tokio-postgres itself: statements are sent in
//!   the order in which they are written down, and errors carry their SQLSTATE. Everything else is
//!   diesel, on other connections: no query waits behind a commit, no commit behind a query.
//! - The sealer gives committed batches their place in the chain and their events their place in
//!   the feed; whoever holds the row of `chain` seals.
//! - What engines that only speak PostgreSQL's protocol do not have (advisory locks, NOTIFY,
//!   planner switches) is in `only_postgres`.

mod address;
mod arrays;
mod audit;
mod audit_history;
mod catalog;
mod clock;
mod commit;
mod connect;
mod dockets;
mod draft;
mod edges;
mod failure;
mod feed;
mod forget;
mod found;
mod import;
mod judged;
mod keys;
mod lasting;
mod lease;
mod listener;
mod lock;
mod memory;
mod migrate;
mod money;
mod months;
mod only_postgres;
mod orders;
mod query;
mod readers;
mod rows;
mod sealer;
mod servers;
mod session;
mod store;
mod straight;
mod view;
mod whole;

pub use clock::Clock;
pub use failure::OpenError;
pub use import::{ImportEnds, Mark, PostgresImport};
pub use migrate::schema;
pub use store::{Options, PostgresStore, migrate};
