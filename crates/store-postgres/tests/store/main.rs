//! The store on a real server.

mod common;
mod contract;
mod plans;
