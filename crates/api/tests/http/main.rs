//! The HTTP surface over the real engine, the fake TEG and whichever store the switch says
//! (`store`).

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod a2a;
mod a2a_disputes;
mod a2a_lists;
mod a2a_rules;
mod acceptance;
mod api_keys;
mod authorisation;
mod bad_input;
mod bodies;
mod common;
mod disputes;
mod documents;
mod edge;
mod events;
mod finding;
mod hooks;
mod idempotency;
mod identity;
mod listings;
mod long_poll;
mod market;
mod messages;
mod notices;
mod open_mode;
mod operator;
mod orders;
mod pages;
mod reputation;
mod stack;
mod store;
mod wallet;
