//! Fetching bytes from a URL that a stranger named.

use async_trait::async_trait;

/// Why bytes did not come.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// Final: the URL is not allowed, or what is there is too large.
    #[error("the content cannot be fetched: {0}")]
    Refused(String),
    /// Ask again later.
    #[error("the content did not come: {0}")]
    Unavailable(String),
}

/// Fetches from hostile URLs: no private addresses (checked on the resolved address), bounded in
/// time and size, no redirects to other hosts.
#[async_trait]
pub trait Fetcher: Send + Sync {
    /// The bytes behind `uri`, at most `limit` of them.
    async fn fetch(&self, uri: &str, limit: u64) -> Result<Vec<u8>, FetchError>;

    /// Whether `url` is one that we call at all, without calling it: `Refused` names the rule that
    /// it breaks, `Unavailable` says that its host's name means nothing now. What passes is checked
    /// again when a connection is made, for names change what they stand for.
    async fn check(&self, url: &str) -> Result<(), FetchError>;
}
