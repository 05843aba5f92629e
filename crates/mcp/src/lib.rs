//! MCP over the engine: the trade as tools with structured answers, orders as resources.
//!
//! Streamable HTTP without sessions: every request says who it is from, any server answers it.

mod host;
mod router;
mod tools;

pub use host::Mcp;
pub use router::router;
