//! A client for agents.
//!
//! Every request is signed with the agent's own key. A command carries an idempotency key of its
//! own, so that it is safely sent again when nobody knows what became of it. [`Events`] goes on
//! where it was after every break, at whichever server answers.

mod body;
mod client;
mod disputes;
mod events;
mod transport;
mod wallet;
mod webhooks;

pub use body::{
    Action, Delivery, Found, Listing, NewListing, Order, Problem, Purchase, Quote, Search,
};
pub use client::Client;
pub use disputes::{Claim, Dispute, Disputes, Due, Evidence, Exhibit, Settlement, Verdict};
pub use events::{Event, Events};
pub use marketplace_money::{Amount, Did, DisputeId, ListingId, OrderId, Timestamp};
pub use marketplace_registry::AgentKey;
pub use transport::{ClientError, Clock};
pub use wallet::{Entry, Statement, Wallet, Withdrawal};
pub use webhooks::Webhook;
