//! What tests and measurements of the whole marketplace stand on.

pub mod sim;
