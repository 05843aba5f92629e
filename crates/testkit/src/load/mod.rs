//! A load generator that costs little beside the server it drives: one keep-alive connection for
//! each client, requests written as they go over the wire, answers read no further than needed.

mod agents;
mod audit;
mod baseline;
mod edges;
mod figures;
mod files;
mod fleet;
mod http;
mod kill;
mod lifecycle;
mod paced;
mod pgbench;
mod postgres;
mod process;

pub use agents::{Agent, Population, member, now};
pub use audit::audit;
pub use baseline::serve as serve_baseline;
pub use edges::{EdgesPlan, EdgesReport, TEG_FLAGS, TegCommand, trade_over_failing_edges};
pub use figures::Figures;
pub use files::allow_open_files;
pub use fleet::{Fleet, FleetPlan};
pub use http::{Connection, HttpError, Reply};
pub use kill::{KillReport, kill_under_load};
pub use lifecycle::{Plan, drive};
pub use paced::{Caller, paced, saturated};
pub use pgbench::{Pgbench, pgbench};
pub use postgres::{
    Counts, Sampler, durable_server, hottest_balances, processor, slowest_statements,
};
pub(crate) use process::free_address;
pub use process::{EdgeProcess, ServerProcess, cpu_seconds, resident_kib, sibling};
