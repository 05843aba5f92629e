//! The counts in a note of the store: a line for each day.

use std::fmt::Write as _;

use marketplace_money::Amount;
use marketplace_ports::StoreError;

use super::book::{Book, Day, SETTLE_CLASSES};
use crate::marketplace::Marketplace;

const NOTE: &str = "overview";
/// Grows when something is counted in another way: then the feed is counted anew.
const RULES: u32 = 1;

fn text_of(book: &Book) -> String {
    let Book { position, escrow, open_orders, open_disputes, days } = book;
    let escrow = escrow.nano();
    let mut text = format!("{RULES} {position} {escrow} {open_orders} {open_disputes}");
    for (number, day) in days {
        // Writing to a string cannot fail, here and below.
        let _ = write!(text, "\n{number}");
        for value in numbers(day) {
            let _ = write!(text, " {value}");
        }
    }
    text
}

fn numbers(day: &Day) -> impl Iterator<Item = i64> {
    let amounts = [day.volume, day.fees, day.escrow].map(Amount::nano);
    let counts = [
        day.listings,
        day.orders,
        day.settled,
        day.refunded,
        day.disputes_opened,
        day.disputes_closed,
        day.settle_seconds,
    ];
    let counts = counts.into_iter().chain(day.settle_times);
    amounts.into_iter().chain(counts.map(|count| i64::try_from(count).unwrap_or(i64::MAX)))
}

fn day_of(words: &mut std::str::Split<'_, char>) -> Option<Day> {
    let mut next = || words.next()?.parse::<i64>().ok();
    let mut amount = || Some(Amount::from_nano(next()?));
    let (volume, fees, escrow) = (amount()?, amount()?, amount()?);
    let mut count = || u64::try_from(next()?).ok();
    let mut day = Day {
        volume,
        fees,
        escrow,
        listings: count()?,
        orders: count()?,
        settled: count()?,
        refunded: count()?,
        disputes_opened: count()?,
        disputes_closed: count()?,
        settle_seconds: count()?,
        settle_times: [0; SETTLE_CLASSES],
    };
    for class in &mut day.settle_times {
        *class = count()?;
    }
    Some(day)
}

fn book_of(text: &str) -> Option<Book> {
    let mut lines = text.lines();
    let mut head = lines.next()?.split(' ');
    if head.next()?.parse() != Ok(RULES) {
        return None;
    }
    let mut book = Book {
        position: head.next()?.parse().ok()?,
        escrow: Amount::from_nano(head.next()?.parse().ok()?),
        open_orders: head.next()?.parse().ok()?,
        open_disputes: head.next()?.parse().ok()?,
        ..Book::default()
    };
    for line in lines {
        let mut words = line.split(' ');
        let number = words.next()?.parse().ok()?;
        book.days.insert(number, day_of(&mut words)?);
    }
    Some(book)
}

impl Marketplace {
    pub(super) async fn kept_counts(&self) -> Result<Option<Book>, StoreError> {
        Ok(self.store().note(NOTE).await?.and_then(|text| book_of(&text)))
    }

    /// Keeps the counts for servers that start, when there is news.
    pub(crate) async fn keep_counts(&self) -> Result<(), StoreError> {
        if !self.inner.standings.is_complete() {
            return Ok(());
        }
        let (position, text) = {
            let known = self.inner.counts.lock();
            (known.book.position, text_of(&known.book))
        };
        let kept = self.kept_counts().await?;
        if kept.is_none_or(|kept| kept.position < position) {
            self.store().set_note(NOTE, &text).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_says_what_was_counted() {
        let day = Day {
            listings: 1,
            orders: 2,
            settled: 3,
            refunded: 4,
            volume: Amount::from_avt(5),
            fees: Amount::from_nano(6),
            escrow: Amount::from_nano(7),
            disputes_opened: 8,
            disputes_closed: 9,
            settle_seconds: 10,
            settle_times: [11, 12, 13, 14, 15, 16, 17, 18],
        };
        let mut book = Book { position: 77, open_orders: 5, open_disputes: 1, ..Book::default() };
        book.escrow = Amount::from_nano(-3);
        book.days.insert(20_000, day);
        book.days.insert(20_007, Day { orders: 1, ..day });
        let text = text_of(&book);
        assert_eq!(book_of(&text), Some(book));
        for damaged in ["", "0 1 2 3 4", "1 1 2 3", "1 1 2 3 4\n20000 1 2"] {
            assert_eq!(book_of(damaged), None, "{damaged:?}");
        }
    }
}
