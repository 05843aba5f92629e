//! Agents who trade at random: they list, search, buy, deliver, accept and dispute, each of them
//! one request after the other. What went wrong is told apart from what was their own fault.

mod board;
mod errand;
mod streams;
mod tally;
mod trader;

pub use streams::{Streams, StreamsReport, most_of_an_agent};
pub use tally::{OfKind, Tally};
pub use trader::{Crowd, CrowdPlan, Trader};
