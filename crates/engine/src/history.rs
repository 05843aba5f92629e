//! The mirror of our history at the TEG: everything that moved is booked, once.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use futures::future::{join_all, try_join_all};
use marketplace_money::{Seconds, Timestamp};
use marketplace_ports::{HistoryCursor, HistoryPage, Lease, TegRecordState, TegTransfer};

use crate::marketplace::Marketplace;
use crate::opening::HISTORY_CURSOR;
use crate::refusal::{Error, Refusal};
use crate::verbs::{MirrorTransfer, Mirrored, NoteUnsettled};

/// Lines at once.
const PAGE: u32 = 100;
/// Over all servers, those who wait for a transfer make the mirror look once in so long.
const REFRESH_EVERY: Seconds = Seconds(1);
/// The name of that right.
const REFRESH: &str = "teg-history-refresh";

/// Until when transfers are awaited, in microseconds: for the mirror, whichever worker holds it.
const AWAITED: &str = "teg-transfers-awaited";
/// Such a note is not written again for less.
const NOTE_AGAIN: Seconds = Seconds(60);
/// Somebody names a transfer that was not seen, or not completed.
const NAMED: Seconds = Seconds(300);

impl Marketplace {
    /// From now on for so long the mirror looks often.
    pub(crate) async fn await_transfers(&self, duration: Seconds) -> Result<(), Error> {
        let until = self.now().await?.plus(duration);
        let known = self.inner.awaited.load(Ordering::Relaxed);
        if until < Timestamp::from_micros(known).plus(NOTE_AGAIN) {
            return Ok(());
        }
        self.inner.awaited.store(until.micros(), Ordering::Relaxed);
        // Another server may await something for longer.
        if self.awaited_until().await?.is_none_or(|known| known < until) {
            self.store().set_note(AWAITED, &until.micros().to_string()).await?;
        }
        Ok(())
    }

    /// Whether somebody waits for a transfer to us.
    pub(crate) async fn awaits_transfers(&self, now: Timestamp) -> Result<bool, Error> {
        Ok(self.awaited_until().await?.is_some_and(|until| now < until))
    }

    async fn awaited_until(&self) -> Result<Option<Timestamp>, Error> {
        let note = self.store().note(AWAITED).await?;
        Ok(note.and_then(|note| note.parse().ok()).map(Timestamp::from_micros))
    }

    /// Reads on from where the mirror stands, a page; says how many lines it had. The place is
    /// remembered after the page is booked: a crash between repeats the page, and every booking is
    /// done once.
    pub(crate) async fn read_history(&self) -> Result<usize, Error> {
        let Some(cursor) = self.store().note(HISTORY_CURSOR).await? else { return Ok(0) };
        let cursor = HistoryCursor(cursor);
        let page = match self.teg().history(&cursor, PAGE).await {
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
        // Each line is booked by itself, whatever becomes of the others: they share commits. What
        // they need is read before, so that they queue in the order in which they came: a transfer
        // may add to what the one before it brought.
        for lines in page.transfers.chunks(self.inner.abreast()) {
            let verbs = try_join_all(lines.iter().map(|line| self.mirrored(line.clone()))).await?;
            let booked = join_all(verbs.into_iter().map(|verb| self.book_line(verb))).await;
            booked.into_iter().collect::<Result<(), Error>>()?;
        }
        let pending = page.pending.into_iter().map(|transfer| (transfer, TegRecordState::Pending));
        let failed = page.failed.into_iter().map(|transfer| (transfer, TegRecordState::Failed));
        for (transfer, state) in pending.chain(failed) {
            if transfer.receiver != *self.did() {
                continue;
            }
            match self.execute(NoteUnsettled { transfer, state }, None).await {
                Ok(_) | Err(Error::Refused(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The booking of a line, with what it needs to know.
    async fn mirrored(&self, transfer: TegTransfer) -> Result<MirrorTransfer, Error> {
        let ours = self.did().clone();
        let mut verb = MirrorTransfer { ours, transfer, limits: BTreeMap::new() };
        for order in verb.orders() {
            let Some(order) = self.store().order(order).await? else { continue };
            if let Some(limit) = self.exposure_limit(&order.seller).await? {
                verb.limits.insert(order.seller.clone(), limit);
            }
        }
        Ok(verb)
    }

    async fn book_line(&self, verb: MirrorTransfer) -> Result<(), Error> {
        let id = verb.transfer.id.0.clone();
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
        Ok(())
    }

    /// Has the mirror look now, because somebody names a transfer that it has not seen: whoever
    /// waits for the same shares the look, and over all servers there is one in a second.
    pub(crate) async fn refresh_history(&self) -> Result<(), Error> {
        self.await_transfers(NAMED).await?;
        let _turn = self.inner.refreshing.lock().await;
        // Each look asks as somebody new: the right to the next one is nobody's.
        let lease = Lease { owner: self.fresh_id().await?, duration: REFRESH_EVERY };
        if self.store().lease_job(REFRESH, lease).await? {
            self.read_history().await?;
        }
        Ok(())
    }
}
