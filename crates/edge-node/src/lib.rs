//! The embedded TEG and the embedded registry as one server, as the stack has them: for
//! development, for deployments without another TEG, and for tests of everything that calls them.

mod callers;
mod error;
mod logs;
mod node;
mod settings;

pub use error::EdgeError;
pub use logs::init_tracing;
pub use node::{EdgeNode, stop_signal};
pub use settings::{EdgeAuth, EdgeSettings};
