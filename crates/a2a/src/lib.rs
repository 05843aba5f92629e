//! A2A 1.0 and its earlier dialects over the engine.
//!
//! An order is a task: its state, its events and what it brought forth follow from the order and
//! the feed ([`order_task`]), so that there is one truth. Only what cannot be derived is stored
//! ([`kept`]). Other tasks live in the same rows, and their events in the same feed: a stream goes
//! on from any position, at any server.
//!
//! Bindings ([`jsonrpc`], [`rest`], [`dialects`]) read and spell; [`service`] has the operations;
//! a [`Behaviour`] says what a message does: [`Trade`] is the product's.

mod behaviour;
mod card;
mod dialect;
mod dialects;
pub mod error;
mod follow;
mod http;
mod jsonrpc;
mod kept;
mod list;
mod order_task;
mod pushes;
mod rest;
mod router;
mod service;
mod sse;
mod standing;
mod trade;
pub mod types;
mod whole;

pub use behaviour::{Act, Behaviour, Turn};
pub use card::{Cards, signed};
pub use dialect::Dialect;
pub use error::A2aError;
pub use kept::Step;
pub use pushes::Pushes;
pub use router::router;
pub use service::{A2a, Clock, Settings};
pub use standing::{NewTask, Standing};
pub use trade::Trade;
