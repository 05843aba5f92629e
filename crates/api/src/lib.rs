//! REST routes, the original messages, and the readable API page.
//!
//! [`router`] reads as a table of contents; each endpoint has a file of its own, named by its
//! verb. Handlers hold no rules: they read a request, call the engine, and write the reply.

mod acceptance;
mod admin;
mod agents;
mod answer;
mod api_keys;
mod app;
mod auth;
mod body;
mod disputes;
mod doorkeeper;
mod edge;
mod escrow;
mod events;
mod failure;
mod identity;
mod incoming;
mod jurors;
mod limits;
mod market;
mod messages;
mod metrics;
mod openapi;
mod operator;
mod orders;
mod pages;
mod params;
mod quotes;
mod request_id;
mod reserves;
mod router;
mod services;
mod shell;
mod stack;
mod wallet;
mod webhooks;

pub use app::{ApiSettings, App, AuthMode, Clock, PacketText};
pub use limits::{Limits, Network};
pub use metrics::{CONTENT_TYPE as METRICS_TYPE, worker_metrics};
pub use openapi::openapi;
pub use pages::our_endpoint;
pub use router::router;
