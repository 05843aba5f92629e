//! The embedded store: one SQLite file, one writer thread, full sync.
//!
//! - A commit is one transaction on the writer's connection, answered after it is on the disk.
//! - The writer is the sealer: positions and hashes are given in the commit.
//! - The writer alone writes, so what it remembers of the database is true; versions and balances
//!   are checked against that, and rows once more in their WHERE.
//! - Queries run on connections of their own and never wait for the writer.
//! - The file belongs to one server, which holds a lock beside it.

mod api_keys;
mod audit;
mod audit_history;
mod books;
mod cache;
mod clock;
mod commit;
mod database;
mod disputes;
mod docket_queries;
mod draft;
mod edges;
mod event_lists;
mod export;
mod failure;
mod fetch;
mod forget;
mod heads;
mod keeper;
mod lease;
mod lock;
mod money;
mod motions;
mod orders;
mod outcomes;
#[cfg(test)]
mod plans;
mod readers;
mod retire;
mod reviews;
mod rows;
mod seal;
mod servers;
mod statement;
mod store;
mod tasks;
mod view;
mod writer;

pub use clock::Clock;
pub use export::{ExportEnds, ExportTable, HISTORY, SqliteExport};
pub use failure::OpenError;
pub use store::SqliteStore;
