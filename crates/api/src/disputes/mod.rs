//! Disputes, which do not exist yet.

pub(crate) mod create;

/// What a party can do instead.
pub(crate) const NOT_AVAILABLE: &str = "Disputes are not available yet. Until then: request \
    changes, offer a split, or let the order's clocks run; the order's available_actions say what \
    is open to you";
