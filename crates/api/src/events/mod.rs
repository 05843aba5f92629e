//! Streams of events.

pub(crate) mod of_order;
pub(crate) mod stream;
pub(crate) mod teller;
