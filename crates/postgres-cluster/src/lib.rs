//! A private PostgreSQL server for tests and benchmarks, made from the machine's binaries.
//!
//! Every server lives in a temporary folder, listens on 127.0.0.1 only, and is gone when its user
//! is gone, also when that one is killed. It never runs as root. A crate of its own, without a
//! dependency, since both the tests of the stores and `cargo xtask` start servers with it.
//!
//! [`shared`] is what tests use: one server for the whole process (or for the whole run of
//! `cargo xtask test`), and a database of its own for each test.

mod binaries;
mod cluster;
mod database;
mod error;
mod server;

pub use binaries::{Binaries, DEBIAN_PACKAGE, HOW_TO_INSTALL};
pub use cluster::{Cluster, Settings, Stop};
pub use database::Database;
pub use error::ClusterError;
pub use server::{SERVER_VARIABLE, Server, Template, given, shared};
