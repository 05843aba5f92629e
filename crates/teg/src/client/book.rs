//! Who took which part of the hour's calls, as plain data: nothing here knows a store or a clock.

use marketplace_money::{Seconds, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::breaker::wait;
use super::budget::{HOUR, HourlyLimits, SHARES, Spent};
use super::share::USABLE;

/// A part is at most one of so many of the whole, and of what is left a quarter.
const PARTS: u32 = 20;
const OF_WHAT_IS_LEFT: u32 = 4;
const MINUTE: Seconds = Seconds(60);

/// Which budget a call is taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Kind {
    /// Moves nothing.
    Read,
    /// Moves tokens, and is a request too.
    Transfer,
}

/// What somebody took.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Part {
    id: Uuid,
    /// When it was taken, in microseconds.
    at: i64,
    /// Until when its calls count.
    until: i64,
    kind: Kind,
    calls: u32,
}

/// All parts that still count.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Book {
    parts: Vec<Part>,
}

impl Book {
    /// As it was written, without what counts no more. A note that cannot be read counts nothing.
    pub(super) fn read(note: Option<&str>, now: Timestamp) -> Self {
        let mut book: Self =
            note.and_then(|note| serde_json::from_str(note).ok()).unwrap_or_default();
        book.parts.retain(|part| now.micros() < part.until);
        book
    }

    pub(super) fn to_text(&self) -> String {
        // Texts and whole numbers: it is always JSON.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Of a part only what was made of it counts, for an hour from now.
    pub(super) fn settle(&mut self, id: Uuid, made: u32, now: Timestamp) {
        for part in self.parts.iter_mut().filter(|part| part.id == id) {
            part.calls = made;
            part.until = part.until.min(now.plus(HOUR).micros());
        }
        self.parts.retain(|part| part.calls > 0);
    }

    /// Gives out a part, or says when there may be one again.
    pub(super) fn grant(
        &mut self,
        limits: HourlyLimits,
        kind: Kind,
        id: Uuid,
        now: Timestamp,
    ) -> Result<u32, Spent> {
        let transfers = self.taken(|part| part.kind == Kind::Transfer);
        let requests = self.taken(|_| true);
        let mut size = self.slice(limits.requests, requests, now, "calls")?;
        match kind {
            Kind::Transfer => {
                size = size.min(self.slice(limits.transfers, transfers, now, "transfers")?);
            }
            Kind::Read => size = size.min(self.spread(limits.requests, requests, now)?),
        }
        let until = now.plus(USABLE).plus(HOUR).micros();
        self.parts.push(Part { id, at: now.micros(), until, kind, calls: size });
        Ok(size)
    }

    fn taken(&self, which: impl Fn(&Part) -> bool) -> u32 {
        let parts = self.parts.iter().filter(|part| which(part));
        parts.fold(0, |sum, part| sum.saturating_add(part.calls))
    }

    /// A share of what is left of a limit.
    fn slice(&self, limit: u32, taken: u32, now: Timestamp, name: &str) -> Result<u32, Spent> {
        if limit == 0 {
            return Ok(PARTS);
        }
        let left = limit.saturating_sub(taken);
        if left == 0 {
            let first = self.parts.iter().map(|part| part.until).min().unwrap_or_default();
            return Err(Spent {
                what: format!("our budget of {limit} {name} an hour at the TEG is spent"),
                wait: wait(Timestamp::from_micros(first), now),
            });
        }
        Ok(left.div_ceil(OF_WHAT_IS_LEFT).min(limit.div_ceil(PARTS)))
    }

    /// Half of an hour's calls may be taken as they come. After that a minute has its share, for all
    /// together.
    fn spread(&self, limit: u32, taken: u32, now: Timestamp) -> Result<u32, Spent> {
        let (share, half) = (limit / SHARES, limit / 2);
        if share == 0 {
            return Ok(u32::MAX);
        }
        if taken < half {
            return Ok(half - taken);
        }
        let is_recent = |part: &Part| {
            part.kind == Kind::Read && now < Timestamp::from_micros(part.at).plus(MINUTE)
        };
        let reads = self.taken(is_recent);
        let first = self.parts.iter().filter(|part| is_recent(part)).map(|part| part.at).min();
        match share.saturating_sub(reads) {
            0 => Err(Spent {
                what: format!("over half of our {limit} calls an hour at the TEG are made"),
                wait: first.map_or(MINUTE, |at| wait(Timestamp::from_micros(at).plus(MINUTE), now)),
            }),
            left => Ok(left),
        }
    }
}
