//! The listing aggregate: what a provider offers and on which terms.
