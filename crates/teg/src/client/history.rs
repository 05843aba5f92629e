//! Our history: read on from a place, and a transfer found by its key.

use marketplace_money::{Seconds, Timestamp};
use marketplace_ports::{HistoryCursor, HistoryPage, TegError, TegTransfer};
use serde::Deserialize;
use uuid::Uuid;

use super::HttpTeg;
use super::call::Call;
use super::cursor::Place;
use super::error::CallError;
use super::line::{Standing, Transaction};

/// The published API gives no more at once.
const LARGEST_PAGE: usize = 1_000;
const SMALLEST_PAGE: usize = 100;
/// Transactions that may appear between two calls, each of which moves the offsets.
const SLACK: usize = 16;
/// A transaction that is pending for so long will never complete.
const HOPELESS: Seconds = Seconds(30 * 86_400);
/// No transfer is older than its key, by any clock.
const CLOCKS_APART: Seconds = Seconds(3_600);

#[derive(Deserialize)]
struct Answer {
    transactions: Vec<Transaction>,
    total: u64,
}

/// Neighbours in the history, oldest first.
struct Stretch {
    lines: Vec<Transaction>,
    /// Whether nothing comes after them.
    at_end: bool,
}

impl HttpTeg {
    /// See [`marketplace_ports::Teg::history`].
    pub(super) async fn history_after(
        &self,
        cursor: &HistoryCursor,
        limit: u32,
    ) -> Result<HistoryPage, TegError> {
        let place = Place::parse(cursor).ok_or_else(unknown_place)?;
        let most = usize::try_from(limit).unwrap_or(LARGEST_PAGE).min(LARGEST_PAGE);
        let (mut walk, mut from) = (Walk::new(place.clone(), most), place.clone());
        loop {
            let wanted = (place.seen.len() + most).max(SMALLEST_PAGE) + SLACK;
            let stretch = self.stretch(&from, wanted).await.map_err(CallError::of_reading)?;
            let Some(stretch) = stretch else { return Err(unknown_place()) };
            let last = stretch.lines.last().map(|line| line.transaction_id.clone());
            from.settled += stretch.lines.len() as u64;
            from.anchor = last.unwrap_or(from.anchor);
            let full = stretch.lines.into_iter().any(|line| walk.is_full_with(self, line));
            if full || stretch.at_end {
                return Ok(walk.page(cursor));
            }
        }
    }

    /// What comes after the anchor of `from`, at least one line unless it is the end; nothing when
    /// the history has no such place (any more).
    async fn stretch(&self, from: &Place, wanted: usize) -> Result<Option<Stretch>, CallError> {
        let limit = wanted.min(LARGEST_PAGE);
        // Mostly there is little new, and one call is enough.
        let newest = self.page(0, limit).await?;
        let mut total = newest.total;
        if let Some(lines) = following(&newest, 0, from) {
            return Ok(Some(Stretch { lines, at_end: true }));
        }
        // Ranks count from the oldest, offsets from the newest. The page reaches a little beyond
        // the anchor, or the oldest, for what may come before it is read. Where more than that came,
        // another look knows.
        loop {
            let beyond = total.saturating_add(SLACK as u64 + 1).saturating_sub(from.settled);
            let offset = beyond.saturating_sub(limit as u64);
            let page = self.page(offset, limit).await?;
            if let Some(lines) = following(&page, offset, from) {
                return Ok(Some(Stretch { lines, at_end: offset == 0 }));
            }
            if page.total <= total.saturating_add(SLACK as u64) {
                break;
            }
            total = page.total;
        }
        tracing::error!("the TEG's history is not as long as it was: the place is searched in it");
        self.search(from).await
    }

    /// Looks for the anchor from the newest on.
    async fn search(&self, from: &Place) -> Result<Option<Stretch>, CallError> {
        let (mut younger, mut offset) = (Vec::new(), 0);
        loop {
            let page = self.page(offset, LARGEST_PAGE).await?;
            let count = page.transactions.len();
            if let Some(mut lines) = following(&page, offset, from) {
                lines.append(&mut younger);
                lines.dedup_by(|one, other| one.transaction_id == other.transaction_id);
                return Ok(Some(Stretch { lines, at_end: true }));
            }
            if count < LARGEST_PAGE {
                return Ok(None);
            }
            let mut lines = page.transactions;
            lines.reverse();
            lines.append(&mut younger);
            (younger, offset) = (lines, offset + count as u64);
        }
    }

    async fn page(&self, offset: u64, limit: usize) -> Result<Answer, CallError> {
        let call = Call::get("/token/transactions").query("limit", &limit).query("offset", &offset);
        self.caller.read(call).await
    }

    /// A transfer of ours by its key, looked for in everything that is not older than the key.
    pub(super) async fn find_by_key(&self, key: Uuid) -> Result<Option<TegTransfer>, CallError> {
        let since = made_at(key);
        let mut offset = 0;
        loop {
            let page = self.page(offset, LARGEST_PAGE).await?;
            let count = page.transactions.len();
            for line in &page.transactions {
                match line.standing(&self.caller.settings.owner) {
                    Standing::Completed(transfer) if transfer.key == Some(key) => {
                        return Ok(Some(transfer));
                    }
                    // It is there and has not moved: as good as an answer that was lost.
                    Standing::Pending(transfer) if transfer.key == Some(key) => {
                        return Err(CallError::lost("the transfer is pending at the TEG"));
                    }
                    _ => {}
                }
            }
            let past = |line: &Transaction| since.is_some_and(|since| line.at() < since);
            if count < LARGEST_PAGE || page.transactions.last().is_some_and(past) {
                return Ok(None);
            }
            // What came meanwhile moves the rest on: lines are seen twice, none is missed.
            offset += count as u64;
        }
    }
}

/// The lines of a page after the anchor, oldest first, if it can be told where they begin.
fn following(page: &Answer, offset: u64, from: &Place) -> Option<Vec<Transaction>> {
    let lines = &page.transactions;
    let begin = if from.settled == 0 {
        // All down to the oldest.
        (offset + lines.len() as u64 >= page.total).then_some(lines.len())?
    } else {
        lines.iter().position(|line| line.transaction_id == from.anchor)?
    };
    Some(lines[..begin].iter().rev().cloned().collect())
}

/// Reads lines until there are enough.
struct Walk {
    place: Place,
    most: usize,
    page: HistoryPage,
    walked: Vec<(Transaction, bool)>,
    anything_new: bool,
}

impl Walk {
    fn new(place: Place, most: usize) -> Self {
        let page = HistoryPage::default();
        Self { place, most, page, walked: Vec::new(), anything_new: false }
    }

    /// Takes a line, unless there are enough.
    fn is_full_with(&mut self, teg: &HttpTeg, line: Transaction) -> bool {
        let seen = self.place.has_seen(&line);
        let done = match line.standing(&teg.caller.settings.owner) {
            _ if seen => true,
            Standing::Completed(_) if self.page.transfers.len() >= self.most => return true,
            Standing::Completed(transfer) => {
                self.page.transfers.push(transfer);
                true
            }
            Standing::Pending(transfer) if transfer.at.plus(HOPELESS) >= teg.caller.now() => {
                if transfer.receiver == teg.caller.settings.owner {
                    self.page.pending.push(transfer);
                }
                false
            }
            Standing::Failed(transfer) | Standing::Pending(transfer) => {
                if transfer.receiver == teg.caller.settings.owner {
                    self.page.failed.push(transfer);
                }
                true
            }
            Standing::Nothing => true,
        };
        self.anything_new |= done && !seen;
        self.walked.push((line, done));
        false
    }

    fn page(self, cursor: &HistoryCursor) -> HistoryPage {
        let walked: Vec<_> = self.walked.iter().map(|(line, done)| (line, *done)).collect();
        let next =
            if self.anything_new { self.place.after(&walked).cursor() } else { cursor.clone() };
        HistoryPage { next, ..self.page }
    }
}

fn unknown_place() -> TegError {
    TegError::Refused {
        code: TegError::INVALID_CURSOR,
        reason: "the TEG's history has no such place; begin with an empty cursor".to_owned(),
    }
}

/// When a key was made, where it tells: less than an hour before, by a clock that may differ.
fn made_at(key: Uuid) -> Option<Timestamp> {
    let (seconds, nanos) = key.get_timestamp()?.to_unix();
    let micros = i64::try_from(seconds).ok()?.checked_mul(1_000_000)?;
    let at = Timestamp::from_micros(micros + i64::from(nanos / 1_000));
    Some(at.minus(CLOCKS_APART))
}
