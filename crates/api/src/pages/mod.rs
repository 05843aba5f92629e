//! Cards, pages and health.

pub(crate) mod agent_card;
pub(crate) mod health;
pub(crate) mod healthz;
pub(crate) mod jwks;
pub(crate) mod marketplace;
pub(crate) mod metrics;
pub(crate) mod problems;
pub(crate) mod readyz;

/// Where messages to us go, as registries are told.
#[must_use]
pub fn our_endpoint(public_url: &str) -> String {
    format!("{public_url}/a2a/message")
}
