//! Executable checks on a delivery, bounded in time and memory.
