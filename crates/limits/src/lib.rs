//! How often somebody may call: buckets of tokens in this process, or in a Redis that several
//! servers share. When the Redis is gone, each server counts by itself, and nothing else notices.

mod link;
mod local;
mod shared;

pub use link::{LinkError, check_url};
pub use local::LocalLimiter;
pub use shared::SharedLimiter;
