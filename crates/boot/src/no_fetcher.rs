//! Stands where no HTTPS client can be built: the market runs, deliveries behind URLs wait.

use async_trait::async_trait;
use marketplace_ports::{FetchError, Fetcher};

/// Fetches nothing, and says why.
pub(crate) struct NoFetcher {
    pub(crate) reason: String,
}

#[async_trait]
impl Fetcher for NoFetcher {
    async fn fetch(&self, _uri: &str, _limit: u64) -> Result<Vec<u8>, FetchError> {
        // It may work after a restart with certificates: nobody's delivery is lost for good.
        Err(FetchError::Unavailable(self.reason.clone()))
    }

    async fn check(&self, _url: &str) -> Result<(), FetchError> {
        Err(FetchError::Unavailable(self.reason.clone()))
    }
}
