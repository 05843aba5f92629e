//! The marketplace server.

fn main() {}
