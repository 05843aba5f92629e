//! The dispute machine: its money, its clocks, its paths.

#![expect(clippy::unwrap_used, reason = "the builders of these tests may panic like the tests")]

mod adversary;
mod money;
mod packet;
mod paths;
mod play;
mod rules;
mod walk;
mod world;
