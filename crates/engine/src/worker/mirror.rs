//! One worker of all reads our history at the TEG: it allows a thousand requests an hour.

use super::jobs::Job;
use crate::refusal::Error;

impl Job {
    /// Reads on from where the mirror stands.
    pub(super) async fn mirror_history(&self) -> Result<usize, Error> {
        let transfers = self.marketplace.read_history().await?;
        if transfers > 0 {
            // Who pays now pays again in a moment.
            self.marketplace.await_transfers(RECENT).await?;
        }
        Ok(transfers)
    }
}

/// After a transfer came.
const RECENT: marketplace_money::Seconds = marketplace_money::Seconds(120);
