//! Cards, pages and health.

pub(crate) mod agent_card;
pub(crate) mod healthz;
pub(crate) mod marketplace;
pub(crate) mod metrics;
pub(crate) mod problems;
pub(crate) mod readyz;
pub(crate) mod well_known_card;
