//! Executable checks.

pub(crate) mod dry_run;
