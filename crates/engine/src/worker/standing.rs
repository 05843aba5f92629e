//! Providers' standing follows the TEG.

use super::Worker;
use crate::refusal::Error;
use crate::verbs::RefreshReputation;

impl Worker {
    /// Asks for every provider with active listings (each answer is cached) and writes news.
    pub(super) async fn refresh_standing(&self) -> Result<(), Error> {
        for agent in self.marketplace.inner.publisher.catalog.providers() {
            let reputation = self.marketplace.reputation(&agent).await?;
            if self.marketplace.inner.publisher.catalog.reputation(&agent) == reputation {
                continue;
            }
            match self.marketplace.execute(RefreshReputation { agent, reputation }, None).await {
                Ok(_) | Err(Error::Refused(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
