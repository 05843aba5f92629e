//! Double-entry journal: an entry balances or it does not exist.
