//! Diesel tables and the mapping between rows and domain types.
