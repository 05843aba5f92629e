//! What things cost: the fee schedule, reputation pricing, quotes, and how a price is shared.
//!
//! A fee is computed once, at quote, rounded half to even at one nano-AVT, and frozen in the
//! order. Everything after that only divides what was frozen.

mod quote;
mod schedule;

pub use quote::{Expectation, Quote, QuoteRefusal};
pub use schedule::{FeeSchedule, Price, Shares};
