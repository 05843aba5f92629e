//! The dispute machine: its money, its clocks, its paths.

mod adversary;
mod money;
mod packet;
mod paths;
mod play;
mod rules;
mod walk;
mod world;
