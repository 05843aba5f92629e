//! Agents in the directory.

pub(crate) mod register;
