//! The order machine, tested from outside. One binary, so that the modules share their builders.

#![expect(clippy::unwrap_used, reason = "the builders of these tests may panic like the tests")]

mod actions;
mod clocks;
mod common;
mod delivery;
mod exits;
mod machine;
mod policies;
mod refusals;
mod resume;
mod walks;
