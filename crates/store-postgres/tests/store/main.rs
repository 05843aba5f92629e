//! The store on a real server.

mod common;
mod contract;
mod months;
mod plans;
mod replicas;
mod tls;
