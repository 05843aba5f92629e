//! In-memory index over active listings.
