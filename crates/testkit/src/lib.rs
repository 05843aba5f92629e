//! What tests and measurements of the whole marketplace stand on.

#[cfg(feature = "app")]
pub mod app;
#[cfg(feature = "app")]
pub mod crowd;
pub mod experiment;
#[cfg(feature = "app")]
pub mod load;
#[cfg(feature = "app")]
pub mod replicas;
#[cfg(feature = "scale")]
pub mod scale;
pub mod sim;
