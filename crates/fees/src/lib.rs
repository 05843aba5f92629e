//! Fee schedule, reputation pricing and quotes.
