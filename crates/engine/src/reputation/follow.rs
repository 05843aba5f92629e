//! Follows the feed, so that this server knows what every settled order says.

use std::time::Duration;

use marketplace_ports::StoreError;

use crate::marketplace::Marketplace;

/// Events that are read at once.
const PAGE: u32 = 2_000;
/// Between looks at the feed: standings change slowly, and a look costs less when it finds more.
const LOOK: Duration = Duration::from_millis(250);
/// After a store that does not answer.
const PAUSE: Duration = Duration::from_secs(1);

impl Marketplace {
    /// Reads the feed from where the last snapshot ends, then what comes, for ever.
    pub(crate) async fn follow_reputations(&self) {
        loop {
            match self.catch_up_standings().await {
                Ok(()) => tokio::time::sleep(LOOK).await,
                Err(error) => {
                    tracing::warn!(%error, "the standings cannot be followed now");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// Takes in the next page, which may be all there is.
    pub(super) async fn begin_standings(&self) -> Result<(), StoreError> {
        self.hear_page().await.map(|_| ())
    }

    /// Takes in everything that the feed has beyond what is known.
    ///
    /// # Errors
    /// When the store does not answer; what was taken in stays.
    pub async fn catch_up_standings(&self) -> Result<(), StoreError> {
        while self.hear_page().await? {}
        Ok(())
    }

    /// Takes in a page; says whether there may be more. Whoever is first looks for the snapshot: what
    /// lies before it may be gone from the feed. Others wait, and read on from there.
    async fn hear_page(&self) -> Result<bool, StoreError> {
        let standings = &self.inner.standings;
        let _turn = standings.one_reads().await;
        standings.begin(|| self.restored_standings()).await?;
        let position = standings.position();
        self.count_up_to(position).await?;
        let events = self.store().events_after(position, PAGE).await?;
        standings.hear(&events);
        self.inner.counts.hear(position, &events);
        let more = events.len() >= PAGE as usize;
        if !more {
            standings.completed();
        }
        Ok(more)
    }
}
