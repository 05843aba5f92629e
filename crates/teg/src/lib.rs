//! The embedded token ledger node, a real double-entry ledger of its own.
