//! REST routes, the original messages, and the readable API page.
