//! Reputation: exact sums, and what it takes to fake them.

mod attacks;
mod market;
mod sums;
