//! Contributor tasks.

fn main() {}
