//! Amounts, rates, rounding, time and typed ids: the words that every other crate speaks.
//!
//! Pure: no I/O, no clock, no randomness, no serde.

mod amount;
mod did;
mod ids;
mod rate;
mod time;

pub use amount::{Amount, AmountError, Currency, NANO_PER_AVT};
pub use did::{Did, DidError};
pub use ids::{
    CommandId, DepositId, DisputeId, EntryId, EventId, IdError, ListingId, OrderId, WithdrawalId,
};
pub use rate::{BasisPoints, Multiplier, RateError, Reputation, div_half_even};
pub use time::{Deadline, Gap, Gaps, Seconds, Timestamp};
