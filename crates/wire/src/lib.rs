//! Serde types, the caller, and refusals as problem documents: what every binding shares.
