//! The embedded store: SQLite, one writer thread, full sync.
