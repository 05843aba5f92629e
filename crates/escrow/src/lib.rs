//! The order aggregate: its state machine as data, decisions and postings.
