//! What happened on each day, counted from the facts of the feed.

use std::collections::BTreeMap;

use marketplace_money::{Amount, Timestamp};
use marketplace_ports::SealedEvent;
use serde_json::Value;

const MICROS_PER_DAY: i64 = 86_400_000_000;
/// Days that are remembered.
const DAYS: i64 = 400;
/// Upper ends of the classes of time to settle, in seconds; the last class has none.
pub const SETTLE_BOUNDS: [u32; 7] = [60, 600, 3_600, 21_600, 86_400, 259_200, 604_800];
/// Classes of time to settle.
pub const SETTLE_CLASSES: usize = SETTLE_BOUNDS.len() + 1;

/// A day of the market, in UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Day {
    /// New listings.
    pub listings: u64,
    /// Orders that were placed.
    pub orders: u64,
    /// Orders that ended with something for the provider.
    pub settled: u64,
    /// Orders that ended with everything back to the buyer.
    pub refunded: u64,
    /// What providers were paid.
    pub volume: Amount,
    /// What the marketplace earned by listings and trades.
    pub fees: Amount,
    /// What open orders held at the end of the day.
    pub escrow: Amount,
    /// Disputes that were opened.
    pub disputes_opened: u64,
    /// Disputes that ended.
    pub disputes_closed: u64,
    /// How long ended orders took, all together.
    pub settle_seconds: u64,
    /// Ended orders by the time that they took.
    pub settle_times: [u64; SETTLE_CLASSES],
}

impl Day {
    /// How long an ended order took on average, in seconds.
    #[must_use]
    pub fn mean_settle_seconds(&self) -> Option<u64> {
        self.settle_seconds.checked_div(self.settle_times.iter().sum())
    }
}

/// Everything that is counted, up to a position of the feed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Book {
    pub(super) position: u64,
    pub(super) escrow: Amount,
    pub(super) open_orders: u64,
    pub(super) open_disputes: u64,
    /// By the number of the day since 1970; days without events have no entry.
    pub(super) days: BTreeMap<i64, Day>,
}

/// Which day it is, counted from 1970-01-01.
pub(super) const fn day_of(at: Timestamp) -> i64 {
    at.micros().div_euclid(MICROS_PER_DAY)
}

pub(super) const fn begin_of(day: i64) -> Timestamp {
    Timestamp::from_micros(day.saturating_mul(MICROS_PER_DAY))
}

fn plus(sum: Amount, part: Amount) -> Amount {
    Amount::from_nano(sum.nano().saturating_add(part.nano()))
}

/// An event's words, where it is one that is counted.
struct Facts(Value);

impl Facts {
    fn of(event: &SealedEvent) -> Self {
        Self(serde_json::from_str(&event.data).unwrap_or_default())
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    fn amount(&self, name: &str) -> Option<Amount> {
        self.text(name)?.parse().ok()
    }
}

impl Book {
    /// Takes in the next event. What cannot be read counts as nothing: the log is ours, and every
    /// server reads the same.
    pub(super) fn hear(&mut self, event: &SealedEvent) {
        self.position = event.position;
        match event.name.as_str() {
            "listing.created" => {
                let fee = Facts::of(event).amount("fee").unwrap_or_default();
                let day = self.day(event.at);
                day.listings += 1;
                day.fees = plus(day.fees, fee);
            }
            "order.placed" => {
                let facts = Facts::of(event);
                self.open_orders += 1;
                if facts.text("status") != Some("PENDING") {
                    self.hold(facts.amount("total"));
                }
                self.day(event.at).orders += 1;
            }
            "order.funded" => {
                self.hold(Facts::of(event).amount("total"));
                self.day(event.at);
            }
            "order.closed" => self.close(event),
            "dispute.opened" => {
                self.open_disputes += 1;
                self.day(event.at).disputes_opened += 1;
            }
            "dispute.closed" => {
                self.open_disputes = self.open_disputes.saturating_sub(1);
                self.day(event.at).disputes_closed += 1;
            }
            _ => {}
        }
    }

    fn hold(&mut self, total: Option<Amount>) {
        self.escrow = plus(self.escrow, total.unwrap_or_default());
    }

    fn close(&mut self, event: &SealedEvent) {
        let facts = Facts::of(event);
        self.open_orders = self.open_orders.saturating_sub(1);
        // An order that was never paid moved nothing.
        let Some(paid) = facts.amount("seller_received") else { return };
        let total = facts.amount("total").unwrap_or_default();
        self.escrow = Amount::from_nano(self.escrow.nano().saturating_sub(total.nano()));
        let fee = facts.amount("fee_collected").unwrap_or_default();
        let placed = facts.0.get("placed_at").and_then(Value::as_i64);
        let day = self.day(event.at);
        day.volume = plus(day.volume, paid);
        day.fees = plus(day.fees, fee);
        let ended = if paid.is_positive() { &mut day.settled } else { &mut day.refunded };
        *ended += 1;
        if let Some(placed) = placed {
            let micros = event.at.micros().saturating_sub(placed);
            let seconds = u64::try_from(micros / 1_000_000).unwrap_or_default();
            day.settle_seconds = day.settle_seconds.saturating_add(seconds);
            let class = SETTLE_BOUNDS.iter().take_while(|&&end| seconds >= u64::from(end)).count();
            if let Some(count) = day.settle_times.get_mut(class) {
                *count += 1;
            }
        }
    }

    /// The day of an instant, which ends with what is in escrow now.
    fn day(&mut self, at: Timestamp) -> &mut Day {
        let number = day_of(at);
        while let Some(first) = self.days.first_entry() {
            if number - first.key() < DAYS {
                break;
            }
            first.remove();
        }
        let escrow = self.escrow;
        let day = self.days.entry(number).or_default();
        day.escrow = escrow;
        day
    }

    /// The last `count` days up to the one of `now`, the oldest first, none left out.
    pub(super) fn last_days(&self, now: Timestamp, count: u32) -> Vec<(i64, Day)> {
        let last = day_of(now);
        let first = last - i64::from(count.max(1)) + 1;
        let before = self.days.range(..first).next_back();
        let mut escrow = before.map_or(Amount::ZERO, |(_, day)| day.escrow);
        let day = |number: i64| {
            let quiet = Day { escrow, ..Day::default() };
            let day = self.days.get(&number).copied().unwrap_or(quiet);
            escrow = day.escrow;
            (number, day)
        };
        (first..=last).map(day).collect()
    }
}

#[cfg(test)]
mod tests {
    use marketplace_money::{EventId, ListingId};
    use marketplace_ports::Subject;
    use uuid::Uuid;

    use super::*;

    const NOON: i64 = 20_000 * MICROS_PER_DAY + MICROS_PER_DAY / 2;

    fn event(position: u64, name: &str, micros: i64, data: &str) -> SealedEvent {
        SealedEvent {
            position,
            id: EventId::new(Uuid::nil()),
            subject: Subject::Listing(ListingId::new(Uuid::nil())),
            name: name.to_owned(),
            audience: Vec::new(),
            at: Timestamp::from_micros(micros),
            data: data.to_owned(),
        }
    }

    #[test]
    fn days_add_up() {
        let mut book = Book::default();
        let closed = format!(
            "{{\"total\":\"5.125\",\"seller_received\":\"5\",\"fee_collected\":\"0.125\",\
             \"placed_at\":{NOON}}}"
        );
        let next = NOON + MICROS_PER_DAY;
        let told = [
            ("listing.created", NOON, "{\"fee\":\"0.1\"}"),
            ("order.placed", NOON, "{\"status\":\"ESCROW_FUNDED\",\"total\":\"5.125\"}"),
            ("order.placed", NOON, "{\"status\":\"PENDING\",\"total\":\"7\"}"),
            ("order.funded", NOON, "{\"total\":\"7\"}"),
            ("order.placed", NOON, "{\"status\":\"PENDING\",\"total\":\"9\"}"),
            ("dispute.opened", NOON, "{}"),
            ("dispute.closed", next, "{}"),
            ("order.closed", next, &closed),
            ("order.closed", next, "{\"total\":\"9\"}"),
            ("wallet.deposited", next, "no JSON"),
        ];
        for (at, (name, micros, data)) in (1..).zip(told) {
            book.hear(&event(at, name, micros, data));
        }
        let days = book.last_days(Timestamp::from_micros(next), 3);
        let [before, first, second] = days.as_slice() else { panic!("{days:?}") };
        assert_eq!(before, &(19_999, Day::default()));
        assert_eq!((first.1.listings, first.1.orders, first.1.disputes_opened), (1, 3, 1));
        let text = |day: &Day| format!("{} {} {}", day.volume, day.fees, day.escrow);
        assert_eq!((text(&first.1), text(&second.1)), ("0 0.1 12.125".into(), "5 0.125 7".into()));
        assert_eq!((second.1.settled, second.1.refunded, second.1.disputes_closed), (1, 0, 1));
        assert_eq!(second.1.mean_settle_seconds(), Some(86_400));
        assert_eq!(second.1.settle_times, [0, 0, 0, 0, 0, 1, 0, 0]);
        assert_eq!((book.position, book.open_orders, book.open_disputes), (10, 1, 0));
        assert_eq!(book.escrow.to_string(), "7");
    }

    #[test]
    fn a_quiet_day_holds_what_the_day_before_held_and_old_days_go() {
        let mut book = Book::default();
        let placed = "{\"status\":\"ESCROW_FUNDED\",\"total\":\"3\"}";
        book.hear(&event(1, "order.placed", NOON, placed));
        let check = |book: &Book, after: i64, count: u32, expect: &[&str]| {
            let now = Timestamp::from_micros(NOON + after * MICROS_PER_DAY);
            let days = book.last_days(now, count);
            let held: Vec<String> = days.iter().map(|(_, day)| day.escrow.to_string()).collect();
            assert_eq!(held, expect);
        };
        check(&book, 2, 3, &["3", "3", "3"]);
        check(&book, 2, 1, &["3"]);
        check(&book, -1, 2, &["0", "0"]);
        book.hear(&event(2, "listing.created", NOON + DAYS * MICROS_PER_DAY, "{}"));
        assert_eq!(book.days.len(), 1);
        check(&book, DAYS, 1, &["3"]);
    }
}
