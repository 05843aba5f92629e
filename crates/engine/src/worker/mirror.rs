//! The mirror of our history at the TEG: everything that moved is booked, once.

use marketplace_ports::HistoryCursor;

use super::{BITE, Worker};
use crate::opening::HISTORY_CURSOR;
use crate::refusal::{Error, Refusal};
use crate::verbs::MirrorTransfer;

impl Worker {
    /// Reads on from where the mirror stands. The place is remembered after the page is booked:
    /// a crash between repeats the page, and every booking is done once.
    pub(super) async fn mirror_history(&self) -> Result<usize, Error> {
        let market = &self.marketplace;
        let Some(cursor) = market.store().note(HISTORY_CURSOR).await? else { return Ok(0) };
        let cursor = HistoryCursor(cursor);
        let page = match market.teg().history(&cursor, BITE).await {
            Ok(page) => page,
            Err(error) => {
                tracing::warn!(%error, "the TEG's history cannot be read now");
                return Ok(0);
            }
        };
        let count = page.transfers.len();
        for transfer in page.transfers {
            let id = transfer.id.0.clone();
            let verb = MirrorTransfer { ours: market.did().clone(), transfer };
            match market.execute(verb, None).await {
                Ok(_) | Err(Error::Refused(Refusal::AlreadyDone)) => {}
                Err(Error::Refused(refusal)) => {
                    tracing::error!(transfer = id, %refusal, "a transfer of ours has no entry");
                }
                Err(error) => return Err(error),
            }
        }
        if page.next != cursor {
            market.store().set_note(HISTORY_CURSOR, &page.next.0).await?;
        }
        Ok(count)
    }
}
