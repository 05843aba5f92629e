//! The reserves, looked after by one worker of all.

use super::jobs::Job;
use crate::refusal::Error;

impl Job {
    /// Looks whether everything is explained, and publishes when it is time.
    pub(super) async fn look_after_reserves(&self) -> Result<(), Error> {
        let market = &self.marketplace;
        match market.reconcile().await {
            Ok(_) => {}
            // A silent TEG is no breach.
            Err(Error::Unavailable { reason, .. }) => {
                tracing::warn!(reason, "the reserves could not be looked at");
            }
            Err(error) => return Err(error),
        }
        market.warn_of_escrow().await?;
        market.publish_reserves().await
    }
}
