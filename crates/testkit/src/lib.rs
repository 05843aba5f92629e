//! What tests and measurements of the whole marketplace stand on.

#[cfg(feature = "app")]
pub mod app;
#[cfg(feature = "app")]
pub mod load;
pub mod sim;
