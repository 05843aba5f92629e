//! The HTTP client and the server of the node against each other, over loopback.

mod common;
mod contract;
mod failing;
mod others;
mod rail;
mod reading;
mod schemas;
