//! The mirror of our history at the TEG: everything that moved is booked, once.

use marketplace_money::Seconds;
use marketplace_ports::{HistoryCursor, HistoryPage, Lease};

use crate::marketplace::Marketplace;
use crate::opening::HISTORY_CURSOR;
use crate::refusal::{Error, Refusal};
use crate::verbs::{MirrorTransfer, Mirrored, NotePending};

/// Lines at once.
const PAGE: u32 = 100;
/// Over all servers, those who wait for a transfer make the mirror look once in so long.
const REFRESH_EVERY: Seconds = Seconds(1);
/// The name of that right.
const REFRESH: &str = "teg-history-refresh";

impl Marketplace {
    /// Reads on from where the mirror stands, a page; says how many lines it had. The place is
    /// remembered after the page is booked: a crash between repeats the page, and every booking is
    /// done once.
    pub(crate) async fn read_history(&self) -> Result<usize, Error> {
        let Some(cursor) = self.store().note(HISTORY_CURSOR).await? else { return Ok(0) };
        let cursor = HistoryCursor(cursor);
        let page = match self.inner.edge.saw(self.teg().history(&cursor, PAGE).await) {
            Ok(page) => page,
            Err(error) => {
                tracing::warn!(%error, "the TEG's history cannot be read now");
                return Ok(0);
            }
        };
        let (count, next) = (page.transfers.len(), page.next.clone());
        self.book(page).await?;
        if next != cursor {
            self.store().set_note(HISTORY_CURSOR, &next.0).await?;
        }
        Ok(count)
    }

    async fn book(&self, page: HistoryPage) -> Result<(), Error> {
        for transfer in page.transfers {
            let id = transfer.id.0.clone();
            let verb = MirrorTransfer { ours: self.did().clone(), transfer };
            match self.execute(verb, None).await {
                Ok(crate::Done::Fresh(Mirrored::Unmatched)) => {
                    tracing::error!(transfer = id, "a transfer of ours fits nothing");
                }
                Ok(_) | Err(Error::Refused(Refusal::AlreadyDone)) => {}
                Err(Error::Refused(refusal)) => {
                    tracing::error!(transfer = id, %refusal, "a transfer of ours has no entry");
                }
                Err(error) => return Err(error),
            }
        }
        for transfer in page.pending.into_iter().filter(|own| own.receiver == *self.did()) {
            match self.execute(NotePending { transfer }, None).await {
                Ok(_) | Err(Error::Refused(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Has the mirror look now, because somebody names a transfer that it has not seen: whoever
    /// waits for the same shares the look, and over all servers there is one in a second.
    pub(crate) async fn refresh_history(&self) -> Result<(), Error> {
        let _turn = self.inner.refreshing.lock().await;
        // Each look asks as somebody new: the right to the next one is nobody's.
        let lease = Lease { owner: self.fresh_id().await?, duration: REFRESH_EVERY };
        if self.store().lease_job(REFRESH, lease).await? {
            self.read_history().await?;
        }
        Ok(())
    }
}
